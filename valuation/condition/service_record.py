"""What the record tells of the service of a pack (服役记录): whether age and use explain its health (先验分组).

A pack in service that is followed from its first day hardly ever hides a fault; one that was taken out for a fault
mostly has one. The share of packs whose health age and use do not explain, and how far retired packs have faded more
than similar ones in service, follow from: whether it left its vehicle and why, how long ago it was last reported, and
whether its distance was reported throughout.

Sources: 2.5 % of the packs of 20,000 cars replaced, below 1 % for model years from 2016 (Recurrent 2024) for packs in
service; the mixture at retirement that :mod:`valuation.condition.health` names for the others. Shares are judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray, coalesce, first, last
from valuation.pack.nameplate import DAYS_PER_YEAR, Nameplate
from valuation.record.cases import Cases
from valuation.record.fields import text_code

LEFT_BY: Final = ("retired", "removed", "vehicle_scrapped", "collected_in")
SERVICE: Final = ("installed", "sold", "owner_changed", "usage", "swapped_in", "swapped_out")
IN_SERVICE_SHARE: Final = 0.015
"""Share of odd packs in service: between below 1 % (from 2016) and 2.5 % (all years) of Recurrent 2024. [1]"""
UNREPORTED_SHARE: Final = 0.05
"""The same if no distance or cycles were ever reported (judged: twice 2.5 %, as nobody looked). [1]"""
RETIRED_SHARE: Final = 0.20
RETIRED_FADE: Final = 1.25
"""Fade of packs retired for age or no stated reason against similar packs in service (judged from the mixture). [1]"""


@dataclass(frozen=True, slots=True)
class Retirement:
    """What a reason of retirement tells: the share of odd packs, and the fade against packs in service. [1]"""

    odd_share: float
    fade: float


# Judged from the mixture at retirement: crash and warranty .86-.99 as in service, failed or abused .30-.70.
CHANCE: Final = Retirement(0.06, 1.0)  # accident, upgrade, exchange: says nothing of the health
FAULT: Final = Retirement(0.50, 1.25)  # failure, low capacity
WORN: Final = Retirement(RETIRED_SHARE, RETIRED_FADE)  # end of life, or no reason that is known

REASONS: Final[dict[Retirement, tuple[str, ...]]] = {
    CHANCE: (
        *("accident", "crash", "collision", "insurance", "write_off", "upgrade", "warranty_exchange", "recall"),
        *("fleet renewal", "fleet_renewal", "事故", "碰撞", "交通事故", "升级", "更新换代", "车辆更新", "质保更换"),
        "召回",
    ),
    FAULT: (
        *("failure", "fault", "defect", "capacity_below_limit", "low_capacity", "range_loss"),
        *("故障", "电池故障", "失效", "容量不足", "容量衰减", "续航不足", "容量低于标准"),
    ),
}
"""Reasons of retirement as they are written; any other counts as worn."""

FRESH_A: Final = 1.0  # judged: reported within a year, a pack without a leaving event is in service
SILENT_A: Final = 3.0  # judged: not reported for so long, nothing is known of its service
CONTINUOUS_GAP_A: Final = 1.5  # judged: longest time between distances that counts as followed (two yearly inspections)
CONTINUOUS_FACTOR: Final = 0.5  # judged: share of odd packs among those followed, against the others


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """What the service of each pack tells of its health, one row per pack.

    Attributes
    ----------
    odd_share : in (0, 1)
        Share of packs with such a record whose health age and use do not explain. [1]
    fade : at least 1
        Fade against similar packs in service. [1]
    """

    odd_share: FloatArray
    fade: FloatArray


def read_service(cases: Cases, nameplate: Nameplate) -> ServiceRecord:
    """Return the share of odd packs and the relative fade of packs with such a record."""
    odd_share, fade = _of_retirement(cases)
    measured = ~np.isnan(coalesce(cases.highest("odometer_km"), cases.last("full_cycles"), cases.packs["odometer_km"]))
    in_service = np.where(measured, IN_SERVICE_SHARE, UNREPORTED_SHARE)
    in_use = np.isnan(cases.first_day(*LEFT_BY))
    silent = _silent_share(cases)
    odd_share = np.where(in_use, in_service + (RETIRED_SHARE - in_service) * silent, odd_share)
    fade = np.where(in_use, 1.0 + (RETIRED_FADE - 1.0) * silent, fade)
    followed = _followed(cases, nameplate)
    return ServiceRecord(odd_share=np.where(followed, CONTINUOUS_FACTOR * odd_share, odd_share), fade=fade)


def _of_retirement(cases: Cases) -> tuple[FloatArray, FloatArray]:
    """Return odd share and fade by the last stated reason, worn without one."""
    reason = cases.last("reason", cases.is_type(*LEFT_BY) & ~np.isnan(cases.events["reason"]))
    odd_share, fade = np.full(cases.rows, WORN.odd_share), np.full(cases.rows, WORN.fade)
    for retirement, codes in _CODES.items():
        stated = np.isin(reason, codes)
        odd_share = np.where(stated, retirement.odd_share, odd_share)
        fade = np.where(stated, retirement.fade, fade)
    return odd_share, fade


def _silent_share(cases: Cases) -> FloatArray:
    """Return how far the service of a pack is unknown: 0 if reported within a year, 1 if not for three or never."""
    last_report = cases.last("on_day", cases.is_type(*SERVICE))
    years = (cases.as_of_day - last_report) / DAYS_PER_YEAR
    share = np.minimum(np.maximum((years - FRESH_A) / (SILENT_A - FRESH_A), 0.0), 1.0)
    return np.where(np.isnan(last_report), 1.0, share)


def _followed(cases: Cases, nameplate: Nameplate) -> BoolArray:
    """Return whether the distance of a pack was reported from its first use on, without a long gap.

    Only the days of the reports count, not the distances: a higher distance never raises the estimate.
    """
    place = cases.known("odometer_km")
    row, day = cases.row[place], cases.events["on_day"][place]
    left = cases.first_day(*LEFT_BY)
    gap = np.maximum(
        first(row, day, cases.rows) - nameplate.in_service_day,
        np.where(np.isnan(left), cases.as_of_day, left) - last(row, day, cases.rows),
    )
    later, earlier = cases.pairs("odometer_km")
    gap = np.where(np.isnan(gap), np.inf, gap)
    np.maximum.at(gap, cases.row[later], cases.events["on_day"][later] - cases.events["on_day"][earlier])
    followed: BoolArray = gap <= CONTINUOUS_GAP_A * DAYS_PER_YEAR
    return followed


_CODES: Final = {kind: np.array([text_code(word) for word in words]) for kind, words in REASONS.items()}
