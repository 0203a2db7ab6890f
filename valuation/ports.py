"""Protocols of a trained model, as the valuation uses it; `models` implements them and is never imported here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from valuation.numeric.columns import FloatArray


class Priced(Protocol):
    """Prices of a batch in CNY per rated kWh: points, quantiles and the number of sales behind each."""

    @property
    def point(self) -> FloatArray:
        """Points, shape (packs,)."""

    @property
    def quantiles(self) -> FloatArray:
        """Quantiles that do not cross, shape (packs, levels)."""

    @property
    def group_used(self) -> Sequence[str]:
        """Group whose sales calibrated each band."""

    @property
    def group_known(self) -> Sequence[bool]:
        """Whether the model was trained on sales of the pack's own group, not only of a wider one."""

    @property
    def effective_n(self) -> FloatArray:
        """Effective number of sales behind each band, shape (packs,)."""

    @property
    def newest_day(self) -> float:
        """Day of the newest sale behind the bands, days since 1970-01-01; NaN if no sale has a day."""


class ShiftMonitor(Protocol):
    """Coverage of a model's bands by the newest reported sales (行情转折)."""

    @property
    def widening(self) -> float:
        """Factor by which bands are widened because too many new sales fell outside; 1 if they did not."""

    @property
    def reliable(self) -> bool:
        """Whether the model is still reliable: its bands have not grown beyond the limit since training."""


class Explained(Protocol):
    """Additive explanation of the learned part, on the scale of :mod:`valuation.numeric.asinh_scale`."""

    @property
    def base_level(self) -> FloatArray:
        """Average difference of the market price from the structural value, shape (packs,)."""

    @property
    def effects(self) -> FloatArray:
        """Effect of each feature, shape (packs, features); base level plus effects is the learned part."""


class ExplainedWidth(Protocol):
    """Additive explanation of a band's width, as the logarithm of the width on the scale."""

    @property
    def effects(self) -> FloatArray:
        """Effect of each feature, shape (packs, features)."""

    @property
    def group(self) -> FloatArray:
        """Effect of the pack's own group against all sales together, shape (packs,)."""


class Predictor(Protocol):
    """A trained model: it predicts the price relative to the structural value, with a calibrated band."""

    @property
    def name(self) -> str:
        """Name under which it is registered."""

    @property
    def version(self) -> str:
        """Version under which it is registered."""

    @property
    def digest(self) -> str:
        """Hash of everything that determines its answers, `sha256:…`."""

    @property
    def trained_through(self) -> str | None:
        """Day of the newest sale in its training data."""

    @property
    def demonstration(self) -> bool:
        """Whether it was trained on a synthetic market."""

    @property
    def feature_names(self) -> Sequence[str]:
        """The features it reads, in order."""

    @property
    def linear_threshold(self) -> float:
        """Linear threshold of its scale. [CNY/kWh]"""

    @property
    def market_calibration(self) -> Mapping[str, float]:
        """Shift of each calibrated market constant from its judged value, by name (市场习惯)."""

    @property
    def shift_monitor(self) -> ShiftMonitor:
        """Monitor of the market's shift since training."""

    @property
    def week_move(self) -> float | None:
        """By which share reported sales moved its points within a week; None where none is known to move them."""

    def price(self, matrix: FloatArray, base: FloatArray, groups: Sequence[str], levels: Sequence[float]) -> Priced:
        """Return prices, given features (packs, features) and structural values (packs,). [CNY/kWh]"""

    def explain(self, matrix: FloatArray, base: FloatArray, groups: Sequence[str]) -> Explained:
        """Return additive effects of the features on the scale."""

    def explain_width(self, matrix: FloatArray, base: FloatArray, groups: Sequence[str]) -> ExplainedWidth:
        """Return additive effects on the logarithm of the band's width."""
