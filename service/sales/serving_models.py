"""The model for each valuation day (基准日模型), recentred by the sales known on that day.

Nothing more is recorded on a past day, so its model never changes. The model of today, or of a future day, follows the
sales reported until now.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from threading import Lock

from models.artifact.predictor import Predictor as TrainedModel
from service.clock import today
from service.quotes import QuotedMarket
from service.sales.live_recentring import Anchors, AnchorSummary, apply_anchor, read_summary
from service.store.database import Database
from service.store.sales import newest_entry
from valuation.ports import Predictor

MAX_DAYS = 64
"""Number of models in memory; they share the trained model and differ in about a megabyte of band data."""

END_OF_DAY = -1
"""Value of `through` for a past day: all entries recorded by its end count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedModel:
    """The model of one day and the summary of its anchor; None if no sale was known."""

    model: Predictor | None
    summary: AnchorSummary | None


class ServingModels:
    """The models by valuation day, from the entries about sales read so far.

    Immutable: running requests keep their instance; :meth:`refreshed` returns a new one that shares the cache.
    """

    def __init__(self, cache: ModelCache, sales_through: int, day: date) -> None:
        self._cache = cache
        self.sales_through = sales_through
        self.day = day
        self.current = cache.get(day, sales_through)
        """The model of the day on which the entries were read."""

    @property
    def trained(self) -> Predictor | None:
        """The model before recentring."""
        return self._cache.trained

    def on(self, as_of: date) -> DatedModel:
        """Return the model of a day."""
        through = self._through(as_of)
        if as_of == self.day and through == self.sales_through:
            return self.current
        return self._cache.get(as_of, through)

    def in_memory(self, as_of: date) -> bool:
        """Return whether the model of a day is in memory."""
        return as_of == self.day == today() or self._cache.contains(as_of, self._through(as_of))

    def refreshed(self) -> ServingModels:
        """Return the models with all sales reported until now; today's model is in memory."""
        return ServingModels(self._cache, self._cache.read(), today())

    def _through(self, as_of: date) -> int:
        return END_OF_DAY if as_of < today() else self.sales_through


class ModelCache:
    """Cache of the models of one trained model by day; drops the least recently used one."""

    def __init__(self, model: Predictor | None, market: QuotedMarket, database: Database) -> None:
        self.trained = model
        self.anchors = Anchors(model, market, database) if isinstance(model, TrainedModel) else None
        self._database = database
        self._structural = DatedModel(model=model, summary=None)
        self._kept: OrderedDict[tuple[date, int], DatedModel] = OrderedDict()
        self._lock = Lock()

    def read(self) -> int:
        """Read new entries, and return the sequence of the newest entry about a sale."""
        if self.anchors is None:
            with self._database.reading() as connection:
                return newest_entry(connection)
        with self._lock:
            return self.anchors.read()

    def contains(self, as_of: date, through: int) -> bool:
        """Return whether the model of a day is in memory."""
        return self.anchors is None or (as_of, through) in self._kept

    def get(self, as_of: date, through: int) -> DatedModel:
        """Return the model of a day; a cached one is returned without a lock."""
        if self.anchors is None:
            return self._structural
        key = as_of, through
        found = self._kept.get(key)
        if found is None:
            with self._lock:
                found = self._kept.get(key) or self._find(self.anchors, as_of, through)
                self._kept[key] = found
                if len(self._kept) > MAX_DAYS:
                    self._kept.popitem(last=False)
        with suppress(KeyError):
            self._kept.move_to_end(key)
        return found

    def _find(self, anchors: Anchors, as_of: date, through: int) -> DatedModel:
        kept = anchors.on(as_of, anchors.read() if through == END_OF_DAY else through)
        if kept is None:
            return self._structural
        return DatedModel(model=apply_anchor(anchors.model, kept), summary=read_summary(kept))


def serving_models(model: Predictor | None, market: QuotedMarket, database: Database) -> ServingModels:
    """Return the models by day of a trained model; without one, the structural value is used for every day."""
    cache = ModelCache(model, market, database)
    return ServingModels(cache, cache.read(), today())
