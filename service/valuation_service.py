"""`ValuationService`: values packs and stores the answers, for the HTTP API, web page and command line.

Data flow of a valuation::

    bytes -> Traces -> iter_valuations -> bytes of the answer -> store
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
    """Valuation terms with their stored form and their grouping key."""

    @property
    def written(self) -> bytes:
        """The terms as stored JSON."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def key(self) -> Hashable:
        """Key of the terms; packs with the same key are valued together."""
        shift = tuple(sorted(self.market_shift.items()))
        return self.as_of, self.level, self.region, shift, self.explain, self.invoice


class ValuationTask(msgspec.Struct, frozen=True, kw_only=True):
    """One pack to value: its record, the terms, and the model of its valuation day."""

    traces: Traces
    terms: RequestTerms
    model: Predictor | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A valuation as a dict, and the row to store with id and JSON."""

    as_dict: ValuationDict
    stored: StoredValuation

    @property
    def valuation(self) -> Valuation:
        """The valuation as an object."""
        return valuation_of(self.as_dict)

    @property
    def valuation_id(self) -> str:
        """Id of the valuation."""
        return self.stored.valuation_id

    @property
    def best_route(self) -> str | None:
        """The open route with the most weight; None if all routes are closed."""
        best: str | None = self.as_dict["best_route"]
        return best

    @property
    def body(self) -> bytes:
        """The JSON of the answer, the same in every channel."""
        return self.stored.answer


class ValuationService:
    """Market, models and store; values packs and stores the answers."""

    def __init__(self, settings: Settings, market: QuotedMarket, models: ServingModels, database: Database) -> None:
        self.settings = settings
        self.market = market
        self.models = models
        self.database = database
        self.log_stamp = (0, 0, 0)

    @property
    def model(self) -> Predictor | None:
        """The model of today."""
        return self.models.current.model

    def reported_record(self, code: str, as_of: date) -> bytes:
        """Return the stored trace record of a pack, as recorded by a day; later records are marked.

        Raises
        ------
        UnknownPack
            If no history is stored under the code.
        """
        with self.database.reading() as connection:
            return packs.find(connection, code, as_of=as_of).record

    def value(self, traces: Traces, terms: RequestTerms, *, channel: str) -> Answer:
        """Value one pack, without storing the answer.

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
        """Value packs with the same terms; each result is an answer or an error. Nothing is stored."""
        return self.value_by(self.models.on(terms.as_of).model, traces, terms, channel=channel)

    def value_by(
        self, model: Predictor | None, traces: Traces, terms: RequestTerms, *, channel: str
    ) -> list[Answer | CanzhiError]:
        """Value packs with the same terms and a given model."""
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

    def value_each(self, tasks: Sequence[ValuationTask], *, channel: str) -> list[Answer | CanzhiError]:
        """Value packs with their own terms, grouped by equal terms; nothing is stored."""
        groups: dict[Hashable, list[int]] = {}
        for place, one in enumerate(tasks):
            groups.setdefault((one.terms.key, id(one.model)), []).append(place)
        results: dict[int, Answer | CanzhiError] = {}
        for places in groups.values():
            results |= zip(places, self._value_group([tasks[place] for place in places], channel), strict=True)
        return [results[place] for place in range(len(tasks))]

    def _value_group(self, group: Sequence[ValuationTask], channel: str) -> list[Answer | CanzhiError]:
        """Value packs with the same terms; if the whole group fails, value them one by one."""
        terms, model = group[0].terms, group[0].model
        try:
            return self.value_by(model, join_traces([one.traces for one in group]), terms, channel=channel)
        except CanzhiError as error:
            if len(group) == 1:
                return [error]
        return [answer for one in group for answer in self._value_group([one], channel)]

    def save(
        self,
        answers: Sequence[Answer],
        outcome: Outcome,
        *,
        request_key: IdempotencyKey | None = None,
        recorded_by: str,
    ) -> Outcome:
        """Store answers in one transaction, or return the first outcome of a repeated request.

        Raises
        ------
        IdempotencyConflict
            If the key was used for another request.
        StoreNotReady
            If the store cannot be written.
        """

        def work(connection: Connection) -> Outcome:
            valuations.save_market(connection, self.market.digest, self.market.content)
            valuations.save(connection, [one.stored for one in answers], recorded_by=recorded_by)
            return outcome

        return run_once(self.database, request_key, work)

    def _of_batch(self, model: Predictor | None, terms: RequestTerms, channel: str) -> dict[str, Any]:
        """Return the stored columns that all packs of a batch share."""
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
        stored=StoredValuation(
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
    """Return the JSON of an answer: the id, then the fields of the valuation."""
    return msgspec.json.encode({"valuation_id": valuation_id, **as_dict})


def open_valuation_service(settings: Settings) -> ValuationService:
    """Upgrade the store, read the quotes, load the model, and return the service.

    Raises
    ------
    CanzhiError
        If store, market or model cannot be used. A missing champion is not an error.
    """
    market = open_market(settings)
    upgrade(settings.store_url, wait_s=settings.store_wait_s)
    database = Database(settings.store_url, wait_s=settings.store_wait_s)
    stamp = log_stamp(settings.home / "models")  # read before the model, so that a promotion in between is noticed
    try:
        models = serving_models(find_model(settings), market, database)
    except BaseException:
        database.close()
        raise
    service = ValuationService(settings, market, models, database)
    service.log_stamp = stamp
    return service


def model_on(settings: Settings, market: QuotedMarket, as_of: date) -> Predictor | None:
    """Return the model of a day, recentred by the sales known on it.

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
    """Return the model named in the settings; None if nothing was trained, which means structural values.

    Raises
    ------
    PredictorError
        If the named model is missing or damaged.
    """
    try:
        model: Predictor = load_model(settings.model, home=settings.home)
    except UnknownModel:
        if settings.model != DEFAULT_MODEL:
            raise
        return None
    return model
