"""The model as it answers for each valuation day (基准日模型): re-anchored on the sales known by that day, no others.

A day that has ended is closed: nothing is recorded on it any more, so its model is worked out once and never changes.
Today, and a day to come, follow the sales reported until now.
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
"""How many days' models are kept in memory; they share the trained model, and differ in a megabyte of bands."""

END_OF_DAY = -1
"""Instead of a number of an entry: all that was recorded by the end of the day counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedModel:
    """A model as it answers for one day, and what its anchor was made of; None where no sale was known by then."""

    model: Predictor | None
    summary: AnchorSummary | None


class ServingModels:
    """The models of a service by valuation day, as of the entries about sales that were read so far.

    It never changes: whoever began to answer with it goes on with it, and what was reported since is in the next one
    (:meth:`refreshed`), which shares its memory.
    """

    def __init__(self, cache: ModelCache, sales_through: int, day: date) -> None:
        self._cache = cache
        self.sales_through = sales_through
        self.day = day
        self.current = cache.get(day, sales_through)
        """The model as it answers for the day on which the sales were read."""

    @property
    def trained(self) -> Predictor | None:
        """The model as it was trained."""
        return self._cache.trained

    def on(self, as_of: date) -> DatedModel:
        """Return the model as it answers for a day."""
        through = self._through(as_of)
        if as_of == self.day and through == self.sales_through:
            return self.current
        return self._cache.get(as_of, through)

    def in_memory(self, as_of: date) -> bool:
        """Tell whether the model of a day is in memory, so that asking for it takes no time."""
        return as_of == self.day == today() or self._cache.contains(as_of, self._through(as_of))

    def refreshed(self) -> ServingModels:
        """Return the models after all that was reported until now, that of today in memory."""
        return ServingModels(self._cache, self._cache.read(), today())

    def _through(self, as_of: date) -> int:
        return END_OF_DAY if as_of < today() else self.sales_through


class ModelCache:
    """The days' models of one trained model; whichever was used least lately is forgotten first."""

    def __init__(self, model: Predictor | None, market: QuotedMarket, database: Database) -> None:
        self.trained = model
        self.anchors = Anchors(model, market, database) if isinstance(model, TrainedModel) else None
        self._database = database
        self._structural = DatedModel(model=model, summary=None)
        self._kept: OrderedDict[tuple[date, int], DatedModel] = OrderedDict()
        self._lock = Lock()

    def read(self) -> int:
        """Return the number of the newest entry about a sale; everything up to it was read."""
        if self.anchors is None:
            with self._database.reading() as connection:
                return newest_entry(connection)
        with self._lock:
            return self.anchors.read()

    def contains(self, as_of: date, through: int) -> bool:
        """Tell whether a day's model is in memory."""
        return self.anchors is None or (as_of, through) in self._kept

    def get(self, as_of: date, through: int) -> DatedModel:
        """Return a day's model; who finds it in memory waits for nobody."""
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
    """Return the models by day of a trained model, or of none: then the structural value answers for every day."""
    cache = ModelCache(model, market, database)
    return ServingModels(cache, cache.read(), today())
