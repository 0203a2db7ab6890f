"""Recomputes a stored valuation (复算) from its stored record, quotes and model, and compares the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from models import load_model
from models.artifact.predictor import Predictor as TrainedModel
from service.sales.live_recentring import apply_anchor
from service.settings import Settings
from service.store import anchors, valuations
from service.store.anchors import StoredAnchor
from service.store.database import Database
from service.store.upgrade import upgrade
from service.store.valuations import StoredValuation
from service.valuation_service import RequestTerms, encode_answer
from valuation.appraisal import iter_valuations
from valuation.errors import CanzhiError, UnknownModel
from valuation.ingest import IntakeNote, Traces, read_market, read_trace
from valuation.ports import Predictor
from valuation.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A stored answer and its recomputation."""

    stored: StoredValuation
    answer: bytes

    @property
    def identical(self) -> bool:
        """Whether both have the same bytes."""
        return self.stored.answer == self.answer

    @property
    def same_code(self) -> bool:
        """Whether this version made the valuation."""
        return self.stored.code_version == __version__

    @property
    def differences(self) -> list[str]:
        """Names of the fields that differ."""
        before = msgspec.json.decode(self.stored.answer, type=dict[str, msgspec.Raw])
        after = msgspec.json.decode(self.answer, type=dict[str, msgspec.Raw])
        return [name for name in before | after if before.get(name) != after.get(name)]


def open_archive(settings: Settings) -> Database:
    """Open the store without the market and model of today.

    Raises
    ------
    StoreNotReady
        If the store cannot be used.
    """
    upgrade(settings.store_url, wait_s=settings.store_wait_s)
    return Database(settings.store_url, wait_s=settings.store_wait_s)


def _model_of(stored: StoredValuation, anchor: StoredAnchor | None, home: Path) -> Predictor | None:
    """Return the model of a stored valuation, recentred as it was then."""
    if stored.model_digest is None:
        return None
    trained = _trained_model(stored.model_digest if anchor is None else anchor.model_digest, stored, home)
    return trained if anchor is None else apply_anchor(trained, anchor)


def _trained_model(digest: str, stored: StoredValuation, home: Path) -> TrainedModel:
    """Return a model from the registry by digest, else by the stored reference."""
    try:
        return load_model(digest, home=home)
    except UnknownModel:
        model = load_model(stored.model_reference or digest, home=home)
        if model.digest != digest:
            raise
    return model


def reproduce_valuation(database: Database, valuation_id: str, home: Path) -> Reproduction:
    """Recompute a stored valuation.

    Raises
    ------
    UnknownValuation
        If no valuation is stored under the id.
    PredictorError
        If its model is missing.
    """
    with database.reading() as connection:
        stored = valuations.find(connection, valuation_id)
        content = valuations.market_content(connection, stored.market_digest)
        anchor = anchors.find_by_digest(connection, stored.model_digest) if stored.model_digest else None
    terms = msgspec.json.decode(stored.request, type=RequestTerms)
    notes = msgspec.json.decode(stored.notes, type=tuple[IntakeNote, ...])
    model = _model_of(stored, anchor, home)
    (answer_dict,) = iter_valuations(
        Traces(histories=read_trace(stored.record).histories, notes=(notes,)),
        read_market(content),
        model,
        terms,
    )
    if isinstance(answer_dict, CanzhiError):
        raise answer_dict
    return Reproduction(stored=stored, answer=encode_answer(answer_dict, stored.valuation_id))
