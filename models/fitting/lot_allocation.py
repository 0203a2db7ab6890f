"""Lots (整批): several assets sold for one sum, of which only the sum is known.

The sum is spread over the assets as the current estimate has it, all of them moved alike on the scale until they add
up; the estimate then learns from the spread prices, and so on in turn (expectation and maximisation, A. P. Dempster et
al., 1977). No lot is parted between folds, so no estimate spreads a sum by what that very sum has taught it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from models.inference.target import Scale
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

_HALVINGS = 60
_REACH = 50.0  # on the scale: no lot is further from its estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Lots:
    """Which sales belong to a lot.

    Attributes
    ----------
    code
        Of the lot of each sale, -1 for an asset sold singly.
    quantity
        How many units each asset has: the sum is that of quantity times price per unit.
    total
        What the whole lot was sold for, on each of its sales; the price per unit of an asset sold singly.
    price
        Per unit, a lot's sum spread over its assets.

    """

    code: IntArray
    quantity: FloatArray
    total: FloatArray
    price: FloatArray

    def take(self, rows: IntArray) -> Lots:
        """Return the lots of some sales."""
        return Lots(**{name: getattr(self, name)[rows] for name in Lots.__slots__})

    @property
    def member(self) -> BoolArray:
        """Which sales are part of a lot."""
        return self.code >= 0

    def spread(self, estimate: FloatArray, scale: Scale) -> Lots:
        """Return the lots with every sum spread: estimates on the scale moved alike until they add up to it."""
        member = self.member
        code, quantity = self.code[member], self.quantity[member]
        count = int(np.max(code, initial=-1)) + 1
        total = np.zeros(count)
        total[code] = self.total[member]
        low, high = np.full(count, -_REACH), np.full(count, _REACH)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            money = quantity * scale.back(estimate[member] + middle[code])
            short = np.bincount(code, weights=money, minlength=count) < total
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        price = self.price.copy()
        price[member] = scale.back(estimate[member] + (0.5 * (low + high))[code])
        return replace(self, price=price)

    def shared(self, weight: FloatArray) -> FloatArray:
        """Return weights under which a lot, which is one price, weighs as much as one sale."""
        member = self.member
        shared = weight.copy()
        shared[member] /= np.bincount(self.code[member])[self.code[member]]
        return shared

    def judged(self, residual: FloatArray) -> FloatArray:
        """Return residuals on the scale in which a lot speaks as a whole, of the noise of a single asset.

        The sum of many deviates by less than each of them: by the root of how many equally dear assets it holds. An
        asset sold singly keeps its own.
        """
        member = self.member
        code = self.code[member]
        size = np.bincount(code).astype(np.float64)
        money = np.abs(self.quantity[member] * self.price[member])
        heavy = np.bincount(code, weights=money) ** 2 / np.maximum(np.bincount(code, weights=money**2), 1e-300)
        mean = np.bincount(code, weights=residual[member]) / np.maximum(size, 1.0)
        judged = residual.copy()
        judged[member] = (mean * np.sqrt(np.maximum(heavy, 1.0)))[code]
        return judged


def read_lots(labels: ArrayLike, total: FloatArray, quantity: FloatArray | None, base: FloatArray | None) -> Lots:
    """Return the lots of a training set, sums spread by a positive base or evenly; None, NaN and "" are no lot.

    Raises
    ------
    ValueError
        The sales of a lot tell different sums, or a quantity is not positive.

    """
    names = [_name(label) for label in np.asarray(labels, dtype=object).tolist()]
    if len(names) != len(total):
        raise ValueError(f"lots holds {len(names)} labels for {len(total)} rows; give one a row, None for none")
    units = np.ones(len(total)) if quantity is None else quantity
    if not np.all(units > 0.0):
        raise ValueError("quantity must be positive in every row")
    known = sorted(set(names) - {""})
    place = {name: code for code, name in enumerate(known)} | {"": -1}
    code = np.array([place[name] for name in names], dtype=np.int64)
    least, most = np.full(len(known), np.inf), np.full(len(known), -np.inf)
    np.minimum.at(least, code[code >= 0], total[code >= 0])
    np.maximum.at(most, code[code >= 0], total[code >= 0])
    if np.any(least != most):
        name = known[int(np.flatnonzero(least != most)[0])]
        raise ValueError(f"the rows of lot {name!r} tell different sums; y must hold the lot's sum in each of them")
    return Lots(code=code, quantity=units, total=total, price=_first_guess(code, units, total, base))


def _name(label: object) -> str:
    return "" if label is None or label != label else str(label)  # noqa: PLR0124 - NaN differs from itself


def _first_guess(code: IntArray, quantity: FloatArray, total: FloatArray, base: FloatArray | None) -> FloatArray:
    worth = np.ones(len(code)) if base is None or not np.all(base > 0.0) else base
    member = code >= 0
    sums = np.bincount(code[member], weights=(quantity * worth)[member], minlength=1)
    price = total.copy()
    price[member] = (total * worth)[member] / sums[code[member]]
    return price


def keep_together(lots: Lots, packs: IntArray | None) -> IntArray:
    """Return a code for what must not be parted between folds: lots, and packs sold singly."""
    alone = np.arange(len(lots.code)) if packs is None else packs
    return np.where(lots.member, lots.code, alone + int(np.max(lots.code)) + 1)


def merged(lots: Lots, rows: IntArray, member: IntArray, used: IntArray) -> Lots:
    """Return the lots after equal sales were merged: the quantities of a lot's assets add up."""
    quantity = np.bincount(member, weights=lots.quantity[used])
    kept = lots.take(rows)
    return replace(kept, quantity=np.where(kept.member, quantity, kept.quantity))
