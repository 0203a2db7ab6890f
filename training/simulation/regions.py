"""Provinces of the synthetic market (地区): share of the fleet, climate, haulage cost and price premium."""

from __future__ import annotations

from typing import NamedTuple


class Region(NamedTuple):
    """A province: share of the fleet, mean temperature, haulage cost to the recyclers, price premium."""

    code: str
    share: float
    mean_temperature_c: float
    haul_cny_per_kg: float
    premium: float


REGIONS = (
    Region("CN-GD", 0.16, 22.5, 0.35, 0.020), Region("CN-ZJ", 0.10, 17.0, 0.40, 0.015),
    Region("CN-JS", 0.09, 16.0, 0.45, 0.010), Region("CN-SH", 0.08, 17.0, 0.45, 0.010),
    Region("CN-HN", 0.06, 17.5, 0.25, 0.010), Region("CN-HB", 0.06, 16.8, 0.30, 0.005),
    Region("CN-AH", 0.05, 16.2, 0.40, 0.0), Region("CN-FJ", 0.05, 20.0, 0.45, 0.0),
    Region("CN-SC", 0.06, 16.5, 0.60, -0.010), Region("CN-GX", 0.05, 21.5, 0.45, 0.0),
    Region("CN-HI", 0.02, 24.8, 0.80, -0.020), Region("CN-HA", 0.07, 15.0, 0.40, 0.0),
    Region("CN-SD", 0.06, 13.8, 0.50, 0.0), Region("CN-BJ", 0.06, 12.8, 0.60, 0.0),
    Region("CN-LN", 0.02, 9.0, 0.80, -0.015), Region("CN-XJ", 0.01, 9.5, 1.40, -0.030),
)  # fmt: skip
REGION_CODES = tuple(region.code for region in REGIONS)
