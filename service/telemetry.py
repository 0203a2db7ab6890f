"""Prometheus metrics and structured logs (structlog); neither contains payloads."""

from __future__ import annotations

import importlib
import logging
import sys
from functools import cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DISPOSAL = "disposal"


class Telemetry:
    """The metrics of one server process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._by_route: dict[str, Counter] = {}
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.requests = Counter(
            "canzhi_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "canzhi_request_seconds", "Time to the answer.", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self.valuations = Counter(
            "canzhi_valuations", "Packs valued, by best route.", ("route",), registry=self.registry
        )
        self.refusals = Counter(
            "canzhi_refusals", "Packs not valued, by problem code.", ("code",), registry=self.registry
        )
        self.quote_age = Gauge("canzhi_market_age_days", "Age of the newest quote.", registry=self.registry)
        self.trained = Gauge(
            "canzhi_model_loaded", "1 if a trained model answers, 0 if structure.", registry=self.registry
        )
        self.champion_usable = Gauge(
            "canzhi_champion_usable",
            "1 if the champion answers, 0 if it cannot be read and the one before it does.",
            registry=self.registry,
        )
        self.model_swaps = Gauge(
            "canzhi_model_swaps", "Times another model took over since the start.", registry=self.registry
        )
        self.sales_used = Gauge(
            "canzhi_anchor_sales", "Reported sales that re-anchor the model that answers.", registry=self.registry
        )
        self.anchor_point = Gauge(
            "canzhi_anchor_point_ratio", "By which share reported sales moved the points.", registry=self.registry
        )
        self.anchor_week = Gauge(
            "canzhi_anchor_week_ratio",
            "By which share reported sales moved the points within the last seven days; look into it above 0.05.",
            registry=self.registry,
        )
        self.sales_held = Gauge(
            "canzhi_sales_held", "Reported sales that wait to be confirmed or voided.", registry=self.registry
        )
        self.realised_sales = Gauge(
            "canzhi_realised_sales", "Reported sales whose packs were valued before.", registry=self.registry
        )
        self.realised_coverage = Gauge(
            "canzhi_realised_coverage_ratio", "Share of them within the answered band.", registry=self.registry
        )
        self.drifted = Gauge(
            "canzhi_drifted_features",
            "Features of the packs valued lately that differ from those learned from; looked at once an hour.",
            registry=self.registry,
        )

    def valued(self, best_route: str | None) -> None:
        """Count a valuation by its best route, or as disposal if all routes are closed."""
        label = best_route or DISPOSAL
        if label not in self._by_route:
            self._by_route[label] = self.valuations.labels(label)
        self._by_route[label].inc()

    def request_metrics(self, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
        """Return counter and histogram of a request, cached because label lookup is slow."""
        key = route, method, status
        if key not in self._children:
            counted = self.requests.labels(route, method, str(status))
            self._children[key] = counted, self.seconds.labels(route)
        return self._children[key]


def configure_log() -> None:
    """Write the log as JSON lines on standard error."""
    structlog = _structlog()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


def log() -> Any:  # noqa: ANN401 - structlog has no static type for loggers
    """Return the logger."""
    return _structlog().get_logger()


@cache
def _structlog() -> Any:  # noqa: ANN401 - a module
    """Return structlog, imported without rich.

    rich formats tracebacks for terminals; JSON logs do not need it, and importing it takes a tenth of the start-up
    time.
    """
    hidden = "rich" not in sys.modules
    if hidden:
        sys.modules["rich"] = None  # type: ignore[assignment]  # makes `import rich` fail
    try:
        return importlib.import_module("structlog")
    finally:
        if hidden:
            del sys.modules["rich"]
