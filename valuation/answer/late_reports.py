"""Reports that came after the valuation day (未计入记录): their number, and the first day on which they count.

The field `not_used` of an answer and its cautions D01 and D02 are built from the same columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from valuation.numeric.columns import BoolArray
from valuation.record.cases import Cases
from valuation.record.not_used import NOTHING_LEFT_OUT, NotUsed
from valuation.record.to_columns import calendar_day
from valuation.result import Caution

_EFFECT = "not part of this value; choose that day or a later one as the valuation day to count it"


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
    parts = [
        (left_out.happened_after, "happened after the valuation day", "发生在评估基准日之后"),
        (left_out.reported_after, "reported after it", "在其后上报"),
        (left_out.recorded_after, "recorded after it", "在其后入库"),
    ]
    counted = [part for part in parts if part[0]]
    english = ", ".join(f"{count} {why}" for count, why, _ in counted)
    chinese = "，".join(f"{count} 条{why}" for count, _, why in counted)
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
def late_nameplate_caution(left_out: NotUsed) -> Caution:
    """Return caution D02: a newer nameplate that is not used."""
    day = left_out.nameplate_counts_on
    return Caution(
        id="D02",
        severity="warn",
        message_en=f"A nameplate recorded on {day}, after the valuation day, is not used.",
        message_zh=f"铭牌信息于 {day} 更新，晚于评估基准日，本次未采用。",
        effect=_EFFECT,
    )
