"""Drift of features, prices and coverage against the training set (漂移).

A model holds a summary of its training set: the deciles of each numeric feature or the shares of each category, and the
share of missing values. Later packs are counted in the same bins and compared by the population stability index and the
Kolmogorov-Smirnov distance. One policy says when drift, or coverage and bias of the bands on later sales, calls for
action.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from valuation import features
from valuation.messages import Message
from valuation.numeric.columns import BoolArray, FloatArray

_BINS = 10
_DIGITS = 9

MOVED = 0.25
"""Population stability index above which a distribution has moved (N. Siddiqi, Credit Risk Scorecards, 2006). [1]"""

LEAST_SALES = 30
"""Fewest later sales on which coverage is judged."""
_DOUBT, _FAR, _MOST_MOVED = 0.01, 0.10, 0.10
STRUCTURAL, PRICE = "structural value", "price"
OF_THE_MARKET = frozenset(
    feature.name for feature in features.FEATURES if feature.function.__module__.endswith((".market", ".structure"))
) | {STRUCTURAL, PRICE, "season"}
"""Columns that follow market and calendar; they are excluded from the policy, because recentring follows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Drift of one column.

    Attributes
    ----------
    name
        The column.
    psi
        Population stability index, sum of (now - then) ln(now / then) over the bins. [1]
    noise
        Expected index for as many packs from the same distribution. [1]
    ks
        Largest distance of the cumulative distributions at the edges of the bins. [1]
    missing_then, missing_now
        Share of packs with a missing value.

    """

    name: str
    psi: float
    noise: float
    ks: float
    missing_then: float
    missing_now: float

    @property
    def moved(self) -> bool:
        """Whether the drift exceeds the limit and sampling error."""
        return self.psi > MOVED + 2.0 * self.noise


def shift_message(shift: Shift) -> Message:
    """Return the drift of one column as a line, marked if it has moved."""
    mark, label = "*" if shift.moved else " ", features.label_of(shift.name)
    return Message("drift.shift", mark=mark, psi=shift.psi, ks=shift.ks, label=label)


def reference_of(columns: Mapping[str, FloatArray], categorical: Sequence[str] = ()) -> dict[str, Any]:
    """Return the summary of columns that a model holds, as JSON.

    >>> summary = reference_of({"age": np.array([1.0, 2.0, 3.0, np.nan])})
    >>> summary["rows"], summary["columns"]["age"]["missing"]
    (4, 0.25)
    """
    rows = max((len(column) for column in columns.values()), default=0)
    return {
        "rows": rows,
        "columns": {name: _summary(column, kind=name in categorical) for name, column in columns.items()},
    }


def shifts(reference: Mapping[str, Any], columns: Mapping[str, FloatArray]) -> tuple[Shift, ...]:
    """Return the drift of each column, largest first; columns without a summary are ignored.

    >>> then = np.linspace(0.0, 1.0, 500)
    >>> [shift.moved for shift in shifts(reference_of({"x": then}), {"x": then + 0.5})]
    [True]
    >>> [shift.moved for shift in shifts(reference_of({"x": then}), {"x": then[::2]})]
    [False]
    """
    known = reference.get("columns", {})
    rows_then = int(reference.get("rows", 0))
    found = [
        _shift(name, known[name], column, rows_then)
        for name, column in columns.items()
        if name in known and len(column)
    ]
    return tuple(sorted(found, key=lambda shift: (-shift.psi, shift.name)))


def feature_columns(matrix: FloatArray) -> dict[str, FloatArray]:
    """Return the columns of a feature matrix by name."""
    return {name: np.asarray(matrix[:, place]) for place, name in enumerate(features.NAMES)}


def pack_shifts(found: Sequence[Shift]) -> tuple[Shift, ...]:
    """Return the shifts of pack features, without those that follow market and calendar."""
    return tuple(shift for shift in found if shift.name not in OF_THE_MARKET)


def is_undercovered(sales: int, coverage: float, least: float) -> bool:
    """Return whether bands hold fewer later sales than chance explains; few sales are not judged."""
    return sales >= LEAST_SALES and coverage < least


def least_coverage(effective_sales: int, level: float) -> float:
    """Return the lower binomial quantile of the coverage of a valid band. [1]

    >>> least_coverage(100, 0.9)
    0.82
    """
    return binomial_lower_count(effective_sales, level, _DOUBT) / max(effective_sales, 1)


def calls_for_action(found: Sequence[Shift], bias: float | None, *, undercovered: bool) -> bool:
    """Return whether coverage, bias of the values or the share of pack features that moved calls for action."""
    of_packs = pack_shifts(found)
    moved = sum(shift.moved for shift in of_packs)
    return undercovered or (bias is not None and abs(bias) > _FAR) or moved > _MOST_MOVED * max(len(of_packs), 1)


def binomial_lower_count(sales: int, level: float, doubt: float) -> int:
    """Return the lower binomial quantile of the number of sales covered.

    It is the smallest count that a correct band falls below with a probability of at most ``doubt``.

    >>> binomial_lower_count(100, 0.9, 0.01)
    82
    >>> binomial_lower_count(0, 0.9, 0.01)
    0
    """
    below = 0.0
    for count in range(sales + 1):
        chance = math.exp(
            math.lgamma(sales + 1)
            - math.lgamma(count + 1)
            - math.lgamma(sales - count + 1)
            + count * math.log(level)
            + (sales - count) * math.log1p(-level)
        )
        if below + chance > doubt:
            return count
        below += chance
    return sales


def _summary(column: FloatArray, *, kind: bool) -> dict[str, Any]:
    known = column[np.isfinite(column)]
    missing = 1.0 - len(known) / len(column) if len(column) else 1.0
    if kind:
        places = np.unique(known)
    else:
        places = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS)) if len(known) else np.zeros(0)
    counts = _counts(known, places, kind=kind)
    shares = counts / max(len(known), 1)
    return {
        "categories" if kind else "edges": places.tolist(),
        "shares": [round(share, _DIGITS) for share in shares.tolist()],
        "missing": round(missing, _DIGITS),
    }


def _counts(known: FloatArray, places: FloatArray, *, kind: bool) -> FloatArray:
    """Return the number of values in each bin: one more than edges, or than categories (the last for new ones)."""
    if kind:
        found = np.searchsorted(places, known)
        same = (
            (found < len(places)) & (places[np.minimum(found, max(len(places) - 1, 0))] == known)
            if len(places)
            else (np.zeros(len(known), dtype=np.bool_))
        )
        place = np.where(same, found, len(places))
    else:
        place = np.searchsorted(places, known, side="left")
    return np.bincount(place, minlength=len(places) + 1).astype(np.float64)


def _shift(name: str, summary: Mapping[str, Any], column: FloatArray, rows_then: int) -> Shift:
    kind = "categories" in summary
    places = np.array(summary["categories" if kind else "edges"], dtype=np.float64)
    known = column[np.isfinite(column)]
    now: FloatArray = np.append(_counts(known, places, kind=kind), len(column) - len(known)) / len(column)
    missing_then = float(summary["missing"])
    then = np.append(np.array(summary["shares"], dtype=np.float64) * (1.0 - missing_then), missing_then)
    filled: BoolArray = (now > 0.0) | (then > 0.0)
    least_now, least_then = 0.5 / len(column), 0.5 / max(rows_then, 1)
    seen: FloatArray = np.maximum(now[filled], least_now)
    was: FloatArray = np.maximum(then[filled], least_then)
    return Shift(
        name=name,
        psi=float(np.sum((seen - was) * np.log(seen / was))),
        noise=float(max(int(np.count_nonzero(filled)) - 1, 0) * (1.0 / len(column) + 1.0 / max(rows_then, 1))),
        ks=float(np.max(np.abs(np.cumsum(now) - np.cumsum(then)))),
        missing_then=missing_then,
        missing_now=float(now[-1]),
    )
