"""What an answer says about reports that came after the valuation day: how many, and the first day that counts them.

An answer to one question never ignores a report without a word: the same columns fill `not_used`, the cautions D01 and
D02 of one pack, and the caution ids of a fleet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache

import numpy as np

from valuation.numeric.columns import BoolArray
from valuation.record.cases import Cases
from valuation.record.not_used import NOTHING_LEFT_OUT, NotUsed
from valuation.record.to_columns import calendar_day
from valuation.result import Caution

_EFFECT = "not part of this value; choose that day or a later one as the valuation day to count it"


def not_used(cases: Cases) -> list[NotUsed]:
    """Return what is left out of each pack (未计入记录), one a pack."""
    found = cases.not_used
    answers = [NOTHING_LEFT_OUT] * cases.rows
    for row in np.flatnonzero(~np.isnan(found.first_day)).tolist():
        happened, reported, recorded = found.by_reason[:, row].tolist()
        answers[row] = NotUsed(
            events_after_as_of=happened + reported + recorded,
            happened_after=happened,
            reported_after=reported,
            recorded_after=recorded,
            nameplate_counts_on=calendar_day(float(found.nameplate_day[row])),
            first_counts_on=calendar_day(float(found.first_day[row])),
        )
    return answers


def late_report_masks(cases: Cases) -> Iterator[tuple[str, BoolArray]]:
    """Yield the ids of :func:`late_report_cautions` with the packs they are raised for."""
    found = cases.not_used
    yield "D01", found.by_reason.sum(axis=0) > 0
    yield "D02", ~np.isnan(found.nameplate_day)


def late_report_cautions(left_out: Sequence[NotUsed]) -> Iterator[tuple[int, Caution]]:
    """Yield the cautions about what is left out, each with the row of its pack."""
    for row, one in enumerate(left_out):
        if one is NOTHING_LEFT_OUT:
            continue
        if one.events_after_as_of:
            yield row, _events(one)
        if one.nameplate_counts_on is not None:
            yield row, _nameplate(one.nameplate_counts_on)


@lru_cache(maxsize=1024)
def _events(left_out: NotUsed) -> Caution:
    """Return the caution about events."""
    parts = [
        (left_out.happened_after, "happened after the valuation day", "发生在评估基准日之后"),
        (left_out.reported_after, "reported after it", "在其后上报"),
        (left_out.recorded_after, "recorded after it", "在其后入库"),
    ]
    said = [part for part in parts if part[0]]
    english = ", ".join(f"{count} {why}" for count, why, _ in said)
    chinese = "，".join(f"{count} 条{why}" for count, _, why in said)
    day = left_out.first_counts_on
    count = left_out.events_after_as_of
    events = "1 event is" if count == 1 else f"{count} events are"
    return Caution(
        id="D01",
        severity="warn",
        message_en=f"{events} not used: {english}. The first day that counts any of this is {day}.",
        message_zh=f"有 {count} 条记录未计入：{chinese}。评估基准日最早取 {day} 方可计入。",
        effect=_EFFECT,
    )


@lru_cache(maxsize=1024)
def _nameplate(day: date) -> Caution:
    """Return the caution about a newer nameplate."""
    return Caution(
        id="D02",
        severity="warn",
        message_en=f"A nameplate recorded on {day}, after the valuation day, is not used.",
        message_zh=f"铭牌信息于 {day} 更新，晚于评估基准日，本次未采用。",
        effect=_EFFECT,
    )
