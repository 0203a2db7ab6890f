"""Quotes, model and terms of a job as bytes, for processes on machines that have neither model nor quotes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import msgspec

from models.artifact.model_bytes import from_bytes, to_bytes
from models.artifact.predictor import Predictor
from service.vehicles import install_catalogue
from valuation.ingest import read_market
from valuation.market.snapshot import MarketHistory
from valuation.terms import ValuationTerms
from valuation.version import __version__


@dataclass(frozen=True)
class JobContext:
    """Quotes, model and terms of a job, sent to its processes.

    Parameters
    ----------
    quotes : bytes
        The file of quotes.
    model_bytes : bytes, optional
        The model (:mod:`models.artifact.model_bytes`); without one the structural value is the answer.
    terms : bytes
        The :class:`valuation.terms.ValuationTerms` as JSON.
    vehicles : bytes
        The imported catalogue of vehicles (:mod:`service.vehicles`); empty if there is none.
    """

    quotes: bytes
    model_bytes: bytes | None
    terms: bytes
    vehicles: bytes = b""

    @staticmethod
    def of(quotes: bytes, model: Predictor | None, terms: ValuationTerms, vehicles: bytes = b"") -> JobContext:
        """Return the context of a job; the model is one that :func:`models.load_model` returned."""
        return JobContext(
            quotes=quotes,
            model_bytes=None if model is None else to_bytes(model),
            terms=msgspec.json.encode(terms, order="sorted"),
            vehicles=vehicles,
        )

    @property
    def digest(self) -> str:
        """Hash of everything but the packs that determines the values: terms, quotes, model, vehicles, this version."""
        parts = (self.terms, self.quotes, self.model_bytes or b"", self.vehicles, __version__.encode())
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()

    @cached_property
    def market(self) -> MarketHistory:
        """The decoded quotes; reading them also installs the imported vehicles in this process."""
        install_catalogue(self.vehicles)
        return read_market(self.quotes)

    @cached_property
    def model(self) -> Predictor | None:
        """The decoded model."""
        return None if self.model_bytes is None else from_bytes(self.model_bytes)

    @cached_property
    def valuation_terms(self) -> ValuationTerms:
        """The decoded terms."""
        return msgspec.json.decode(self.terms, type=ValuationTerms)
