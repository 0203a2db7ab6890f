"""Cautions about the vehicle (车型提示): what rests on it, models that are not known, and a VIN that contradicts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from valuation.answer.priced_batch import PricedBatch
from valuation.messages import Message, Wording
from valuation.numeric.columns import BoolArray
from valuation.pack.vehicle_packs import MATCHES
from valuation.record.cases import Cases
from valuation.result import Severity
from valuation.vehicle.catalogue import makes_named, year_in
from valuation.vehicle.catalogue_lookup import vehicle_of
from valuation.vehicle.vin import has_wrong_check_digit, is_vin, makes_of_vin, model_year_of

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


def _described(priced: PricedBatch, row: int) -> Mapping[str, object]:
    vehicle = vehicle_of(priced.dossier.cases, row)
    if vehicle is None:
        return {}
    lower, upper = vehicle.energy_range_kwh()
    parts = [f"{part.chemistry} {part.share:.0%}" for part in vehicle.parts]
    named = priced.dossier.cases.texts["vehicle_model"][row] or ""
    return {
        "named": named,
        "vehicle": Wording(vehicle.name, vehicle.name_zh) if vehicle.name else Message("value.cars_of_year"),
        "range": Message("value.energy_range", lower=lower, upper=upper, parts=parts),
        "near": Message("value.similar_names", names=vehicle.near) if vehicle.near else "",
    }


def _years(cases: Cases, row: int) -> tuple[float, float]:
    """Return the model year in the VIN and the year that is stated, NaN where unknown."""
    vin, model = cases.texts["vin"][row], cases.texts["vehicle_model"][row]
    stated = float(cases.packs["model_year"][row])
    if np.isnan(stated) and model:
        stated = year_in(model) or np.nan
    return (model_year_of(vin) if vin else np.nan), stated


def _makes(cases: Cases, row: int) -> tuple[frozenset[str], frozenset[str]]:
    """Return the makes indicated by the VIN and the stated ones."""
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


def _mistyped(cases: Cases, row: int) -> bool:
    return has_wrong_check_digit(cases.texts["vin"][row] or "")


def _spelled_vin(priced: PricedBatch, row: int) -> Mapping[str, object]:
    return {"vin": priced.dossier.cases.texts["vin"][row] or ""}


def _other_make(cases: Cases, row: int) -> bool:
    coded, stated = _makes(cases, row)
    return bool(coded and stated) and not coded & stated


def _spelled_years(priced: PricedBatch, row: int) -> Mapping[str, object]:
    coded, stated = _years(priced.dossier.cases, row)
    return {"coded": f"{coded:.0f}", "stated": f"{stated:.0f}"}


def _spelled_makes(priced: PricedBatch, row: int) -> Mapping[str, object]:
    coded, stated = _makes(priced.dossier.cases, row)
    return {"coded": " / ".join(sorted(coded)), "stated": " / ".join(sorted(stated))}


VEHICLE_CAUTIONS: Final[
    tuple[
        tuple[
            str,
            Severity,
            Callable[[PricedBatch], BoolArray | None],
            Callable[[PricedBatch, int], Mapping[str, object]],
        ],
        ...,
    ]
] = (
    (
        "N05",
        "info",
        _known,
        _described,
    ),
    (
        "N06",
        "warn",
        _unknown,
        _described,
    ),
    (
        "N07",
        "warn",
        _with_vin(_other_year),
        _spelled_years,
    ),
    (
        "N08",
        "warn",
        _with_vin(_other_make),
        _spelled_makes,
    ),
    (
        "N09",
        "warn",
        _with_vin(lambda cases, row: not is_vin(cases.texts["vin"][row] or "")),
        _spelled_vin,
    ),
    (
        "N10",
        "warn",
        _with_vin(_mistyped),
        _spelled_vin,
    ),
)
"""Id and severity of a caution, the packs it is raised for, and the parameters of its sentence."""
