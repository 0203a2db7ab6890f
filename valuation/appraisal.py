"""The story of a valuation: read the record, cut it at the day, work out what the pack is, price it, say why.

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

import numpy as np

from valuation.answer.band_drivers import explain_band
from valuation.answer.build_answer import RoundedBatch, round_batch, to_valuation_dict
from valuation.answer.drivers import reasons
from valuation.answer.evidence import next_best
from valuation.answer.priced_batch import PricedBatch
from valuation.dossier import build_dossier
from valuation.errors import CanzhiError, FieldError, MissingQuote, RefusedPack
from valuation.ingest.read_traces import Traces
from valuation.market.snapshot import MarketHistory
from valuation.numeric.columns import IntArray
from valuation.ports import Predictor
from valuation.pricing import check_level, price
from valuation.record.cases import TraceTable, cut
from valuation.record.to_columns import day_number
from valuation.result import Valuation, ValuationDict, valuation_of


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
) -> Valuation:
    """Return what one pack would fetch on a day, with a band and the reasons (评估).

    Parameters
    ----------
    traces : Traces
        What :func:`valuation.ingest.read_trace` read; exactly one pack.
    market : MarketHistory
        What :func:`valuation.ingest.read_market` read.
    model : Predictor, optional
        A trained model (``models.load_model``); without one the structural value answers, and says so.
    as_of : date or ISO text
        The day the value speaks of; nothing that happened or was reported later has any influence.
    level : float
        Share of deals the band is to hold.
    region : str
        Region whose quotes are preferred.
    market_shift : mapping of instrument to factor, optional
        A scenario, for example ``{"lithium_carbonate": 1.1}``.
    explain : bool
        Whether to work out the drivers of value and width, and the next best evidence.

    Raises
    ------
    RefusedPack
        If the pack must not be valued.
    FieldError
        If the record holds not exactly one pack, or the day or level cannot be used.
    """
    if traces.packs != 1:
        raise FieldError(
            f"the record holds {traces.packs} packs, not one",
            hint="use appraise_many for several packs",
            field="traces",
            value=traces.packs,
        )
    (answer,) = appraise_many(
        traces,
        market,
        model=model,
        as_of=as_of,
        level=level,
        region=region,
        market_shift=market_shift,
        explain=explain,
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
) -> tuple[Valuation | CanzhiError, ...]:
    """Return one answer a pack, in their order: a valuation, or the reason why there is none.

    Parameters are those of :func:`appraise`; a pack's answer does not depend on the others in the batch.
    """
    told = iter_valuations(
        traces,
        market,
        model=model,
        as_of=as_of,
        level=level,
        region=region,
        market_shift=market_shift,
        explain=explain,
    )
    return tuple([one if isinstance(one, CanzhiError) else valuation_of(one) for one in told])


def iter_valuations(  # noqa: PLR0913 - as above
    traces: Traces,
    market: MarketHistory,
    *,
    model: Predictor | None = None,
    as_of: date | str,
    level: float = 0.9,
    region: str = "CN",
    market_shift: Mapping[str, float] | None = None,
    explain: bool = True,
) -> Iterator[ValuationDict | CanzhiError]:
    """Yield what :func:`appraise_many` returns, as it is told and one pack after the other, without objects between."""
    day = valuation_day(as_of)
    check_level(level)

    def value(table: TraceTable) -> PricedBatch:
        dossier = build_dossier(
            cut(table, np.full(table.rows, day_number(day))),
            market,
            region=region,
            market_shift=market_shift,
            habits=None if model is None else model.habits,
        )
        prices = price(dossier, model, level)
        return PricedBatch(
            dossier=dossier,
            prices=prices,
            reasons=reasons(dossier, prices, model) if explain else None,
            explain_band=explain_band(dossier, prices, model) if explain else None,
            evidence_ratio=next_best(dossier) if explain else {},
            model=model,
            as_of=day,
            level=level,
            region=region,
            market_shift=market_shift or {},
        )

    for rows, valued in _value_apart(traces.table, np.arange(traces.table.rows), value):
        if isinstance(valued, CanzhiError):
            yield valued
        else:
            sheet = round_batch(valued)
            for position, row in enumerate(rows.tolist()):
                yield _answer(sheet, traces, position, row)


def valuation_day(as_of: date | str) -> date:
    """Return the valuation day (评估基准日).

    Raises
    ------
    FieldError
        If the text is no ISO date.

    >>> valuation_day("2026-11-20")
    datetime.date(2026, 11, 20)
    """
    if isinstance(as_of, date):
        return as_of
    try:
        return date.fromisoformat(as_of)
    except ValueError as error:
        raise FieldError(
            f"as_of is {as_of!r}, no ISO date", hint="write 2026-11-20", field="as_of", value=as_of
        ) from error


def _value_apart(
    table: TraceTable, rows: IntArray, value: Callable[[TraceTable], PricedBatch]
) -> Iterator[tuple[IntArray, PricedBatch | MissingQuote]]:
    """Yield the batch valued as one; where a price that some packs need is not quoted, the rest without those packs."""
    try:
        whole = len(rows) == table.rows
        yield rows, value(table if whole else table.take(rows))
    except MissingQuote as lacking:
        if len(rows) == 1:
            yield rows, lacking
            return
        middle = len(rows) // 2
        yield from _value_apart(table, rows[:middle], value)
        yield from _value_apart(table, rows[middle:], value)


def _answer(sheet: RoundedBatch, traces: Traces, position: int, row: int) -> ValuationDict | CanzhiError:
    """Return one pack's valuation, or why it must not be valued; `position` is its place in what was valued."""
    valued = sheet.valued
    refusal = valued.dossier.findings.refusal(position)
    if refusal is not None:
        return RefusedPack(refusal.message_en, hint=refusal.effect, field="battery_code", value=refusal.id)
    return to_valuation_dict(sheet, position, traces.cautions(row, valued.as_of), traces.digest(row, valued.as_of))
