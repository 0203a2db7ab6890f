"""A check: id, function, severity and effects; its sentence is `caution.<id>` in the catalogue of messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType

from valuation.messages import Message, sentence
from valuation.numeric.columns import FloatArray
from valuation.provenance.check_context import CheckContext
from valuation.result import Caution, Severity, make_caution

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
        NaN without a finding, else the number that its sentence shows as ``{number}``.
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
    """

    id: str
    function: Callable[[CheckContext], FloatArray]
    severity: Severity
    widen: float = 1.0
    haircut: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    blocks: tuple[str, ...] = ()
    evidence: Evidence | None = None
    grade: str = "A"
    weakens_readings: bool = False
    refuses: bool = False

    @cached_property
    def effect(self) -> Message:
        """The effect of the finding on the answer; of a refusal, the next step."""
        if self.refuses:
            return Message(f"caution.{self.id}.effect")
        parts = [Message("effect.wider", share=self.widen - 1.0)] if self.widen > 1.0 else []
        parts += [Message("effect.haircut", share=share, route=route) for route, share in self.haircut.items()]
        parts += [Message("effect.closes", routes=self.blocks)] if self.blocks else []
        parts += [Message("effect.weak_readings")] if self.weakens_readings else []
        parts += [Message("effect.grade", grade=self.grade)] if self.grade != "A" else []
        return Message("effect.several", parts=parts) if parts else Message("effect.none")

    @cached_property
    def shows_number(self) -> bool:
        """Whether its sentence shows a number."""
        return "{number" in sentence(f"caution.{self.id}").en

    def caution(self, number: float) -> Caution:
        """Return the finding as a caution with its number in the message."""
        return self._cached(number if self.shows_number else 1.0)

    @cached_property
    def _cached(self) -> Callable[[float], Caution]:
        return lru_cache(maxsize=1024)(self._formatted)

    def _formatted(self, number: float) -> Caution:
        return make_caution(self.id, self.severity, effect=self.effect, number=number)
