"""A kept model re-anchored on sales reported since it was trained, as data that is kept and read back (重新锚定).

The re-anchored band is kept itself, not worked out again: whoever reads it prices to the same bits on every machine.
Its digest names model and band together, so an answer tells by one digest what it was computed with.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from models.artifact.bundle import Bundle
from models.artifact.predictor import Predictor
from models.artifact.serialization import dump_state, load_state
from models.inference.band import Band
from models.inference.fitted_model import LateSales
from models.inference.target import LOG
from valuation.errors import BundleMismatch, BundleTampered
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

FAR_REACHES = 2.0
"""Distance from the point, in reaches of the 90 % band on that side, beyond which a sale has to be confirmed."""
_LEVELS = (0.05, 0.95)
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
    reporter, pack
        Who reported each sale and which pack was sold, "" for not known; empty where no sale says.

    """

    matrix: FloatArray
    base: FloatArray
    labels: tuple[str, ...]
    price: FloatArray
    day: FloatArray
    reporter: tuple[str, ...] = ()
    pack: tuple[str, ...] = ()

    def where(self, rows: BoolArray | IntArray) -> Reported:
        """Return some of the sales, or all in another order."""
        places = np.arange(len(self.day))[rows].tolist()
        return Reported(
            matrix=self.matrix[rows],
            base=self.base[rows],
            labels=tuple(self.labels[row] for row in places),
            price=self.price[rows],
            day=self.day[rows],
            reporter=tuple(self.reporter[row] for row in places if self.reporter),
            pack=tuple(self.pack[row] for row in places if self.pack),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recentring:
    """A model's band after the sales reported by a day.

    ``model`` is the digest of the bundle it belongs to, ``as_of`` the day [days since 1970-01-01], ``sales`` how many.
    """

    model: str
    as_of: float
    sales: int
    band: Band


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentringSummary:
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


class RecentredPredictor(Predictor):
    """A trained model that answers with its re-anchored band."""

    def __init__(self, trained: Predictor, anchor: Recentring, digest: str, week_move: float | None = None) -> None:
        state = replace(trained.state, band=anchor.band)
        bundle = Bundle(state=state, about=trained.about, digest=digest, signed_by=trained.signed_by)
        super().__init__(bundle, week_move)
        self.trained = trained
        self.anchor = anchor


def eligible(model: Predictor, price: FloatArray) -> BoolArray:
    """Return which prices a model can learn from: one trained on positive prices alone takes no others."""
    finite: BoolArray = np.isfinite(price)
    return finite & (price > 0.0) if model.state.scale.kind == LOG else finite


def recentre(model: Predictor, news: Reported, as_of: float) -> Recentring:
    """Return the band of a model after the sales made by a day; their order does not matter.

    A sale that was reported is known, so the label delay of the model's training plays no part: its days are counted
    from the day of the sale. Each pack counts once, with its first sale.

    Parameters
    ----------
    model : Predictor
        The model as it was trained.
    news : Reported
        Sales known to it; those after `as_of` are left out.
    as_of : float
        The day the values speak of, days since 1970-01-01.
    """
    news = news.where(news.day <= as_of)
    news = news.where(_in_order(news))
    told = _as_news(news)
    news = news.where(told.first_of_packs())
    if not len(news.day):
        return Recentring(model=model.digest, as_of=as_of, sales=0, band=model.state.band)
    state = model.state
    codes = state.vocabulary.codes(news.matrix)
    moved = state.updated(codes, news.price, news.base, _as_news(news), as_of + state.settings.label_delay_days)
    return Recentring(model=model.digest, as_of=as_of, sales=len(news.day), band=moved.band)


def _in_order(news: Reported) -> IntArray:
    """Return the rows in an order that does not depend on how they were listed."""
    names = [np.unique(column, return_inverse=True)[1] for column in (news.labels, news.reporter, news.pack) if column]
    columns = [*news.matrix.T, *names, news.price, news.base, news.day]
    return np.lexsort(columns)


def _as_news(news: Reported) -> LateSales:
    return LateSales(
        day=news.day,
        weight=np.ones(len(news.day)),
        labels=list(news.labels),
        reporter=news.reporter or None,
        pack=news.pack or None,
    )


def far_outside(model: Predictor, news: Reported) -> BoolArray:
    """Return which sales are so far outside their own band that somebody should confirm them (待确认成交).

    A sale is judged on the scale of the model: its distance from the point over that of the edge of the 90 % band on
    its side. The model is the one that stood when the sale was reported, re-centred on the sales known by then, so a
    market that moves takes the limit along.

    Parameters
    ----------
    model : Predictor
        The model as it was trained, or re-centred.
    news : Reported
        The sales to judge.
    """
    priced = model.price(news.matrix, news.base, news.labels, _LEVELS)
    scale = model.state.scale
    middle, edges = scale.to(priced.point), scale.to(priced.quantiles)
    away = scale.to(news.price) - middle
    reach = np.where(away < 0.0, middle - edges[:, 0], edges[:, 1] - middle)
    return ~(np.abs(away) <= FAR_REACHES * reach)


def recentring_summary(model: Predictor, anchor: Recentring, news: Reported) -> RecentringSummary:
    """Return how far an anchor moves a model's prices of the packs that were sold."""
    before = model.price(news.matrix, news.base, news.labels, _LEVELS)
    after = RecentredPredictor(model, anchor, anchor.model).price(news.matrix, news.base, news.labels, _LEVELS)
    share = np.where(
        np.abs(before.point) >= _SMALL_CNY_PER_KWH, (after.point - before.point) / np.abs(before.point), np.nan
    )
    width = (after.quantiles[:, 1] - after.quantiles[:, 0]) / (before.quantiles[:, 1] - before.quantiles[:, 0])
    chemistry = np.array([label.partition("/")[0] for label in news.labels])
    inside = (news.price >= before.quantiles[:, 0]) & (news.price <= before.quantiles[:, 1])
    return RecentringSummary(
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


def write_anchor(anchor: Recentring) -> tuple[bytes, str]:
    """Return an anchor as bytes, and the digest that names the model together with it."""
    document, arrays = dump_state(anchor)
    content = len(document).to_bytes(8, "big") + document + arrays
    return content, _digest(anchor.model, content)


def read_anchor(trained: Predictor, content: bytes, digest: str, week_move: float | None = None) -> RecentredPredictor:
    """Return a model with a kept anchor, and by which share the points moved within the week before.

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
    anchor = load_state(Recentring, content[8 : 8 + size], content[8 + size :])
    if anchor.model != trained.digest or anchor.band.quantiles.shape != trained.state.band.quantiles.shape:
        raise BundleMismatch("the kept anchor belongs to another model", hint="report the sales to this model's store")
    return RecentredPredictor(trained, anchor, digest, week_move)


def _digest(model: str, content: bytes) -> str:
    return "sha256:" + hashlib.sha256(f"{model}\n{hashlib.sha256(content).hexdigest()}".encode()).hexdigest()


def _middle(values: FloatArray) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
