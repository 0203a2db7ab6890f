"""A kept valuation worked out again (复算) from what is kept: record, quotes, model; bit for bit or not."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from models import load_model
from service import answers
from service.counter import Counter, Terms
from service.store import valuations
from service.store.valuations import KeptValuation
from valuation.appraise import appraise
from valuation.errors import BundleTampered
from valuation.intake import IntakeNote, Traces, read_trace
from valuation.market import MarketHistory
from valuation.intake import read_market
from valuation.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """The kept answer beside the one worked out now."""

    kept: KeptValuation
    answer: bytes

    @property
    def identical(self) -> bool:
        """Whether both are the same to the last bit."""
        return self.kept.answer == self.answer

    @property
    def same_code(self) -> bool:
        """Whether the valuation was made by this version."""
        return self.kept.code_version == __version__


def reproduce(counter: Counter, valuation_id: str) -> Reproduction:
    """Work a kept valuation out again.

    Raises
    ------
    UnknownValuation
        If none is kept under that id.
    PredictorError
        If its model is no longer there.
    """
    with counter.database.reading() as connection:
        kept = valuations.find(connection, valuation_id)
        content = valuations.market_content(connection, kept.market_digest)
    terms = msgspec.json.decode(kept.request, type=Terms)
    read = read_trace(kept.record)
    notes = msgspec.json.decode(kept.notes, type=tuple[IntakeNote, ...])
    model = None
    if kept.model_digest is not None:
        model = load_model(kept.model_digest, home=counter.settings.home)
    valuation = appraise(
        Traces(histories=read.histories, notes=(notes,), problems=()),
        read_market(content),
        model=model,
        as_of=terms.as_of,
        level=terms.level,
        region=terms.region,
        market_shift=terms.market_shift or None,
        explain=terms.explain,
    )
    return Reproduction(kept=kept, answer=answers.encode(valuation, kept.valuation_id))
