"""A check: id, function, severity, effects, and a message in both languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType

from valuation.numeric.columns import FloatArray
from valuation.provenance.check_context import CheckContext
from valuation.result import Caution, Severity

_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The facts on a record that raise a finding, so that they can be removed (:mod:`valuation.provenance.sound_twin`).

    Attributes
    ----------
    event_types : types of the events.
    kinds : kinds of the negative events.
    from_severity : float
        Negative events with a lower stated severity are not evidence. [1]
    conditions : conditions of a pack, in any event.
    event_fields, pack_fields : names of fields.
    """

    event_types: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    from_severity: float = 0.0
    conditions: tuple[str, ...] = ()
    event_fields: tuple[str, ...] = ()
    pack_fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check on a traced history (核验项).

    Parameters
    ----------
    id : str
        Family letter and number: C code, H hierarchy, T timeline, U use, P physical, S source, R refusal.
    function : CheckContext -> float column
        NaN without a finding, else the number that `message_en` and `message_zh` show as ``{value}``.
    severity : "info", "warn" or "block"
        `block` closes a route or refuses the pack.
    widen : float
        Factor on the width of the band; at least 1.
    haircut : mapping of route to fraction
        Share deducted from the value of a route.
    blocks : routes that are closed, whatever sales show. A check that closes recycling closes all routes.
    evidence : the facts that raise the finding; required if the check closes a route.
    grade : best trust grade of a pack with this finding.
    weakens_readings : whether BMS readings of health no longer count as evidence.
    refuses : whether the pack must not be valued.
    way_out : next step for the user, shown with a refusal.
    """

    id: str
    function: Callable[[CheckContext], FloatArray]
    severity: Severity
    message_en: str
    message_zh: str
    widen: float = 1.0
    haircut: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    blocks: tuple[str, ...] = ()
    evidence: Evidence | None = None
    grade: str = "A"
    weakens_readings: bool = False
    refuses: bool = False
    way_out: str = ""

    @cached_property
    def effect(self) -> str:
        """The effect of the finding on the answer, in words."""
        parts = [f"band {self.widen - 1.0:.0%} wider"] if self.widen > 1.0 else []
        parts += [f"{share:.0%} off {route}" for route, share in self.haircut.items()]
        parts += [f"closes {', '.join(self.blocks)}"] if self.blocks else []
        parts += ["reported health counts for less"] if self.weakens_readings else []
        parts += [f"trust grade {self.grade} at best"] if self.grade != "A" else []
        return "; ".join(parts) or "none"

    def caution(self, number: float) -> Caution:
        """Return the finding as a caution with its number in the message."""
        return self._cached(number) if self._shows_number else self._plain

    @cached_property
    def _shows_number(self) -> bool:
        return "{value" in self.message_en or "{value" in self.message_zh

    @cached_property
    def _plain(self) -> Caution:
        return self._formatted(1.0)

    @cached_property
    def _cached(self) -> Callable[[float], Caution]:
        return lru_cache(maxsize=1024)(self._formatted)

    def _formatted(self, number: float) -> Caution:
        return Caution(
            id=self.id,
            severity=self.severity,
            message_en=self.message_en.format(value=number),
            message_zh=self.message_zh.format(value=number),
            effect=self.way_out if self.refuses else self.effect,
        )
