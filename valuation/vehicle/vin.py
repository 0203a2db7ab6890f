"""Vehicle identification number (车辆识别代号, GB 16735, ISO 3779): model year and maker."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from valuation.vehicle.catalogue import makes

_YEARS: Final = "ABCDEFGHJKLMNPRSTVWXY123456789"
"""Tenth character from model year 2010 on, in a cycle of thirty years; electric cars are not older."""
_FIRST_YEAR: Final = 2010.0
_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VALUES: Final = dict(
    zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", (*range(10), *range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True)
)
"""Weight of each place and value of each character for the check digit (GB 16735-2019 annex A). [1]"""
_CHECKED_REGIONS: Final = "L12345"
"""First characters of the countries that require the check digit: China and North America."""

_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")


def tidy(vin: str) -> str:
    """Return a VIN in capitals without blanks and hyphens."""
    return re.sub(r"[\s-]", "", vin).upper()


def is_vin(vin: str) -> bool:
    """Return whether a text has the form of a VIN: 17 characters without I, O and Q."""
    return _VIN.fullmatch(tidy(vin)) is not None


def model_year_of(vin: str) -> float:
    """Return the model year encoded in a VIN; NaN if the text is not a VIN or the year is not between 2010 and 2030.

    >>> model_year_of("LGXC16DF4K0123456")
    2019.0
    """
    place = _YEARS.find(tidy(vin)[9]) if is_vin(vin) else -1
    return _FIRST_YEAR + place if 0 <= place <= _YEARS.index("Y") else np.nan


def has_wrong_check_digit(vin: str) -> bool:
    """Return whether the ninth character of a VIN of China or North America contradicts the others.

    >>> has_wrong_check_digit("LGXC16DF4K0123456"), has_wrong_check_digit("LGXC16DF7K0123456")
    (True, False)
    """
    spelled = tidy(vin)
    if not is_vin(vin) or spelled[0] not in _CHECKED_REGIONS:
        return False
    total = sum(weight * _VALUES[letter] for weight, letter in zip(_WEIGHTS, spelled, strict=True))
    return spelled[8] != "0123456789X"[total % 11]


def makes_of_vin(vin: str) -> frozenset[str]:
    """Return the makes registered for the first three characters of a VIN; empty if these are not in the table.

    >>> sorted(makes_of_vin("LGXC16DF4K0123456"))
    ['BYD', 'Denza']
    """
    return frozenset(make.name for make in makes().values() if is_vin(vin) and tidy(vin)[:3] in make.wmi)
