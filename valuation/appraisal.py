"""Value packs from their traced records (评估): read, cut at the valuation day, build the dossier, price, explain.

>>> from valuation.ingest import read_market, read_trace
>>> record = b'{"chemistry": "LFP", "rated_energy_kwh": 50.0, "made_on": "2020-06-08"}'
>>> quotes = b\"\"\"quoted_on,instrument,price,unit,vat_included,region,source
... 2026-11-01,lithium_carbonate,150000,CNY/t,true,CN,example
... 2026-11-01,copper,108000,CNY/t,true,CN,example
... 2026-11-01,aluminium,24000,CNY/t,true,CN,example
... 2026-11-01,new_pack_lfp,450,CNY/kWh,true,CN,example\"\"\"
>>> answer = appraise(read_trace(record), read_market(quotes), as_of="2026-11-20")
>>> answer.residual_value.lower < answer.residual_value.point < answer.residual_value.upper
True
>>> answer.model.name
'structural'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial

import numpy as np

from valuation.answer.build_answer import RoundedBatch, round_batch, to_valuation_dict
from valuation.answer.priced_batch import PricedBatch, value_batch
from valuation.errors import CanzhiError, FieldError, MissingQuote
from valuation.ingest.read_traces import Traces
from valuation.market.invoice import check_invoice
from valuation.market.snapshot import MarketHistory
from valuation.numeric.columns import IntArray
from valuation.ports import Predictor
from valuation.pricing import check_level
from valuation.record.cases import TraceTable
from valuation.result import Valuation, ValuationDict, valuation_of
from valuation.terms import ValuationTerms, valuation_day


def appraise(  # noqa: PLR0913 - the public contract names them
    traces: Traces,
    market: MarketHistory,
    *,
    model: Predictor | None = None,
    as_of: date | str,
    level: float = 0.9,
    region: str = "CN",
    market_shift: Mapping[str, float] | None = None,
    explain: bool = True,
    invoice: str = "general",
) -> Valuation:
    """Return the residual value of one pack on a day, with its band and the reasons (评估).

    Parameters
    ----------
    traces : Traces
        The result of :func:`valuation.ingest.read_trace`; exactly one pack.
    market : MarketHistory
        The result of :func:`valuation.ingest.read_market`.
    model : Predictor, optional
        A trained model (``models.load_model``). Without one the answer is the structural value, with a caution.
    as_of : date or ISO text
        The valuation day (评估基准日). Nothing that happened or was reported later has any influence.
    level : float
        Confidence level: the share of deals that the band should contain.
    region : str
        Region whose quotes are preferred.
    market_shift : mapping of instrument to factor, optional
        A scenario that multiplies quotes, for example ``{"lithium_carbonate": 1.1}``.
    explain : bool
        Whether to compute the drivers of value and width, and the next best evidence.
    invoice : str
        The seller's invoice: general, simplified, reverse or none; it moves `with_vat`, what a buyer pays in cash.

    Raises
    ------
    RefusedPack
        If the pack must not be valued.
    FieldError
        If the record does not hold exactly one pack, or the day, the level or the invoice cannot be used.
    """
    if traces.packs != 1:
        raise FieldError("record.several_packs", field="traces", value=traces.packs, packs=traces.packs)
    (answer,) = appraise_many(
        traces,
        market,
        model=model,
        as_of=as_of,
        level=level,
        region=region,
        market_shift=market_shift,
        explain=explain,
        invoice=invoice,
    )
    if isinstance(answer, CanzhiError):
        raise answer
    return answer


def appraise_many(  # noqa: PLR0913 - the public contract names them
    traces: Traces,
    market: MarketHistory,
    *,
    model: Predictor | None = None,
    as_of: date | str,
    level: float = 0.9,
    region: str = "CN",
    market_shift: Mapping[str, float] | None = None,
    explain: bool = True,
    invoice: str = "general",
) -> tuple[Valuation | CanzhiError, ...]:
    """Return one answer per pack, in order: a valuation, or the error that explains why there is none.

    Parameters are those of :func:`appraise`. The answer for a pack does not depend on the rest of the batch.
    """
    terms = ValuationTerms(
        as_of=valuation_day(as_of),
        level=level,
        region=region,
        market_shift=market_shift or {},
        explain=explain,
        invoice=check_invoice(invoice),
    )
    answers = iter_valuations(traces, market, model, terms)
    return tuple([one if isinstance(one, CanzhiError) else valuation_of(one) for one in answers])


def iter_valuations(
    traces: Traces, market: MarketHistory, model: Predictor | None, terms: ValuationTerms
) -> Iterator[ValuationDict | CanzhiError]:
    """Yield the answers of :func:`appraise_many` one by one, as dicts instead of objects."""
    check_level(terms.level)
    value = partial(value_batch, market=market, model=model, terms=terms)
    for rows, priced in _price_or_split(traces.table, np.arange(traces.table.rows), value):
        if isinstance(priced, CanzhiError):
            yield priced
        else:
            batch = round_batch(priced)
            for position, row in enumerate(rows.tolist()):
                yield _answer(batch, traces, position, row)


def _price_or_split(
    table: TraceTable, rows: IntArray, value: Callable[[TraceTable], PricedBatch]
) -> Iterator[tuple[IntArray, PricedBatch | MissingQuote]]:
    """Yield the rows priced as one batch; if a quote is missing, halve it until only affected packs fail."""
    try:
        whole = len(rows) == table.rows
        yield rows, value(table if whole else table.take(rows))
    except MissingQuote as missing:
        if len(rows) == 1:
            yield rows, missing
            return
        middle = len(rows) // 2
        yield from _price_or_split(table, rows[:middle], value)
        yield from _price_or_split(table, rows[middle:], value)


def _answer(batch: RoundedBatch, traces: Traces, position: int, row: int) -> ValuationDict | CanzhiError:
    """Return the valuation of one pack, or its refusal; `position` is its index in the batch, `row` in the traces."""
    refusal = batch.priced.dossier.findings.refusal_error(position)
    if refusal is not None:
        return refusal
    day = batch.priced.terms.as_of
    return to_valuation_dict(batch, position, traces.cautions(row, day), traces.digest(row, day))
