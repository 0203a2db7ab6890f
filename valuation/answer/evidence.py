"""Value of further evidence (证据价值): the expected width of the band after each action, over the width now.

Each action is simulated: the uncertainty of health, composition, energy or quotes is set to what the action would
leave, and the structural spread is recomputed. The result of an action is unknown, so values stay and only the
uncertainty is reduced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Final, TypeVar

import numpy as np

from valuation.condition.health import StateOfHealth
from valuation.condition.readings import NOISE
from valuation.dossier import Dossier
from valuation.market.snapshot import join_markets
from valuation.numeric.asinh_scale import scale_sd
from valuation.numeric.columns import FloatArray, coalesce
from valuation.pack.materials import DECLARED_SD
from valuation.provenance.run_checks import settled_widening
from valuation.record.cases import Cases
from valuation.routes.structural_value import Routes

Part = TypeVar("Part")
Spread = Callable[[Dossier], FloatArray]
"""Returns one standard deviation of the value of each pack in a dossier. [CNY/kWh]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action before a deal: the uncertainty that it reduces, and the findings that it settles.

    `includes` names a smaller action that this one covers completely, so this one narrows the band at least as much.
    """

    health_sd: float | None = None
    composition: bool = False
    energy: bool = False
    quotes: bool = False
    settles: tuple[str, ...] = ()
    includes: str | None = None


def _sd(source: str) -> float:
    """Return one standard deviation of a single new reading from a source. [1]"""
    noise = NOISE[source]
    return float(np.sqrt(noise.single * noise.single + noise.shared * noise.shared))


ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        "capacity_test": Action(
            health_sd=_sd("lab_test"),
            settles=("U05", "U06", "U07", "U08", "U09", "U11", "U12", "U18", "S02", "H07"),
            includes="quick_test",
        ),
        "quick_test": Action(
            health_sd=_sd("quick_test"),
            settles=("U05", "U06", "U07", "U08", "U09", "U11", "U12", "U18", "S02"),
        ),
        "passport_composition": Action(composition=True),
        "nameplate": Action(
            energy=True,
            settles=("C06", "P07"),
        ),
        "weighing": Action(settles=("P02", "P06")),
        "opening_inspection": Action(
            settles=("P01", "P08", "H01", "H03", "H04", "H06", "H08", "U13", "U17"),
        ),
        "module_list": Action(settles=("H08",)),
        "fresher_quotes": Action(quotes=True),
    }
)
"""Actions by name; actions of equal effect are listed in this order."""


def structural_spread(dossier: Dossier) -> FloatArray:
    """Return one standard deviation of the structural value, recomputed from the parts of the dossier. [CNY/kWh]

    It is in money, not on the scale, because the result of a test does not move the expected value in money.
    """
    return _in_money(dossier.priced_routes(dossier.assumptions))


def _in_money(routes: Routes) -> FloatArray:
    """Return the spread of the structural value in money, by inverting `asinh_scale.scale_sd`. [CNY/kWh]"""
    return routes.scale_sd / scale_sd(routes.structural_per_kwh, np.ones(len(routes.structural_per_kwh)))


def next_best(dossier: Dossier, spread_of: Spread = structural_spread) -> dict[str, FloatArray]:
    """Return, for each action, the expected width of the band after it over the width now, shape (packs,). [1]

    Parameters
    ----------
    dossier : Dossier
        Dossier of the packs on their valuation days.
    spread_of : function from a dossier to spreads [CNY/kWh]
        Spread of the value for a changed dossier; by default that of the structural value.
    """
    unchanged = _in_money(dossier.routes)
    now = unchanged * dossier.findings.widen
    simulated = {name: _simulate(dossier, action) for name, action in ACTIONS.items()}
    changed = {name: one for name, one in simulated.items() if one is not dossier}
    spreads = np.split(spread_of(_concatenate_dossiers(list(changed.values()))), len(changed))
    spread = dict.fromkeys(simulated, unchanged) | dict(zip(changed, spreads, strict=True))
    hits = ~np.isnan(dossier.findings.numbers)
    ratios = {}
    for name, action in ACTIONS.items():
        after = spread[name] * settled_widening(hits, action.settles)
        if action.quotes:
            after = after / dossier.market.staleness_widening
        ratios[name] = np.minimum(after / now, 1.0)
    for name, action in ACTIONS.items():
        if action.includes is not None:  # with known health a pack may take a route with a wider spread
            ratios[name] = np.minimum(ratios[name], ratios[action.includes])
    return ratios


def _concatenate_dossiers(dossiers: Sequence[Dossier]) -> Dossier:
    """Return dossiers of the same packs as one dossier, so that all actions are computed at once.

    The events are repeated too, because the behaviour of buyers depends on them.
    """
    first = dossiers[0]
    times = len(dossiers)
    cases = first.cases
    packs = {name: np.tile(column, times) for name, column in cases.packs.items()}
    return replace(
        first,
        region=np.tile(first.region, times),
        cases=Cases(
            as_of_day=np.tile(cases.as_of_day, times),
            packs=packs,
            texts={name: texts * times for name, texts in cases.texts.items()},
            events={name: np.tile(column, times) for name, column in cases.events.items()},
            row=np.concatenate([cases.row + cases.rows * copy for copy in range(times)]),
        ),
        nameplate=_concatenate_parts([one.nameplate for one in dossiers]),
        health=_concatenate_parts([one.health for one in dossiers]),
        market=join_markets([one.market for one in dossiers]),
        earlier_market=join_markets([one.earlier_market for one in dossiers]),
        metals=_concatenate_parts([one.metals for one in dossiers]),
        findings=_concatenate_parts([one.findings for one in dossiers]),
    )


def _concatenate_parts(parts: Sequence[Part]) -> Part:
    """Return several batches concatenated: every column, and every column in a mapping."""
    columns: dict[str, object] = {}
    for field in fields(parts[0]):  # type: ignore[arg-type]  # a dataclass of columns
        columns[field.name] = _concatenate_columns([getattr(part, field.name) for part in parts])
    return type(parts[0])(**columns)


def _concatenate_columns(columns: Sequence[FloatArray | Mapping[str, FloatArray]]) -> object:
    first = columns[0]
    if isinstance(first, Mapping):
        return {name: _concatenate_columns([column[name] for column in columns]) for name in first}  # type: ignore[call-overload]  # all alike
    return np.concatenate(columns)  # type: ignore[arg-type]  # all are arrays where the first is


def _simulate(dossier: Dossier, action: Action) -> Dossier:
    """Return the dossier with the uncertainty that the action would leave; the same object if nothing changes."""
    changed: dict[str, object] = {}
    if action.health_sd is not None:
        # The test is independent of the earlier readings, so their precisions add up.
        changed["health"] = _with_test(dossier.health, action.health_sd)
    if action.composition:
        sds = {
            element: np.where(sd > DECLARED_SD, DECLARED_SD, sd) for element, sd in dossier.metals.relative_sd.items()
        }
        changed["metals"] = replace(dossier.metals, relative_sd=sds)
    if action.energy:
        changed["nameplate"] = replace(dossier.nameplate, energy_log_sd=np.zeros(dossier.rows))
    if action.quotes:
        changed["market"] = dossier.market.quoted_today()
    return replace(dossier, **changed) if changed else dossier  # type: ignore[arg-type]  # names above are its fields


def _with_test(health: StateOfHealth, sd: float) -> StateOfHealth:
    """Return health after a test that confirms the estimate: with less uncertainty, for the valuer and for buyers."""
    known, before = health.soh_sd, health.tested_sd
    return replace(
        health,
        soh_sd=known * sd / np.sqrt(known * known + sd * sd),
        tested_soh=coalesce(health.tested_soh, health.soh),
        tested_sd=np.where(np.isnan(before), sd, before * sd / np.sqrt(before * before + sd * sd)),
    )
