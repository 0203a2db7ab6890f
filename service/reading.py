"""From what a request names to one pack, and from many items to groups that are valued together."""

from __future__ import annotations

from datetime import date

from service.clock import today
from service.schemas import CheckRequest, ValuationRequest, the_one
from service.valuation_service import Terms, ValuationService
from valuation.errors import FieldError, UnreadableRecord
from valuation.ingest import Traces


def read_one(counter: ValuationService, asked: ValuationRequest | CheckRequest) -> Traces:
    """Return the one pack that a request names, as its valuation day knows it.

    Raises
    ------
    FieldError
        If the request names no pack, or several.
    TraceError
        If the record cannot be read.
    UnknownPack
        If the request names a code under which no history is kept.
    """
    way, content = the_one({"trace": asked.trace, "passport": asked.passport, "battery_code": asked.battery_code})
    return only_one(counter.read(way, content, day_of(asked)))


def only_one(traces: Traces) -> Traces:
    """Return the traces if they hold exactly one pack.

    Raises
    ------
    TraceError
        The reason why the record was set aside, or that it holds several packs.
    """
    if traces.problems:  # one pack beside them is not what was meant
        raise traces.problems[0].error
    if traces.packs == 1:
        return traces
    if not traces.packs:
        raise UnreadableRecord("the record holds no pack", hint="give one trace record as a JSON object")
    raise FieldError(
        f"the record holds {traces.packs} packs, not one",
        hint="send several packs to /v1/valuations/batch, one item each",
        field="trace",
    )


def terms_of(asked: ValuationRequest) -> Terms:
    """Return what is asked of the pack, the valuation day filled in."""
    return Terms(
        as_of=day_of(asked),
        level=asked.level,
        region=asked.region,
        market_shift=asked.market_shift or {},
        explain=asked.explain,
    )


def day_of(asked: ValuationRequest | CheckRequest) -> date:
    """Return the valuation day: the one asked for, else today."""
    return asked.as_of or today()
