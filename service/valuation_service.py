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
from service.clock import new_ids, now
from service.quotes import QuotedMarket, open_market
from service.sales.serving_models import ServingModels, serving_models
from service.settings import DEFAULT_MODEL, Settings
from service.store import packs, valuations
from service.store.database import Database
from service.store.idempotency import IdempotencyKey, Outcome, run_once
from service.store.upgrade import upgrade
from service.store.valuations import StoredValuation
from valuation.appraisal import iter_valuations
from valuation.errors import CanzhiError, UnknownModel
from valuation.ingest import Traces, join_traces
from valuation.ports import Predictor
from valuation.result import Valuation, ValuationDict, valuation_of
from valuation.terms import ValuationTerms
from valuation.version import __version__

_NO_NOTES = b"[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTerms(ValuationTerms):
    """The terms of a valuation, as they are stored and as requests are grouped by them."""

    @property
    def written(self) -> bytes:
        """The terms as they are kept."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def key(self) -> Hashable:
        """What packs have in common that are valued together."""
        return self.as_of, self.level, self.region, tuple(sorted(self.market_shift.items())), self.explain


class ValuationTask(msgspec.Struct, frozen=True, kw_only=True):
    """One pack to be valued, on what terms, and the model that answers for its valuation day."""

    traces: Traces
    terms: RequestTerms
    model: Predictor | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A valuation with its id and the bytes that answer for it; `kept` is what the store shall hold."""

    as_dict: ValuationDict
    kept: StoredValuation

    @property
    def valuation(self) -> Valuation:
        """The valuation as an object."""
        return valuation_of(self.as_dict)

    @property
    def valuation_id(self) -> str:
        """Under which the valuation is kept."""
        return self.kept.valuation_id

    @property
    def best_route(self) -> str | None:
        """The open route that the value rests on most; None where every route is closed."""
        best: str | None = self.as_dict["best_route"]
        return best

    @property
    def body(self) -> bytes:
        """The answer's JSON, the same in every channel."""
        return self.kept.answer


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

    def reported_record(self, code: str, as_of: date) -> bytes:
        """Return the record of a pack that its reports make.

        A kept history comes as it was recorded by the valuation day, with what was recorded later marked as such.

        Raises
        ------
        UnknownPack
            If no history is kept under the code.
        """
        with self.database.reading() as connection:
            return packs.find(connection, code, as_of=as_of).record

    def value(self, traces: Traces, terms: RequestTerms, *, channel: str) -> Answer:
        """Value one pack; nothing is kept yet.

        Raises
        ------
        CanzhiError
            If the pack must not or cannot be valued.
        """
        (answer,) = self.value_many(traces, terms, channel=channel)
        if isinstance(answer, CanzhiError):
            raise answer
        return answer

    def value_many(self, traces: Traces, terms: RequestTerms, *, channel: str) -> list[Answer | CanzhiError]:
        """Value many packs on the same terms; each is answered or carries its own error. Nothing is kept yet."""
        return self.value_by(self.models.on(terms.as_of).model, traces, terms, channel=channel)

    def value_by(
        self, model: Predictor | None, traces: Traces, terms: RequestTerms, *, channel: str
    ) -> list[Answer | CanzhiError]:
        """Value many packs on the same terms by the model that answers for their day."""
        results = iter_valuations(
            traces,
            self.market.history,
            model,
            terms,
        )
        same = self._of_batch(model, terms, channel)
        return [
            result if isinstance(result, CanzhiError) else _answer(result, traces, row, valuation_id, same)
            for row, (result, valuation_id) in enumerate(zip(results, new_ids(traces.packs), strict=True))
        ]

    def value_each(self, asked: Sequence[ValuationTask], *, channel: str) -> list[Answer | CanzhiError]:
        """Value packs on terms of their own, those on the same terms together; nothing is kept yet."""
        groups: dict[Hashable, list[int]] = {}
        for place, one in enumerate(asked):
            groups.setdefault((one.terms.key, id(one.model)), []).append(place)
        results: dict[int, Answer | CanzhiError] = {}
        for places in groups.values():
            results |= zip(places, self._value_group([asked[place] for place in places], channel), strict=True)
        return [results[place] for place in range(len(asked))]

    def _value_group(self, group: Sequence[ValuationTask], channel: str) -> list[Answer | CanzhiError]:
        """Return the answers of packs on the same terms; where the batch as a whole fails, each speaks for itself."""
        terms, model = group[0].terms, group[0].model
        try:
            return self.value_by(model, join_traces([one.traces for one in group]), terms, channel=channel)
        except CanzhiError as error:
            if len(group) == 1:
                return [error]
        return [answer for one in group for answer in self._value_group([one], channel)]

    def save(
        self, given: Sequence[Answer], outcome: Outcome, *, request_key: IdempotencyKey | None = None, recorded_by: str
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
            valuations.save_market(connection, self.market.digest, self.market.content)
            valuations.save(connection, [one.kept for one in given], recorded_by=recorded_by)
            return outcome

        return run_once(self.database, request_key, work)

    def _of_batch(self, model: Predictor | None, terms: RequestTerms, channel: str) -> dict[str, Any]:
        """Return what is kept of every pack that was valued together."""
        return {
            "as_of": terms.as_of.isoformat(),
            "created_at": now(),
            "channel": channel,
            "request": terms.written,
            "market_digest": self.market.history.digest,
            "model_reference": self.settings.model if model else None,
            "model_digest": model.digest if model else None,
            "code_version": __version__,
        }


def _answer(as_dict: ValuationDict, traces: Traces, row: int, valuation_id: str, same: Mapping[str, Any]) -> Answer:
    """Return the answer for one pack under its id."""
    return Answer(
        as_dict=as_dict,
        kept=StoredValuation(
            valuation_id=valuation_id,
            battery_code=as_dict["battery_code"],
            record=traces.written(row),
            notes=_NO_NOTES if not traces.notes[row] else msgspec.json.encode(traces.notes[row]),
            input_digest=as_dict["input_digest"],
            answer=encode_answer(as_dict, valuation_id),
            **same,
        ),
    )


def encode_answer(as_dict: ValuationDict, valuation_id: str) -> bytes:
    """Return the bytes that answer for a valuation: its id, then what the core says in its order."""
    return msgspec.json.encode({"valuation_id": valuation_id, **as_dict})


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
    service = ValuationService(settings, market, models, database)
    service.log_stamp = stamp
    return service


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
