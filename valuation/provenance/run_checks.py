"""Run the checks and derive their results (核验结论): findings, tier, grade, closed routes, haircuts, refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

import numpy as np

from valuation.condition.health import StateOfHealth
from valuation.errors import RefusedPack
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.pack.nameplate import Nameplate
from valuation.provenance.catalogue import CHECKS, IDS
from valuation.provenance.check import Check
from valuation.provenance.check_context import CheckContext, build_check_context
from valuation.provenance.evidence_tiers import completeness_grade, evidence_tier
from valuation.record.cases import Cases
from valuation.result import GRADES, Caution

ROUTES: Final = ("recycling", "second_life", "reuse")
WIDEST: Final = 2.5  # judged: the material is there, whatever the findings
DEEPEST_HAIRCUT: Final = 0.60
_SEVERITIES: Final = ("block", "warn", "info")
_GRAVEST_FIRST: Final = tuple(sorted(CHECKS, key=lambda check: (_SEVERITIES.index(check.severity), check.id)))
_LEFT: Final = {route: np.array([1.0 - check.haircut.get(route, 0.0) for check in CHECKS]) for route in ROUTES}
_BEST_GRADE: Final = np.array([float(GRADES.index(check.grade)) for check in CHECKS])
_REFUSING: Final = np.flatnonzero([check.refuses for check in CHECKS])
_REFUSING_CHECKS: Final = tuple((check, CHECKS.index(check)) for check in _GRAVEST_FIRST if check.refuses)
_WEAKENING: Final = np.flatnonzero([check.weakens_readings for check in CHECKS])
_BLOCKING: Final = {route: np.flatnonzero([route in check.blocks for check in CHECKS]) for route in ROUTES}
_BY_GRAVITY: Final = np.array([CHECKS.index(check) for check in _GRAVEST_FIRST], dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Results of the checks, one row per pack.

    Attributes
    ----------
    numbers : float matrix of shape (packs, checks)
        NaN without a finding, else the number in its message; columns in the order of `ids`.
    widen : factor on the width of the band, at least 1.
    tier : evidence tier (证据等级) 0 to 4: code alone, ledger, usage summary or BMS, quick test, laboratory test.
    grade : trust grade (溯源等级) 0 to 3 for A to D.
    code_kind : kind of battery code, as an index of :data:`valuation.battery_code.layout.KINDS`; NaN without one.
    refused : packs that must not be valued.
    blocked, haircut : by route, whether it is closed, and the share deducted from its value.
    """

    numbers: FloatArray
    widen: FloatArray
    tier: FloatArray
    grade: FloatArray
    code_kind: FloatArray
    refused: BoolArray
    blocked: Mapping[str, BoolArray]
    haircut: Mapping[str, FloatArray]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the checks, in the order of the columns of `numbers`."""
        return IDS

    @cached_property
    def closes(self) -> BoolArray:
        """Packs with a finding that closes a route."""
        closed = self.blocked[ROUTES[0]]
        for route in ROUTES[1:]:
            closed = closed | self.blocked[route]
        return closed

    def number(self, check_id: str) -> FloatArray:
        """Return the numbers of one check, one row per pack."""
        column: FloatArray = self.numbers[:, IDS.index(check_id)]
        return column

    def count(self, *severities: str) -> FloatArray:
        """Return the number of findings of these severities. [1]"""
        chosen = np.flatnonzero([check.severity in severities for check in CHECKS])
        counted: IntArray = (~np.isnan(self.numbers[:, chosen])).sum(axis=1)
        return counted.astype(np.float64)

    def found(self, row: int) -> tuple[tuple[Check, float], ...]:
        """Return the findings of one pack with their numbers, most severe first."""
        return self._found[row]

    @cached_property
    def _found(self) -> tuple[tuple[tuple[Check, float], ...], ...]:
        """Findings of every pack, most severe first."""
        numbers = self.numbers[:, _BY_GRAVITY]
        rows, positions = np.nonzero(~np.isnan(numbers))
        hits: list[list[tuple[Check, float]]] = [[] for _ in range(len(numbers))]
        for row, position, number in zip(
            rows.tolist(), positions.tolist(), numbers[rows, positions].tolist(), strict=True
        ):
            hits[row].append((_GRAVEST_FIRST[position], number))
        return tuple(tuple(found) for found in hits)

    def blockers(self, route: str, row: int) -> tuple[str, ...]:
        """Return the ids of the findings that close a route to one pack."""
        return tuple(check.id for check, _ in self.found(row) if route in check.blocks)

    def cautions(self, row: int) -> tuple[Caution, ...]:
        """Return the findings of one pack as cautions, most severe first."""
        return tuple(check.caution(number) for check, number in self.found(row))

    def masks(self) -> Iterator[tuple[str, BoolArray]]:
        """Yield the id of each check with the mask of its findings, most severe first."""
        for check, position in zip(_GRAVEST_FIRST, _BY_GRAVITY.tolist(), strict=True):
            yield check.id, ~np.isnan(self.numbers[:, position])

    def refusal(self, row: int) -> Caution | None:
        """Return the finding that refuses one pack, with the next step as its effect; None if it may be valued."""
        if self.refused[row]:
            for check, position in _REFUSING_CHECKS:
                number = float(self.numbers[row, position])
                if not np.isnan(number):
                    return check.caution(number)
        return None

    def refusal_error(self, row: int) -> RefusedPack | None:
        """Return the error of a pack that must not be valued; None if it may be valued."""
        why = self.refusal(row)
        if why is None:
            return None
        number = float(self.numbers[row, IDS.index(why.id)])
        sentence = f"caution.{why.id}"
        return RefusedPack(sentence, hint=f"{sentence}.effect", field="battery_code", value=why.id, number=number)


def run_checks(cases: Cases, nameplate: Nameplate, health: StateOfHealth) -> Findings:
    """Run every check on every pack and return the findings with their consequences (溯源核验)."""
    context = build_check_context(cases, nameplate, health)
    by_check = np.empty((len(CHECKS), cases.rows))
    for position, check in enumerate(CHECKS):
        by_check[position] = check.function(context)
    numbers = np.ascontiguousarray(by_check.T)
    hits = ~np.isnan(numbers)
    tier = evidence_tier(context)
    return Findings(
        numbers=numbers,
        widen=_widen(hits),
        tier=_weakened(hits, tier),
        grade=_grade(context, hits, tier),
        code_kind=np.where(context.has_code, context.code["kind_code"], np.nan),
        refused=_any(hits, _REFUSING),
        blocked={route: _any(hits, blocking) for route, blocking in _BLOCKING.items()},
        haircut={route: _haircut(hits, route) for route in ROUTES},
    )


def _any(hits: BoolArray, positions: IntArray) -> BoolArray:
    """Return the packs with a finding of the checks at these positions."""
    return np.asarray(hits[:, positions].any(axis=1), dtype=np.bool_)


def _widen(hits: BoolArray) -> FloatArray:
    """Return the product of the findings' widening factors, at most :data:`WIDEST`. [1]"""
    return settled_widening(hits, ())


def settled_widening(hits: BoolArray, settled: tuple[str, ...]) -> FloatArray:
    """Return the product of the widening factors, at most :data:`WIDEST`, without settled findings. [1]"""
    return np.minimum(_product(hits, _widenings(settled)), WIDEST)


@cache
def _widenings(settled: tuple[str, ...]) -> FloatArray:
    """Return the widening factor of each check, 1 if it is settled. [1]"""
    return np.array([1.0 if check.id in settled else max(check.widen, 1.0) for check in CHECKS])


def _product(hits: BoolArray, factors: FloatArray) -> FloatArray:
    """Return the product of the factors of each row's findings, in a fixed order: the same bits for one pack or many.

    Checks without findings and factors of 1 are skipped, as they do not change a bit.
    """
    effective = ((factors != 1.0) & hits.any(axis=0)).nonzero()[0]
    product = np.ones(len(hits))
    for check in effective.tolist():
        product[hits[:, check]] *= factors[check]
    return product


def _haircut(hits: BoolArray, route: str) -> FloatArray:
    """Return the share that the findings together deduct from the value of a route. [1]"""
    left = _product(hits, _LEFT[route])
    return np.minimum(1.0 - left, DEEPEST_HAIRCUT)


def _weakened(hits: BoolArray, tier: FloatArray) -> FloatArray:
    """Return the tier, one lower if it rests on BMS readings that a finding discredits. [1]"""
    discredited = _any(hits, _WEAKENING)
    return np.where(discredited & (tier == 2.0), 1.0, tier)


def _grade(context: CheckContext, hits: BoolArray, tier: FloatArray) -> FloatArray:
    """Return the trust grade: the grade for completeness, limited by the worst finding. [1]"""
    limits = np.where(hits, _BEST_GRADE, 0.0)
    grade: FloatArray = np.maximum(completeness_grade(context, tier), limits.max(axis=1))
    return grade
