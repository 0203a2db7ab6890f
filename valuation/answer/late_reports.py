"""Reports that came after the valuation day (未计入记录): their number, and the first day on which they count.

The field `not_used` of an answer and its cautions D01 and D02 are built from the same columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from valuation.messages import Message
from valuation.numeric.columns import BoolArray
from valuation.record.cases import Cases
from valuation.record.to_columns import calendar_day
from valuation.record.unused_events import NOTHING_LEFT_OUT, NotUsed
from valuation.result import Caution, make_caution


def not_used(cases: Cases) -> list[NotUsed]:
    """Return the reports of each pack that are not used (未计入记录)."""
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


def has_late_events(cases: Cases) -> BoolArray:
    """Return which packs have events that are not used."""
    late: BoolArray = cases.not_used.by_reason.sum(axis=0) > 0
    return late


def has_late_nameplate(cases: Cases) -> BoolArray:
    """Return which packs have a newer nameplate that is not used."""
    return ~np.isnan(cases.not_used.nameplate_day)


def late_report_cautions(left_out: Sequence[NotUsed]) -> Iterator[tuple[int, Caution]]:
    """Yield the cautions about reports that are not used, each with the row of its pack."""
    for row, one in enumerate(left_out):
        if one is NOTHING_LEFT_OUT:
            continue
        if one.events_after_as_of:
            yield row, late_events_caution(one)
        if one.nameplate_counts_on is not None:
            yield row, late_nameplate_caution(one)


@lru_cache(maxsize=1024)
def late_events_caution(left_out: NotUsed) -> Caution:
    """Return caution D01: events that are not used."""
    counts = {
        "happened": left_out.happened_after,
        "reported": left_out.reported_after,
        "recorded": left_out.recorded_after,
    }
    total = left_out.events_after_as_of
    return make_caution(
        "D01",
        "warn",
        events=Message("caution.D01.one_event") if total == 1 else Message("caution.D01.events", count=total),
        reasons=[Message(f"caution.D01.{why}", count=count) for why, count in counts.items() if count],
        day=left_out.first_counts_on,
    )


@lru_cache(maxsize=1024)
def late_nameplate_caution(left_out: NotUsed) -> Caution:
    """Return caution D02: a newer nameplate that is not used."""
    return make_caution("D02", "warn", day=left_out.nameplate_counts_on)
