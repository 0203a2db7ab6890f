"""The condition in a cell (外观): an event of the day on which the pack was seen so."""

from __future__ import annotations

from valuation.ingest.fields.aliases import choice_name
from valuation.record.fields import LIFE_CYCLE_STATUSES, event_field

_CONDITIONS, _KINDS = event_field("condition").choices, event_field("kind").choices


def event_of_condition(spelled: object) -> dict[str, object] | None:
    """Return the event that a text under a heading such as 外观 tells, None if it is neither a condition nor damage.

    >>> event_of_condition("鼓包"), event_of_condition("泡水"), event_of_condition("在库")
    ({'type': 'collected_in', 'condition': 'swollen'}, {'type': 'negative', 'kind': 'water'}, None)
    """
    if not isinstance(spelled, str):
        return None
    condition = choice_name(spelled.strip(), "condition", _CONDITIONS)
    if condition is not None:
        return {"type": "collected_in", "condition": condition}
    kind = choice_name(spelled.strip(), "kind", _KINDS)
    return None if kind is None or kind == "other" else {"type": "negative", "kind": kind}


def names_status(spelled: object) -> bool:
    """Return whether a text under a heading such as 状态 is a life-cycle status, not a condition.

    >>> names_status("已再生利用"), names_status("完好")
    (True, False)
    """
    if not isinstance(spelled, str) or event_of_condition(spelled) is not None:
        return False
    return choice_name(spelled, "life_cycle_status", LIFE_CYCLE_STATUSES) is not None
