"""Cautions about the vehicle (车型提示): what rests on it, models that are not known, and a VIN that contradicts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from valuation.answer.priced_batch import PricedBatch
from valuation.numeric.columns import BoolArray
from valuation.pack.vehicle_packs import MATCHES
from valuation.record.cases import Cases
from valuation.result import Caution
from valuation.vehicle.catalogue import makes_named, year_in
from valuation.vehicle.describe import vehicle_of
from valuation.vehicle.vin import is_vin, makes_of_vin, model_year_of

_MODEL: Final = float(MATCHES.index("model"))


def _rests(priced: PricedBatch) -> BoolArray:
    """Return the packs whose energy or chemistry rests on their vehicle."""
    nameplate = priced.dossier.nameplate
    assumed = (nameplate.energy_log_sd > 0.0) | ~nameplate.chemistry_declared
    rests: BoolArray = assumed & ~np.isnan(nameplate.vehicle_match)
    return rests


def _known(priced: PricedBatch) -> BoolArray:
    known: BoolArray = _rests(priced) & (priced.dossier.nameplate.vehicle_match == _MODEL)
    return known


def _unknown(priced: PricedBatch) -> BoolArray:
    unknown: BoolArray = _rests(priced) & (priced.dossier.nameplate.vehicle_match < _MODEL)
    return unknown


def _described(priced: PricedBatch, row: int) -> Mapping[str, str]:
    vehicle = vehicle_of(priced.dossier.cases, row)
    if vehicle is None:
        return {}
    lower, upper = vehicle.energy_range_kwh()
    parts = ", ".join(f"{part.chemistry} {part.share:.0%}" for part in vehicle.parts)
    named = priced.dossier.cases.texts["vehicle_model"][row] or ""
    near = ", ".join(vehicle.near)
    return {
        "named": named,
        "vehicle": vehicle.name or "cars of that year",
        "vehicle_zh": vehicle.name_zh or "同年份车辆",
        "range": f"{lower:.0f}-{upper:.0f} kWh ({parts})",
        "near": f"; similar names: {near}" if near else "",
        "near_zh": f"；相近车型：{near}" if near else "",
    }


def _years(cases: Cases, row: int) -> tuple[float, float]:
    """Return the model year in the VIN and the year that is stated, NaN where unknown."""
    vin, model = cases.texts["vin"][row], cases.texts["vehicle_model"][row]
    stated = float(cases.packs["model_year"][row])
    if np.isnan(stated) and model:
        stated = year_in(model) or np.nan
    return (model_year_of(vin) if vin else np.nan), stated


def _makes(cases: Cases, row: int) -> tuple[frozenset[str], frozenset[str]]:
    """Return the makes that the VIN stands for and those that are stated."""
    vehicle = vehicle_of(cases, row)
    stated = makes_named(cases.texts["make"][row] or "") or (vehicle.makes if vehicle is not None else frozenset())
    return makes_of_vin(cases.texts["vin"][row] or ""), stated


def _with_vin(conflicts: Callable[[Cases, int], bool]) -> Callable[[PricedBatch], BoolArray | None]:
    """Return the mask of the packs with a VIN that conflicts; None if no pack has one."""

    def applies(priced: PricedBatch) -> BoolArray | None:
        cases = priced.dossier.cases
        rows = [row for row, vin in enumerate(cases.texts["vin"]) if vin is not None]
        if not rows:
            return None
        mask = np.zeros(cases.rows, dtype=np.bool_)
        mask[[row for row in rows if conflicts(cases, row)]] = True
        return mask

    return applies


def _other_year(cases: Cases, row: int) -> bool:
    coded, stated = _years(cases, row)
    return abs(coded - stated) >= 1.0


def _other_make(cases: Cases, row: int) -> bool:
    coded, stated = _makes(cases, row)
    return bool(coded and stated) and not coded & stated


def _spelled_years(priced: PricedBatch, row: int) -> Mapping[str, str]:
    coded, stated = _years(priced.dossier.cases, row)
    return {"coded": f"{coded:.0f}", "stated": f"{stated:.0f}"}


def _spelled_makes(priced: PricedBatch, row: int) -> Mapping[str, str]:
    coded, stated = _makes(priced.dossier.cases, row)
    return {"coded": " / ".join(sorted(coded)), "stated": " / ".join(sorted(stated))}


VEHICLE_CAUTIONS: Final = (
    (
        Caution(
            id="N05",
            severity="info",
            message_en="Energy and chemistry rest on the vehicle {vehicle}: 90 % of its packs have {range}.",
            message_zh="能量与电池类型按车型 {vehicle_zh} 推断：其中 90% 的电池为 {range}。",
            effect="widens the band; give chemistry and rated_energy_kwh from the nameplate",
        ),
        _known,
        _described,
    ),
    (
        Caution(
            id="N06",
            severity="warn",
            message_en="The model {named} is not in the table of vehicles{near}. Energy is that of {vehicle}: {range}.",
            message_zh="车型表中没有 {named}{near_zh}。能量按 {vehicle_zh} 推断：{range}。",
            effect="widens the band; give chemistry and rated_energy_kwh from the nameplate",
        ),
        _unknown,
        _described,
    ),
    (
        Caution(
            id="N07",
            severity="warn",
            message_en="The VIN says model year {coded}, the record says {stated}; the record is used.",
            message_zh="车架号对应年款 {coded}，所报为 {stated}；按所报计算。",
            effect="check the VIN and the model year",
        ),
        _with_vin(_other_year),
        _spelled_years,
    ),
    (
        Caution(
            id="N08",
            severity="warn",
            message_en="The VIN is one of {coded}, the record says {stated}; the record is used.",
            message_zh="车架号属于 {coded}，所报品牌为 {stated}；按所报计算。",
            effect="check the VIN and the make",
        ),
        _with_vin(_other_make),
        _spelled_makes,
    ),
    (
        Caution(
            id="N09",
            severity="warn",
            message_en="The VIN {vin} does not have 17 letters and digits without I, O and Q; it is not used.",
            message_zh="车架号 {vin} 不是 17 位有效字符（不含 I、O、Q），未采用。",
            effect="correct the VIN",
        ),
        _with_vin(lambda cases, row: not is_vin(cases.texts["vin"][row] or "")),
        lambda priced, row: {"vin": priced.dossier.cases.texts["vin"][row] or ""},
    ),
)
"""Caution, the packs it is raised for, and the values in its texts."""
