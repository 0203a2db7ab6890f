"""What the list of a pack's modules (蓄电池模块) tells about the pack, as a few numbers a pack."""

from __future__ import annotations

from collections.abc import Sequence

from valuation.columns import UNKNOWN
from valuation.history import Module

MODULE_COLUMNS = (
    "module_count",
    "module_lowest_soh",
    "module_mean_soh",
    "module_soh_spread",
    "module_repeated",
    "module_foreign",
)


def describe_modules(battery_code: str | None, modules: Sequence[Module]) -> tuple[float, ...]:
    """Return the numbers named in :data:`MODULE_COLUMNS`.

    `module_repeated` counts codes that stand more than once, `module_foreign` those of another maker than the pack's
    (first three characters of the code); both are not known where no module is listed.

    >>> describe_modules("T01P", [Module(battery_code="T01M1", soh=0.75), Module(battery_code="T02M1", soh=0.875)])
    (2.0, 0.75, 0.8125, 0.125, 0.0, 1.0)
    """
    if not modules:
        return (UNKNOWN,) * len(MODULE_COLUMNS)
    known = [module.soh for module in modules if module.soh is not None]
    codes = [module.battery_code for module in modules if module.battery_code]
    lowest = min(known, default=UNKNOWN)
    vendor = (battery_code or "")[:3]
    foreign = sum(1 for code in codes if vendor and code[:3] != vendor)
    return (
        float(len(modules)),
        lowest,
        sum(known) / len(known) if known else UNKNOWN,
        max(known) - lowest if known else UNKNOWN,
        float(len(codes) - len(set(codes))),
        float(foreign),
    )
