"""The counter: one traced pack in, one kept valuation out; HTTP, web page and command line all stand here.

The way of a valuation::

    bytes -> Traces -> appraise -> bytes of the answer -> kept in the store
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Connection

from models import load_model
from models.artifact.promotion_log import log_stamp
from service import answers
from service.clock import now
from service.quotes import QuotedMarket, open_market
from service.sales.serving_models import ServingModels, serving_models
from service.settings import DEFAULT_MODEL, Settings
from service.store import packs, valuations
from service.store.database import Database
from service.store.idempotency import Claim, Outcome, once, settle
from service.store.upgrade import upgrade
from service.store.valuations import KeptValuation
from valuation.appraisal import iter_valuations
from valuation.errors import CanzhiError, UnknownModel
from valuation.ingest import Traces, read_passport, read_trace
from valuation.ports import Predictor
from valuation.result import Valuation, ValuationDict, valuation_of
from valuation.terms import ValuationTerms
from valuation.version import __version__

_NO_NOTES = b"[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(ValuationTerms):
    """The terms of a valuation, as they are stored and as requests are grouped by them."""

    @property
    def written(self) -> bytes:
        """The terms as they are kept."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def key(self) -> Hashable:
        """What packs have in common that are valued together."""
        return self.as_of, self.level, self.region, tuple(sorted(self.market_shift.items())), self.explain


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A valuation with its id and the bytes that answer for it; `kept` is what the store shall hold."""

    told: ValuationDict
    kept: KeptValuation

    @property
    def valuation(self) -> Valuation:
        """The valuation as an object."""
        return valuation_of(self.told)

    @property
    def valuation_id(self) -> str:
        """Under which the valuation is kept."""
        return self.kept.valuation_id

    @property
    def best_route(self) -> str | None:
        """The open route that the value rests on most; None where every route is closed."""
        best: str | None = self.told["best_route"]
        return best

    @property
    def body(self) -> bytes:
        """The answer's JSON, the same at every door."""
        return self.kept.answer


class ToKeep(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to be kept for a caller, under the claim that came with its request."""

    answer: Answer
    claim: Claim | None
    recorded_by: str


class ValuationService:
    """Market, model and store, opened once and used for every valuation."""

    def __init__(self, settings: Settings, market: QuotedMarket, models: ServingModels, database: Database) -> None:
        self.settings = settings
        self.market = market
        self.models = models
        self.database = database
        self.log_stamp = (0, 0, 0)

    @property
    def model(self) -> Predictor | None:
        """The model as it answers for today."""
        return self.models.current.model

    def read(self, way: str, content: bytes, as_of: date) -> Traces:
        """Return the pack that a request names by its trace, its passport or a code whose history is kept.

        A kept history comes as it was recorded by the valuation day, with what was recorded later marked as such.

        Raises
        ------
        TraceError
            If the record cannot be read.
        UnknownPack
            If no history is kept under the code.
        """
        if way == "battery_code":
            with self.database.reading() as connection:
                content = packs.find(connection, content.decode(), as_of=as_of).record
        return read_passport(content) if way == "passport" else read_trace(content)

    def value(self, traces: Traces, terms: Terms, *, door: str) -> Answer:
        """Value one pack; nothing is kept yet.

        Raises
        ------
        CanzhiError
            If the pack must not or cannot be valued.
        """
        (answer,) = self.value_many(traces, terms, door=door)
        if isinstance(answer, CanzhiError):
            raise answer
        return answer

    def value_many(self, traces: Traces, terms: Terms, *, door: str) -> list[Answer | CanzhiError]:
        """Value many packs on the same terms; each is answered or carries its own error. Nothing is kept yet."""
        model = self.models.on(terms.as_of).model
        results = iter_valuations(
            traces,
            self.market.history,
            model,
            terms,
        )
        same = self._of_batch(model, terms, door)
        return [
            result if isinstance(result, CanzhiError) else _answer(result, traces, row, valuation_id, same)
            for row, (result, valuation_id) in enumerate(zip(results, valuations.new_ids(traces.packs), strict=True))
        ]

    def keep(
        self, given: Sequence[Answer], outcome: Outcome, *, claim: Claim | None = None, recorded_by: str
    ) -> Outcome:
        """Keep answers in one transaction; under a known idempotency key nothing is kept and the first outcome returns.

        Raises
        ------
        IdempotencyConflict
            If the key came with another request.
        StoreNotReady
            If the store cannot be written.
        """

        def work(connection: Connection) -> Outcome:
            valuations.keep_market(connection, self.market.digest, self.market.content)
            valuations.keep(connection, [one.kept for one in given], recorded_by=recorded_by)
            return outcome

        return once(self.database, claim, work)

    def keep_each(self, wanted: Sequence[ToKeep]) -> list[Outcome | CanzhiError]:
        """Keep answers to several requests in one transaction, each under its own claim; they return when all is kept.

        Raises
        ------
        StoreNotReady
            If the store cannot be written; then none of them is kept.
        """
        with self.database.writing() as connection:
            valuations.keep_market(connection, self.market.digest, self.market.content)
            outcomes: list[Outcome | CanzhiError] = [
                settle(connection, one.claim, Outcome(status=200, body=one.answer.body)) for one in wanted
            ]
            fresh: dict[str, list[KeptValuation]] = {}
            for one, outcome in zip(wanted, outcomes, strict=True):
                if isinstance(outcome, Outcome) and not outcome.replayed:
                    fresh.setdefault(one.recorded_by, []).append(one.answer.kept)
            for caller, kept in fresh.items():
                valuations.keep(connection, kept, recorded_by=caller)
        return outcomes

    def _of_batch(self, model: Predictor | None, terms: Terms, door: str) -> dict[str, Any]:
        """Return what is kept of every pack that was valued together."""
        return {
            "as_of": terms.as_of.isoformat(),
            "created_at": now(),
            "door": door,
            "request": terms.written,
            "market_digest": self.market.digest,
            "model_reference": self.settings.model if model else None,
            "model_digest": model.digest if model else None,
            "code_version": __version__,
        }


def _answer(told: ValuationDict, traces: Traces, row: int, valuation_id: str, same: Mapping[str, Any]) -> Answer:
    """Return the answer for one pack under its id."""
    return Answer(
        told=told,
        kept=KeptValuation(
            valuation_id=valuation_id,
            battery_code=told["battery_code"],
            record=traces.written(row),
            notes=_NO_NOTES if not traces.notes[row] else msgspec.json.encode(traces.notes[row]),
            input_digest=told["input_digest"],
            answer=answers.encode(told, valuation_id),
            **same,
        ),
    )


def open_valuation_service(settings: Settings) -> ValuationService:
    """Open the counter: bring the store up to date, read the market, load the model where there is one.

    Raises
    ------
    CanzhiError
        If store, market or model cannot be used; that there is no champion yet is no error.
    """
    market = open_market(settings)
    upgrade(settings.store_url, wait_s=settings.store_wait_s)
    database = Database(settings.store_url, wait_s=settings.store_wait_s)
    stamp = log_stamp(settings.home / "models")  # before the model: a promotion meanwhile is seen again
    try:
        models = serving_models(find_model(settings), market, database)
    except BaseException:
        database.close()
        raise
    counter = ValuationService(settings, market, models, database)
    counter.log_stamp = stamp
    return counter


def model_on(settings: Settings, market: QuotedMarket, as_of: date) -> Predictor | None:
    """Return the model that would answer for a day, re-anchored on the sales known by then.

    Raises
    ------
    CanzhiError
        If store or model cannot be used.
    """
    upgrade(settings.store_url, wait_s=settings.store_wait_s)
    database = Database(settings.store_url, wait_s=settings.store_wait_s)
    try:
        return serving_models(find_model(settings), market, database).on(as_of).model
    finally:
        database.close()


def find_model(settings: Settings) -> Predictor | None:
    """Return the model the settings name, None where nothing was trained yet: then the structural value answers.

    Raises
    ------
    PredictorError
        If the model was named and is not there, or is damaged.
    """
    try:
        model: Predictor = load_model(settings.model, home=settings.home)
    except UnknownModel:
        if settings.model != DEFAULT_MODEL:
            raise
        return None
    return model
