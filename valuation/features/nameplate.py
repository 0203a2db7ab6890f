"""Features of the nameplate (铭牌特征)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray
from valuation.pack.chemistry import family_code
from valuation.pack.design_sizes import SPECIFICATION_LENGTH
from valuation.record.fields import text_code


def chemistry(dossier: Dossier) -> FloatArray:
    """Return the chemistry (电池体系). [code of CHEMISTRIES]"""
    return dossier.nameplate.chemistry


def family(dossier: Dossier) -> FloatArray:
    """Return the group of chemistries with common payables. [code of FAMILIES]"""
    return family_code(dossier.nameplate.chemistry)


def chemistry_declared(dossier: Dossier) -> FloatArray:
    """Return 1 if the record states the chemistry, 0 if only the code does. [1]"""
    return dossier.nameplate.chemistry_declared.astype(np.float64)


def rated_energy(dossier: Dossier) -> FloatArray:
    """Return rated energy, declared or typical (额定能量). [kWh]"""
    return dossier.nameplate.energy_kwh


def energy_spread(dossier: Dossier) -> FloatArray:
    """Return the uncertainty of the rated energy, 0 if declared. [1]"""
    return dossier.nameplate.energy_log_sd


def rated_capacity(dossier: Dossier) -> FloatArray:
    """Return rated capacity (额定容量). [Ah]"""
    return dossier.cases.packs["rated_capacity_ah"]


def nominal_voltage(dossier: Dossier) -> FloatArray:
    """Return nominal voltage (标称电压). [V]"""
    return dossier.cases.packs["nominal_voltage_v"]


def mass_per_energy(dossier: Dossier) -> FloatArray:
    """Return mass over rated energy. [kg/kWh]"""
    return dossier.nameplate.mass_kg / dossier.nameplate.energy_kwh


def level(dossier: Dossier) -> FloatArray:
    """Return the level in the code: pack, module or cell (产品类型). [code of LEVELS]"""
    return dossier.nameplate.level


def duty(dossier: Dossier) -> FloatArray:
    """Return the vehicle's kind of use (车辆用途). [code of DUTIES]"""
    return dossier.cases.packs["duty"]


def maker(dossier: Dossier) -> FloatArray:
    """Return the maker by name, else by the vendor letters of the code (厂商). [text code]"""
    texts = dossier.cases.texts
    return _text_codes(
        [name or (code or "")[:3] for name, code in zip(texts["maker"], texts["battery_code"], strict=True)]
    )


def vehicle_model(dossier: Dossier) -> FloatArray:
    """Return the vehicle model that the pack was built for (车型). [text code]"""
    return _text_codes(dossier.cases.texts["vehicle_model"])


def specification(dossier: Dossier) -> FloatArray:
    """Return vendor, level, type and spec letters of the code, shared by packs of one design (规格代码). [text code]

    They are the first seven characters of a GB/T 34014-2017 code; NaN for other codes.
    """
    return _text_codes(_specifications(dossier))


def specification_of_unknown_size(dossier: Dossier) -> FloatArray:
    """Return the specification if the record does not state rated energy. [text code]"""
    unknown_size = dossier.nameplate.energy_log_sd > 0.0
    return np.where(unknown_size, specification(dossier), np.nan)


def _specifications(dossier: Dossier) -> list[str | None]:
    """Return the specification letters of each standard code, None for other codes."""
    codes = zip(dossier.cases.texts["battery_code"], dossier.findings.code_kind == 0.0, strict=True)
    return [code[:SPECIFICATION_LENGTH] if code and standard else None for code, standard in codes]


def _text_codes(texts: Sequence[str | None]) -> FloatArray:
    """Return a number for each text, computed once per distinct text; NaN without a text."""
    codes = {text: text_code(text) if text else np.nan for text in set(texts)}
    return np.array([codes[text] for text in texts], dtype=np.float64)
