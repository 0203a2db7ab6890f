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
from service.monitoring import Drift, look
from service.sales.serving_models import ServingModels, serving_models
from service.store.sales import newest_entry
from service.telemetry import log
from service.valuation_service import ValuationService, find_model
from valuation.errors import CanzhiError
from valuation.ports import Predictor

_MOST_SALES, _MOST_PACKS = 1000, 300
TRY_AGAIN_S = 5.0
"""How long after a champion could not be read it is tried again. [s]"""
DRIFT_EVERY_S = 3600.0
"""How often packs valued lately are compared with those learned from. [s]"""
AHEAD = timedelta(minutes=10)
"""How long before midnight (UTC+8) the model of the new day is worked out."""
LOOK_EVERY_S = 1.0
"""How often a server without requests looks. [s]"""


class ModelRefresher:
    """The counter in service, replaced whenever another model is to answer."""

    def __init__(self, counter: ValuationService) -> None:
        self.counter = counter
        self.problem = ""
        self.watch_problem = ""
        self.swaps = 0
        self._log = counter.settings.home / "models"
        self._stamp = counter.log_stamp
        self._seen: tuple[int, int, int] | None = None
        self._retry_at = float("inf")
        self.drift: Drift | None = None
        self._looked: tuple[int, float] | None = None
        self._sales_wait = False
        self._under_way: asyncio.Task[None] | None = None

    def outdated(self) -> bool:
        """Tell whether the log of promotions has changed, or sales wait, since the counter's model was found."""
        due = self.problem != "" and time.monotonic() >= self._retry_at
        return self._sales_wait or due or self._look() != self._stamp

    def _look(self) -> tuple[int, int, int]:
        """Return the log's stamp as it is now, or as it was seen in this turn of the loop."""
        if self._seen is None:
            self._seen = log_stamp(self._log)
            asyncio.get_running_loop().call_soon(setattr, self, "_seen", None)
        return self._seen

    async def renew(self) -> None:
        """Put the model that the log names at the counter; requests that come meanwhile wait for the same reading."""
        while self.outdated():
            if self._under_way is None:
                self._under_way = asyncio.create_task(self._renew())
            await asyncio.shield(self._under_way)  # a client that hangs up does not stop what others wait for

    async def keep_looking(self) -> None:
        """Look once a second for as long as the server runs, so that a quiet server changes its model too."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                waiting = await asyncio.to_thread(_outdated, self.counter)
                self._sales_wait = self._sales_wait or waiting
                await self.renew()
                await self._prepare_tomorrow()
                await self._look_at_drift()
            except Exception as error:  # noqa: BLE001 - whatever fails, the next look is made
                self._report_failed_look(error)
            else:
                self.watch_problem = ""

    def _report_failed_look(self, error: Exception) -> None:
        """Say in the log, once for each kind of failure, why sales or drift could not be looked at."""
        problem = _reason(error)
        if problem != self.watch_problem:
            log().error("watch failed", problem=problem, serving=_named(self.counter))
        self.watch_problem = problem

    async def _prepare_tomorrow(self) -> None:
        """Work out the model of tomorrow shortly before midnight, so that no request of the new day waits for it."""
        models, tomorrow = self.counter.models, clock.day_at(clock.moment() + AHEAD)
        if tomorrow != models.day and not models.at_hand(tomorrow):
            await asyncio.to_thread(models.on, tomorrow)

    async def _look_at_drift(self) -> None:
        """Look at drift when sales were reported, and once an hour."""
        through, now = self.counter.models.sales_through, time.monotonic()
        if self._looked is not None and self._looked[0] == through and now - self._looked[1] < DRIFT_EVERY_S:
            return
        self._looked = (through, now)
        self.drift = await asyncio.to_thread(_drift_of, self.counter)

    def replace(self, models: ServingModels) -> None:
        """Let other models answer from the next request on."""
        fresh = copy.copy(self.counter)
        fresh.models = models
        if _digest(fresh.model) != _digest(self.counter.model):
            self.swaps += 1
        self.counter = fresh

    async def _renew(self) -> None:
        stamp = log_stamp(self._log)
        try:
            models = await asyncio.to_thread(_find, self.counter)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a champion, the one before keeps answering
            self.problem = _reason(error)
            self._retry_at = time.monotonic() + TRY_AGAIN_S
            log().error("champion not usable", problem=self.problem, serving=_named(self.counter))
        else:
            before = self.counter
            self.replace(models)
            if self.counter.model is not before.model:
                log().info("model", before=_named(before), after=_named(self.counter))
            self.problem, self._retry_at = "", float("inf")
        finally:
            self._stamp, self._sales_wait = stamp, False
            self._under_way = None


def _find(counter: ValuationService) -> ServingModels:
    """Return the models by day after all that was promoted and reported until now."""
    model, serving = find_model(counter.settings), counter.models
    if _digest(model) == _digest(serving.trained):
        return serving.renewed()
    return serving_models(model, counter.market, counter.database)


def _drift_of(counter: ValuationService) -> Drift:
    return look(counter, most_sales=_MOST_SALES, most_packs=_MOST_PACKS)


def _outdated(counter: ValuationService) -> bool:
    """Tell whether sales were reported, or another day has begun, since the models in service were found."""
    if today() != counter.models.day:
        return True
    with counter.database.reading() as connection:
        return newest_entry(connection) > counter.models.sales_through


def _reason(error: Exception) -> str:
    """Return why something failed: our own sentence, or the kind of error with what it says."""
    return error.message if isinstance(error, CanzhiError) else f"{type(error).__name__}: {error}"


def _digest(model: Predictor | None) -> str:
    return "" if model is None else model.digest


def _named(counter: ValuationService) -> str:
    model = counter.model
    return "structural" if model is None else f"{model.name}@{model.version} {model.digest[:19]}"
