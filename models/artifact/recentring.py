"""Recentring of a stored model on sales reported since its training, stored and read back as data (重新锚定).

The recentred band itself is stored, so every process that reads it prices with the same bits. One digest identifies
model and band together.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from models.artifact.bundle import Bundle
from models.artifact.predictor import Predictor
from models.artifact.serialization import dump_state, load_state
from models.calibration.level_shift import LevelTracer
from models.calibration.reported_sales import ReportedSales, recentred
from models.inference.band import Band
from models.inference.price_scale import LOG
from valuation.errors import BundleMismatch, BundleTampered
from valuation.numeric.columns import BoolArray, FloatArray

FAR_REACHES = 2.0
"""Distance from the point, in reaches of the 90 % band on that side, beyond which a sale has to be confirmed."""
_LEVELS = np.array([0.05, 0.95])
_SMALL_CNY_PER_KWH = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recentring:
    """The band of a model, recentred on the sales reported by a day.

    ``model`` is the digest of the bundle, ``as_of`` the day since 1970-01-01, ``sales`` the number of sales used. [d]
    """

    model: str
    as_of: float
    sales: int
    band: Band


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentringSummary:
    """Effect of reported sales on a model, measured on sold packs.

    Attributes
    ----------
    sales
        Number of sold packs it is measured on.
    point, by_chemistry
        Median relative change of the point over all packs and by chemistry; None if every pack is worth close to 0.
    width
        Median ratio of band widths, after to before. [1]
    covered_before
        Share of the sales inside the band before recentring.

    """

    sales: int
    point: float | None
    by_chemistry: dict[str, float]
    width: float
    covered_before: float


class RecentredPredictor(Predictor):
    """A trained model with a recentred band."""

    def __init__(self, trained: Predictor, anchor: Recentring, digest: str, week_move: float | None = None) -> None:
        state = replace(trained.state, band=anchor.band)
        bundle = Bundle(state=state, about=trained.about, digest=digest, signed_by=trained.signed_by)
        super().__init__(bundle, week_move)
        self.trained = trained
        self.anchor = anchor


def eligible(model: Predictor, price: FloatArray) -> BoolArray:
    """Return which prices a model can learn from: only positive ones if it was trained on a logarithmic scale."""
    finite: BoolArray = np.isfinite(price)
    return finite & (price > 0.0) if model.state.scale.kind == LOG else finite


def recentre(model: Predictor, news: ReportedSales, as_of: float, tracer: LevelTracer | None = None) -> Recentring:
    """Return the band of a model recentred on the sales made by a day, in any order.

    Reported sales are known from the day of sale; the label delay of the training does not apply. Each pack counts
    once, with its first sale.

    Parameters
    ----------
    model : Predictor
        The model as it was trained.
    news : ReportedSales
        The reported sales; those after `as_of` are ignored.
    as_of : float
        The valuation day, days since 1970-01-01.
    tracer : LevelTracer, optional
        The tracer of the model, if one is kept; days whose sales have not changed are not traced again.
    """
    rows = news.order()
    news = news.take(rows[news.day[rows] <= as_of])
    if not len(news.day):
        return Recentring(model=model.digest, as_of=as_of, sales=0, band=model.state.band)
    state = model.state
    moved = recentred(state, news, as_of + state.settings.label_delay_days, tracer)
    used = len(moved.records.day) - len(state.records.day)
    return Recentring(model=model.digest, as_of=as_of, sales=used, band=moved.band)


def far_outside(model: Predictor, news: ReportedSales) -> BoolArray:
    """Return which sales are so far outside their own band that they need confirmation (待确认成交).

    The distance of the price from the point is compared with the distance of the band's edge on the same side, on the
    scale of the model. The model is recentred on the sales known when the sale was reported, so the limit follows the
    market.

    Parameters
    ----------
    model : Predictor
        The trained or recentred model.
    news : ReportedSales
        The sales to judge.
    """
    point, quantiles = model.state.price_of(news.predicted, _LEVELS)
    scale = model.state.scale
    middle, edges = scale.to(point), scale.to(quantiles)
    away = scale.to(news.price) - middle
    reach = np.where(away < 0.0, middle - edges[:, 0], edges[:, 1] - middle)
    return ~(np.abs(away) <= FAR_REACHES * reach)


def recentring_summary(model: Predictor, before: Band, after: Band, news: ReportedSales) -> RecentringSummary:
    """Return the changes in the prices of sold packs from one band of a model to another."""
    (old, old_edges), (new, new_edges) = (
        replace(model.state, band=band).price_of(news.predicted, _LEVELS) for band in (before, after)
    )
    share = _share(old, new)
    width = (new_edges[:, 1] - new_edges[:, 0]) / (old_edges[:, 1] - old_edges[:, 0])
    chemistry = np.array([label.partition("/")[0] for label in news.labels])
    inside = (news.price >= old_edges[:, 0]) & (news.price <= old_edges[:, 1])
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


def median_move(model: Predictor, before: Band, after: Band, news: ReportedSales) -> float | None:
    """Return the median relative change in the points of sold packs from one band to another."""
    old, new = (replace(model.state, band=band).price_of(news.predicted, np.zeros(0))[0] for band in (before, after))
    return _middle(_share(old, new))


def write_anchor(anchor: Recentring) -> tuple[bytes, str]:
    """Return a recentring as bytes, and the digest that identifies model and recentring."""
    document, arrays = dump_state(anchor)
    content = len(document).to_bytes(8, "big") + document + arrays
    return content, _digest(anchor.model, content)


def read_anchor(trained: Predictor, content: bytes, digest: str) -> Recentring:
    """Return a stored recentring of a model.

    Raises
    ------
    BundleTampered
        The bytes do not match the digest.
    BundleMismatch
        The recentring belongs to another model.

    """
    if _digest(trained.digest, content) != digest:
        raise BundleTampered("model.recentring_changed", model=f"{trained.name}@{trained.version}", digest=digest)
    size = int.from_bytes(content[:8], "big")
    anchor = load_state(Recentring, content[8 : 8 + size], content[8 + size :])
    if anchor.model != trained.digest or anchor.band.quantiles.shape != trained.state.band.quantiles.shape:
        raise BundleMismatch("model.recentring_of_other", found=anchor.model, expected=trained.digest)
    return anchor


def _digest(model: str, content: bytes) -> str:
    return "sha256:" + hashlib.sha256(f"{model}\n{hashlib.sha256(content).hexdigest()}".encode()).hexdigest()


def _share(old: FloatArray, new: FloatArray) -> FloatArray:
    """Return the relative change of each point, NaN for packs worth close to 0."""
    return np.where(np.abs(old) >= _SMALL_CNY_PER_KWH, (new - old) / np.abs(old), np.nan)


def _middle(values: FloatArray) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
