"""A kept valuation worked out again (复算) from what is kept: record, quotes, model; bit for bit or not."""

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
    """The kept answer beside the one worked out now."""

    kept: StoredValuation
    answer: bytes

    @property
    def identical(self) -> bool:
        """Whether both are the same to the last bit."""
        return self.kept.answer == self.answer

    @property
    def same_code(self) -> bool:
        """Whether the valuation was made by this version."""
        return self.kept.code_version == __version__

    @property
    def differences(self) -> list[str]:
        """The parts of the answer that differ."""
        before = msgspec.json.decode(self.kept.answer, type=dict[str, msgspec.Raw])
        after = msgspec.json.decode(self.answer, type=dict[str, msgspec.Raw])
        return [name for name in before | after if before.get(name) != after.get(name)]


def open_archive(settings: Settings) -> Database:
    """Open the store alone: neither today's market nor today's model has a part in a reproduction.

    Raises
    ------
    StoreNotReady
        If the store cannot be used.
    """
    upgrade(settings.store_url, wait_s=settings.store_wait_s)
    return Database(settings.store_url, wait_s=settings.store_wait_s)


def _model_of(kept: StoredValuation, anchor: StoredAnchor | None, home: Path) -> Predictor | None:
    """Return the very model that answered, re-anchored as it was then."""
    if kept.model_digest is None:
        return None
    trained = _trained_model(kept.model_digest if anchor is None else anchor.model_digest, kept, home)
    return trained if anchor is None else apply_anchor(trained, anchor)


def _trained_model(digest: str, kept: StoredValuation, home: Path) -> TrainedModel:
    """Return a model from the registry by digest, else from where it was named then."""
    try:
        return load_model(digest, home=home)
    except UnknownModel:
        model = load_model(kept.model_reference or digest, home=home)
        if model.digest != digest:
            raise
    return model


def reproduce_valuation(database: Database, valuation_id: str, home: Path) -> Reproduction:
    """Work a kept valuation out again.

    Raises
    ------
    UnknownValuation
        If none is kept under that id.
    PredictorError
        If its model is no longer there.
    """
    with database.reading() as connection:
        kept = valuations.find(connection, valuation_id)
        content = valuations.market_content(connection, kept.market_digest)
        anchor = anchors.find_by_digest(connection, kept.model_digest) if kept.model_digest else None
    terms = msgspec.json.decode(kept.request, type=RequestTerms)
    notes = msgspec.json.decode(kept.notes, type=tuple[IntakeNote, ...])
    model = _model_of(kept, anchor, home)
    (answer_dict,) = iter_valuations(
        Traces(histories=read_trace(kept.record).histories, notes=(notes,)),
        read_market(content),
        model,
        terms,
    )
    if isinstance(answer_dict, CanzhiError):
        raise answer_dict
    return Reproduction(kept=kept, answer=encode_answer(answer_dict, kept.valuation_id))
