"""A kept model re-anchored on sales reported since it was trained, as data that is kept and read back (重新锚定).

The re-anchored band is kept itself, not worked out again: whoever reads it prices to the same bits on every machine.
Its digest names model and band together, so an answer tells by one digest what it was computed with.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from models.band import Band
from models.bundle import Bundle
from models.fitted import News
from models.packing import pack, unpack
from models.predictor import Predictor
from models.target import LOG
from valuation.columns import BoolArray, FloatArray
from valuation.errors import BundleMismatch, BundleTampered

_LEVEL = 0.9
_SMALL_CNY_PER_KWH = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """Sales reported since a model was trained, one row a sale, in the columns that the model reads.

    Attributes
    ----------
    matrix, base, labels
        Features in the model's order, structural value [CNY/kWh] and calibration group of each pack on its day.
    price, day
        What it fetched [CNY/kWh without VAT] and when, days since 1970-01-01.

    """

    matrix: FloatArray
    base: FloatArray
    labels: tuple[str, ...]
    price: FloatArray
    day: FloatArray

    def where(self, keep: BoolArray) -> Reported:
        """Return some of the sales."""
        return Reported(
            matrix=self.matrix[keep],
            base=self.base[keep],
            labels=tuple(label for label, take in zip(self.labels, keep.tolist(), strict=True) if take),
            price=self.price[keep],
            day=self.day[keep],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reanchor:
    """A model's band after the sales reported by a day.

    ``model`` is the digest of the bundle it belongs to, ``as_of`` the day [days since 1970-01-01], ``sales`` how many.
    """

    model: str
    as_of: float
    sales: int
    band: Band


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How far reported sales have moved a model, seen on the packs that were sold.

    Attributes
    ----------
    sales
        On how many sales it is seen.
    point, by_chemistry
        By which share the points have moved, the median over all packs and over each chemistry's; None where every
        pack is worth next to nothing.
    width
        By which factor the bands are wider, the median. [1]
    covered_before
        Share of the sales that the band before any report of them held.

    """

    sales: int
    point: float | None
    by_chemistry: dict[str, float]
    width: float
    covered_before: float


class ReanchoredPredictor(Predictor):
    """A trained model that answers with its re-anchored band."""

    def __init__(self, trained: Predictor, anchor: Reanchor, digest: str) -> None:
        state = replace(trained.state, band=anchor.band)
        super().__init__(Bundle(state=state, about=trained.about, digest=digest, signed_by=trained.signed_by))
        self.trained = trained
        self.anchor = anchor


def usable(model: Predictor, price: FloatArray) -> BoolArray:
    """Return which prices a model can learn from: one trained on positive prices alone takes no others."""
    finite: BoolArray = np.isfinite(price)
    return finite & (price > 0.0) if model.state.scale.kind == LOG else finite


def reanchor(model: Predictor, news: Reported) -> Reanchor:
    """Return the band of a model after reported sales; their order does not matter.

    The day it speaks of is that on which the newest of them counts as known, so the same sales give the same band
    whenever and wherever it is worked out.
    """
    order = np.lexsort((news.price, news.base, news.day))
    state = model.state
    as_of = float(news.day.max()) + state.settings.label_delay_days
    told = News(day=news.day[order], weight=np.ones(len(order)), labels=[news.labels[row] for row in order.tolist()])
    codes = state.vocabulary.codes(news.matrix[order])
    moved = state.updated(codes, news.price[order], news.base[order], told, as_of)
    return Reanchor(model=model.digest, as_of=as_of, sales=len(order), band=moved.band)


def how_far(model: Predictor, anchor: Reanchor, news: Reported) -> Moved:
    """Return how far an anchor moves a model's prices of the packs that were sold."""
    levels = (0.5 - _LEVEL / 2.0, 0.5 + _LEVEL / 2.0)
    before = model.price(news.matrix, news.base, news.labels, levels)
    after = ReanchoredPredictor(model, anchor, anchor.model).price(news.matrix, news.base, news.labels, levels)
    share = np.where(
        np.abs(before.point) >= _SMALL_CNY_PER_KWH, (after.point - before.point) / np.abs(before.point), np.nan
    )
    width = (after.quantiles[:, 1] - after.quantiles[:, 0]) / (before.quantiles[:, 1] - before.quantiles[:, 0])
    chemistry = np.array([label.partition("/")[0] for label in news.labels])
    inside = (news.price >= before.quantiles[:, 0]) & (news.price <= before.quantiles[:, 1])
    return Moved(
        sales=len(news.price),
        point=_middle(share),
        by_chemistry={
            name: middle
            for name in sorted(set(chemistry.tolist()))
            if (middle := _middle(share[chemistry == name])) is not None
        },
        width=float(np.median(width)),
        covered_before=float(np.mean(inside)),
    )


def write_anchor(anchor: Reanchor) -> tuple[bytes, str]:
    """Return an anchor as bytes, and the digest that names the model together with it."""
    document, arrays = pack(anchor)
    content = len(document).to_bytes(8, "big") + document + arrays
    return content, _digest(anchor.model, content)


def read_anchor(trained: Predictor, content: bytes, digest: str) -> ReanchoredPredictor:
    """Return a model with a kept anchor.

    Raises
    ------
    BundleTampered
        The bytes are not those that the digest names.
    BundleMismatch
        The anchor is another model's.

    """
    if _digest(trained.digest, content) != digest:
        raise BundleTampered(
            f"the kept anchor of model {trained.name}@{trained.version} is not the one its digest names",
            hint="restore the store from its last backup; reported sales make a new anchor",
        )
    size = int.from_bytes(content[:8], "big")
    anchor = unpack(Reanchor, content[8 : 8 + size], content[8 + size :])
    if anchor.model != trained.digest or anchor.band.quantiles.shape != trained.state.band.quantiles.shape:
        raise BundleMismatch("the kept anchor belongs to another model", hint="report the sales to this model's store")
    return ReanchoredPredictor(trained, anchor, digest)


def _digest(model: str, content: bytes) -> str:
    return "sha256:" + hashlib.sha256(f"{model}\n{hashlib.sha256(content).hexdigest()}".encode()).hexdigest()


def _middle(values: FloatArray) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
