"""Features of age and season (年限特征)."""

from __future__ import annotations

import numpy as np

from valuation.condition.age_and_use import DAYS_PER_YEAR, calendar_age, days_in_use, days_out_of_use
from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray
from valuation.provenance.check_context import DAYS_PER_MONTH


def calendar_age_a(dossier: Dossier) -> FloatArray:
    """Return years since production (日历年限). [a]"""
    return calendar_age(dossier.cases, dossier.nameplate)


def service_years(dossier: Dossier) -> FloatArray:
    """Return years between first use and leaving the vehicle, or today (服役年限). [a]"""
    return days_in_use(dossier.cases, dossier.nameplate) / DAYS_PER_YEAR


def storage_months(dossier: Dossier) -> FloatArray:
    """Return months since the pack left its vehicle, 0 if it has not (离车存放时间). [months]"""
    return days_out_of_use(dossier.cases, dossier.nameplate) / DAYS_PER_MONTH


def made_year(dossier: Dossier) -> FloatArray:
    """Return the year of production, typical for a pack without a date (生产年份). [a]"""
    return np.floor(dossier.nameplate.year)


def season(dossier: Dossier) -> FloatArray:
    """Return the elapsed share of the year on the valuation day (季节). [1]"""
    year = dossier.cases.as_of_day / DAYS_PER_YEAR
    return year - np.floor(year)
