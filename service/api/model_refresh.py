"""Replaces the model in service when another one is promoted, or when sales are reported.

Each request first checks size and time of the promotion log, once per turn of the event loop. If the log has changed,
the request waits until the new champion is loaded in another thread; running requests finish with their model, because
a service object is replaced, never changed. If the champion cannot be loaded, the previous model remains in use. A task
polls the store every second: newly reported sales, and a new day (UTC+8), recentre the model.
"""

from __future__ import annotations

import asyncio
import copy
import time
from datetime import timedelta

from models import clock
from models.artifact.promotion_log import log_stamp
from service.clock import today
from service.monitoring import DriftReport, drift_report
from service.sales.serving_models import ServingModels, serving_models
from service.store.sales import newest_entry
from service.telemetry import log
from service.valuation_service import ValuationService, find_model
from service.vehicles import CatalogueWatch
from valuation.errors import CanzhiError
from valuation.ports import Predictor

_MAX_SALES, _MAX_PACKS = 1000, 300
RETRY_INTERVAL_S = 5.0
"""Time until loading a champion is retried after a failure. [s]"""
DRIFT_INTERVAL_S = 3600.0
"""Longest time between two computations of drift. [s]"""
PREPARE_AHEAD = timedelta(minutes=10)
"""Time before midnight (UTC+8) at which the model of the next day is computed."""
POLL_INTERVAL_S = 1.0
"""Time between two polls of the store. [s]"""


class ModelRefresher:
    """Holds the current service, and replaces it when its model is outdated."""

    def __init__(self, service: ValuationService) -> None:
        self.service = service
        self.problem = ""
        self.watch_problem = ""
        self.swaps = 0
        self._log = service.settings.home / "models"
        self._vehicles = CatalogueWatch(service.settings.home)
        self._stamp = service.log_stamp
        self._cached_stamp: tuple[int, int, int] | None = None
        self._retry_at = float("inf")
        self.drift: DriftReport | None = None
        self._drift_checked: tuple[int, float] | None = None
        self._sales_pending = False
        self._refresh_task: asyncio.Task[None] | None = None

    def outdated(self) -> bool:
        """Return whether the promotion log has changed, sales are pending, or a retry is due."""
        due = self.problem != "" and time.monotonic() >= self._retry_at
        return self._sales_pending or due or self._current_stamp() != self._stamp

    def _current_stamp(self) -> tuple[int, int, int]:
        """Return the stamp of the promotion log, cached for this turn of the event loop."""
        if self._cached_stamp is None:
            self._cached_stamp = log_stamp(self._log)
            asyncio.get_running_loop().call_soon(setattr, self, "_cached_stamp", None)
        return self._cached_stamp

    async def refresh(self) -> None:
        """Load the current champion; concurrent requests wait for the same load."""
        while self.outdated():
            if self._refresh_task is None:
                self._refresh_task = asyncio.create_task(self._refresh())
            await asyncio.shield(self._refresh_task)  # a client that disconnects must not cancel the load for others

    async def poll_forever(self) -> None:
        """Poll the store every second, so that a server without requests is refreshed too."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                waiting = await asyncio.to_thread(_has_news, self.service)
                self._sales_pending = self._sales_pending or waiting
                await self.refresh()
                await asyncio.to_thread(self._vehicles.refresh)
                await self._prepare_tomorrow()
                await self._update_drift()
            except Exception as error:  # noqa: BLE001 - the next poll retries after any failure
                self._log_failure(error)
            else:
                self.watch_problem = ""

    def _log_failure(self, error: Exception) -> None:
        """Log each new kind of polling failure once."""
        problem = _reason(error)
        if problem != self.watch_problem:
            log().error("watch failed", problem=problem, serving=_model_label(self.service))
        self.watch_problem = problem

    async def _prepare_tomorrow(self) -> None:
        """Compute the model of the next day shortly before midnight, so that no request waits for it."""
        models, tomorrow = self.service.models, clock.day_at(clock.moment() + PREPARE_AHEAD)
        if tomorrow != models.day and not models.in_memory(tomorrow):
            await asyncio.to_thread(models.on, tomorrow)

    async def _update_drift(self) -> None:
        """Compute drift if sales were reported, and once an hour."""
        through, now = self.service.models.sales_through, time.monotonic()
        if (
            self._drift_checked is not None
            and self._drift_checked[0] == through
            and now - self._drift_checked[1] < DRIFT_INTERVAL_S
        ):
            return
        self._drift_checked = (through, now)
        self.drift = await asyncio.to_thread(_drift_of, self.service)

    def replace(self, models: ServingModels) -> None:
        """Use other models from the next request on."""
        fresh = copy.copy(self.service)
        fresh.models = models
        if _digest(fresh.model) != _digest(self.service.model):
            self.swaps += 1
        self.service = fresh

    async def _refresh(self) -> None:
        stamp = log_stamp(self._log)
        try:
            models = await asyncio.to_thread(_find, self.service)
        except Exception as error:  # noqa: BLE001 - the previous model remains in use after any failure
            self.problem = _reason(error)
            self._retry_at = time.monotonic() + RETRY_INTERVAL_S
            log().error("champion not usable", problem=self.problem, serving=_model_label(self.service))
        else:
            before = self.service
            self.replace(models)
            if self.service.model is not before.model:
                log().info("model", before=_model_label(before), after=_model_label(self.service))
            self.problem, self._retry_at = "", float("inf")
        finally:
            self._stamp, self._sales_pending = stamp, False
            self._refresh_task = None


def _find(service: ValuationService) -> ServingModels:
    """Return the models by day, including all promotions and reported sales."""
    model, serving = find_model(service.settings), service.models
    if _digest(model) == _digest(serving.trained):
        return serving.refreshed()
    return serving_models(model, service.market, service.database)


def _drift_of(service: ValuationService) -> DriftReport:
    return drift_report(service, most_sales=_MAX_SALES, most_packs=_MAX_PACKS)


def _has_news(service: ValuationService) -> bool:
    """Return whether sales were reported or a new day has begun since the last refresh."""
    if today() != service.models.day:
        return True
    with service.database.reading() as connection:
        return newest_entry(connection) > service.models.sales_through


def _reason(error: Exception) -> str:
    """Return the message of an error."""
    return error.message if isinstance(error, CanzhiError) else f"{type(error).__name__}: {error}"


def _digest(model: Predictor | None) -> str:
    return "" if model is None else model.digest


def _model_label(service: ValuationService) -> str:
    model = service.model
    return "structural" if model is None else f"{model.name}@{model.version} {model.digest[:19]}"
