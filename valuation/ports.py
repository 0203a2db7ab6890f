"""What the core asks of a trained model; `models` provides it, the core never imports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from valuation.numeric.columns import FloatArray


class Priced(Protocol):
    """Prices of a batch in CNY per rated kWh: points, quantiles, and on how many sales each rests."""

    @property
    def point(self) -> FloatArray:
        """Points, shape (packs,)."""

    @property
    def quantiles(self) -> FloatArray:
        """Quantiles, shape (packs, levels), not crossing."""

    @property
    def group_used(self) -> Sequence[str]:
        """The group whose sales calibrated each band."""

    @property
    def group_known(self) -> Sequence[bool]:
        """Whether sales of the pack's own group were learned from, or only of a wider one."""

    @property
    def effective_n(self) -> FloatArray:
        """Effective number of sales behind each band, shape (packs,)."""

    @property
    def newest_day(self) -> float:
        """Day of the newest sale behind the bands, days since 1970-01-01; NaN where no sale has a day."""


class ShiftMonitor(Protocol):
    """How a model's band has held the newest sales reported (行情转折)."""

    @property
    def widening(self) -> float:
        """By what factor bands are widened because the newest sales fell outside too often; 1 where they did not."""

    @property
    def reliable(self) -> bool:
        """Whether the model may still be relied upon: bands have not grown beyond a stated limit since training."""


class Explained(Protocol):
    """Why the learned part says what it says, on the scale of :mod:`valuation.numeric.asinh_scale`."""

    @property
    def base_level(self) -> FloatArray:
        """What the market pays over or under the structural value on average, shape (packs,)."""

    @property
    def effects(self) -> FloatArray:
        """Effect of each feature, shape (packs, features); with the base level they add up to the learned part."""


class ExplainedWidth(Protocol):
    """Why a band is as wide as it is, on the logarithm of its width on the scale."""

    @property
    def effects(self) -> FloatArray:
        """Effect of each feature, shape (packs, features)."""

    @property
    def group(self) -> FloatArray:
        """What the sales of each pack's own group add over all sales together, shape (packs,)."""


class Predictor(Protocol):
    """A trained model: learned price over structural value, with a calibrated band."""

    @property
    def name(self) -> str:
        """Name under which it is registered."""

    @property
    def version(self) -> str:
        """Version under which it is registered."""

    @property
    def digest(self) -> str:
        """Hash of everything that decides its answers, `sha256:…`."""

    @property
    def trained_through(self) -> str | None:
        """Day of the newest sale it learned from."""

    @property
    def demonstration(self) -> bool:
        """Whether it was trained on a synthetic market."""

    @property
    def feature_names(self) -> Sequence[str]:
        """The features it reads, in order."""

    @property
    def softening(self) -> float:
        """Softening of its scale. [CNY/kWh]"""

    @property
    def habits(self) -> Mapping[str, float]:
        """How the market's constants differ from the judged ones, by name (市场习惯)."""

    @property
    def turn(self) -> ShiftMonitor:
        """Whether the market has outrun the sales it knows."""

    @property
    def week_move(self) -> float | None:
        """By which share reported sales moved its points within a week; None where none is known to move them."""

    def price(self, matrix: FloatArray, base: FloatArray, groups: Sequence[str], levels: Sequence[float]) -> Priced:
        """Return prices for features (packs, features) over structural values (packs,). [CNY/kWh]"""

    def explain(self, matrix: FloatArray, base: FloatArray, groups: Sequence[str]) -> Explained:
        """Return additive effects of the features on the scale."""

    def explain_width(self, matrix: FloatArray, base: FloatArray, groups: Sequence[str]) -> ExplainedWidth:
        """Return additive effects on the logarithm of the band's width."""
