"""Lots (整批): several assets sold for one sum, of which only the sum is known.

The sum is allocated to the assets by the current estimate: all estimates of a lot are shifted equally on the scale
until they add up to the sum. The estimate is then fitted on the allocated prices, and so on (expectation-maximisation,
A. P. Dempster et al., 1977). A lot stays in one fold, so no estimate allocates a sum that it was fitted on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from models.inference.price_scale import Scale
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

_HALVINGS = 60
_REACH = 50.0  # on the scale: no lot is further from its estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Lots:
    """The lots of a training set.

    Attributes
    ----------
    code
        Code of the lot of each sale, -1 for an asset sold singly.
    quantity
        Units of each asset; the sum of a lot is that of quantity times price per unit.
    total
        Sum of the whole lot, on each of its sales; the price per unit of an asset sold singly.
    price
        Price per unit; for lots, as allocated.

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
        """Whether each sale is part of a lot."""
        return self.code >= 0

    def spread(self, estimate: FloatArray, scale: Scale) -> Lots:
        """Return the lots with every sum allocated: estimates are shifted equally on the scale until they add up."""
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
        """Return weights with which a lot counts as one sale, because it has one price."""
        member = self.member
        shared = weight.copy()
        shared[member] /= np.bincount(self.code[member])[self.code[member]]
        return shared

    def one_per_lot(self, residual: FloatArray) -> FloatArray:
        """Return residuals on the scale with one residual per lot, rescaled to the noise of a single asset.

        The residual of a sum is smaller than that of an asset by the square root of the effective number of assets.
        Assets sold singly keep their residual.
        """
        member = self.member
        code = self.code[member]
        size = np.bincount(code).astype(np.float64)
        money = np.abs(self.quantity[member] * self.price[member])
        heavy = np.bincount(code, weights=money) ** 2 / np.maximum(np.bincount(code, weights=money**2), 1e-300)
        mean = np.bincount(code, weights=residual[member]) / np.maximum(size, 1.0)
        residuals = residual.copy()
        residuals[member] = (mean * np.sqrt(np.maximum(heavy, 1.0)))[code]
        return residuals


def read_lots(labels: ArrayLike, total: FloatArray, quantity: FloatArray | None, base: FloatArray | None) -> Lots:
    """Return the lots of a training set, allocated by a positive base or evenly; None, NaN and "" are no lot.

    Raises
    ------
    ValueError
        The sales of a lot have different sums, or a quantity is not positive.

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
    """Return a code for sales that must stay in one fold: by lot, or by pack if sold singly."""
    alone = np.arange(len(lots.code)) if packs is None else packs
    return np.where(lots.member, lots.code, alone + int(np.max(lots.code)) + 1)


def merged(lots: Lots, rows: IntArray, member: IntArray, used: IntArray) -> Lots:
    """Return the lots after merging equal sales: quantities are added."""
    quantity = np.bincount(member, weights=lots.quantity[used])
    kept = lots.take(rows)
    return replace(kept, quantity=np.where(kept.member, quantity, kept.quantity))
