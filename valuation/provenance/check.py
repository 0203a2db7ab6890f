"""What a check is: an id, a function, a severity, its effects, and a sentence in both languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType

from valuation.numeric.columns import FloatArray
from valuation.provenance.check_context import CheckContext
from valuation.result import Caution, Severity

GRADES = "ABCD"
_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What on a record raises a finding, so that the same pack can be seen without it.

    Attributes
    ----------
    event_types : types of events that are left out.
    kinds : kinds of negative events that are left out.
    from_severity : float
        Negative events stated to be milder than this stay. [1]
    conditions : states of a pack that are forgotten wherever they were seen.
    event_fields, pack_fields : fields that are forgotten.
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
        Letter family and number: C code, H tree, T timeline, U use, P physical, S source, R refusal.
    function : Record -> float column
        NaN where nothing is found, else the number that `message_en` and `message_zh` show as ``{value}``.
    severity : "info", "warn" or "block"
        `block` closes a route or refuses the pack.
    widen : float
        Factor by which the band grows; at least 1.
    haircut : mapping of route to fraction
        What is taken off a route's value.
    blocks : routes that are closed; no sale reopens them. A check that closes recycling closes all routes.
    evidence : what raises the finding; every check that closes a route names it.
    grade : the best trust grade that a pack with this finding can have.
    weakens_readings : whether what the BMS says of health no longer counts as evidence.
    refuses : whether the pack must not be valued at all.
    way_out : what to do about it; shown with a refusal.
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
        """What the finding does to the answer, in words."""
        parts = [f"band {self.widen - 1.0:.0%} wider"] if self.widen > 1.0 else []
        parts += [f"{share:.0%} off {route}" for route, share in self.haircut.items()]
        parts += [f"closes {', '.join(self.blocks)}"] if self.blocks else []
        parts += ["reported health counts for less"] if self.weakens_readings else []
        parts += [f"trust grade {self.grade} at best"] if self.grade != "A" else []
        return "; ".join(parts) or "none"

    def caution(self, number: float) -> Caution:
        """Return the finding as a caution that shows its number."""
        return self._spelled_once(number) if self._shows_number else self._plain

    @cached_property
    def _shows_number(self) -> bool:
        return "{value" in self.message_en or "{value" in self.message_zh

    @cached_property
    def _plain(self) -> Caution:
        return self._spelled(1.0)

    @cached_property
    def _spelled_once(self) -> Callable[[float], Caution]:
        return lru_cache(maxsize=1024)(self._spelled)

    def _spelled(self, number: float) -> Caution:
        return Caution(
            id=self.id,
            severity=self.severity,
            message_en=self.message_en.format(value=number),
            message_zh=self.message_zh.format(value=number),
            effect=self.way_out if self.refuses else self.effect,
        )
