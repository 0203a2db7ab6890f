"""Who is champion now: the log of promotions is watched, and a new champion takes the counter over between requests.

Every request is preceded by a look at the log's size and time; those that the loop finds together share one. Where it
has changed, the request waits for the new champion to be read in another thread; requests that are under way finish
with the model they began with, because a counter is never changed, only replaced. A champion that cannot be read leaves
the one before in service. Once a second the store is asked for sales reported since, through any server process; they
re-anchor the model of today, and so does a new day (UTC+8).
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
from valuation.errors import CanzhiError
from valuation.ports import Predictor

_MOST_SALES, _MOST_PACKS = 1000, 300
RETRY_INTERVAL_S = 5.0
"""How long after a champion could not be read it is tried again. [s]"""
DRIFT_INTERVAL_S = 3600.0
"""How often packs valued lately are compared with those learned from. [s]"""
PREPARE_AHEAD = timedelta(minutes=10)
"""How long before midnight (UTC+8) the model of the new day is worked out."""
POLL_INTERVAL_S = 1.0
"""How often a server without requests looks. [s]"""


class ModelRefresher:
    """The counter in service, replaced whenever another model is to answer."""

    def __init__(self, service: ValuationService) -> None:
        self.service = service
        self.problem = ""
        self.watch_problem = ""
        self.swaps = 0
        self._log = service.settings.home / "models"
        self._stamp = service.log_stamp
        self._cached_stamp: tuple[int, int, int] | None = None
        self._retry_at = float("inf")
        self.drift: DriftReport | None = None
        self._drift_checked: tuple[int, float] | None = None
        self._sales_pending = False
        self._refresh_task: asyncio.Task[None] | None = None

    def outdated(self) -> bool:
        """Tell whether the log of promotions has changed, or sales wait, since the counter's model was found."""
        due = self.problem != "" and time.monotonic() >= self._retry_at
        return self._sales_pending or due or self._current_stamp() != self._stamp

    def _current_stamp(self) -> tuple[int, int, int]:
        """Return the log's stamp as it is now, or as it was seen in this turn of the loop."""
        if self._cached_stamp is None:
            self._cached_stamp = log_stamp(self._log)
            asyncio.get_running_loop().call_soon(setattr, self, "_cached_stamp", None)
        return self._cached_stamp

    async def refresh(self) -> None:
        """Put the model that the log names at the counter; requests that come meanwhile wait for the same reading."""
        while self.outdated():
            if self._refresh_task is None:
                self._refresh_task = asyncio.create_task(self._refresh())
            await asyncio.shield(self._refresh_task)  # a client that hangs up does not stop what others wait for

    async def poll_forever(self) -> None:
        """Look once a second for as long as the server runs, so that a quiet server changes its model too."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                waiting = await asyncio.to_thread(_has_news, self.service)
                self._sales_pending = self._sales_pending or waiting
                await self.refresh()
                await self._prepare_tomorrow()
                await self._update_drift()
            except Exception as error:  # noqa: BLE001 - whatever fails, the next look is made
                self._log_failure(error)
            else:
                self.watch_problem = ""

    def _log_failure(self, error: Exception) -> None:
        """Say in the log, once for each kind of failure, why sales or drift could not be looked at."""
        problem = _reason(error)
        if problem != self.watch_problem:
            log().error("watch failed", problem=problem, serving=_model_label(self.service))
        self.watch_problem = problem

    async def _prepare_tomorrow(self) -> None:
        """Work out the model of tomorrow shortly before midnight, so that no request of the new day waits for it."""
        models, tomorrow = self.service.models, clock.day_at(clock.moment() + PREPARE_AHEAD)
        if tomorrow != models.day and not models.in_memory(tomorrow):
            await asyncio.to_thread(models.on, tomorrow)

    async def _update_drift(self) -> None:
        """Look at drift when sales were reported, and once an hour."""
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
        """Let other models answer from the next request on."""
        fresh = copy.copy(self.service)
        fresh.models = models
        if _digest(fresh.model) != _digest(self.service.model):
            self.swaps += 1
        self.service = fresh

    async def _refresh(self) -> None:
        stamp = log_stamp(self._log)
        try:
            models = await asyncio.to_thread(_find, self.service)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a champion, the one before keeps answering
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
    """Return the models by day after all that was promoted and reported until now."""
    model, serving = find_model(service.settings), service.models
    if _digest(model) == _digest(serving.trained):
        return serving.refreshed()
    return serving_models(model, service.market, service.database)


def _drift_of(service: ValuationService) -> DriftReport:
    return drift_report(service, most_sales=_MOST_SALES, most_packs=_MOST_PACKS)


def _has_news(service: ValuationService) -> bool:
    """Tell whether sales were reported, or another day has begun, since the models in service were found."""
    if today() != service.models.day:
        return True
    with service.database.reading() as connection:
        return newest_entry(connection) > service.models.sales_through


def _reason(error: Exception) -> str:
    """Return why something failed: our own sentence, or the kind of error with what it says."""
    return error.message if isinstance(error, CanzhiError) else f"{type(error).__name__}: {error}"


def _digest(model: Predictor | None) -> str:
    return "" if model is None else model.digest


def _model_label(service: ValuationService) -> str:
    model = service.model
    return "structural" if model is None else f"{model.name}@{model.version} {model.digest[:19]}"
