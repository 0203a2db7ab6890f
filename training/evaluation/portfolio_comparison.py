"""Compare the values of a portfolio under two models, pack by pack (模型对比)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from models.artifact.predictor import Predictor
from training.dataset.traces import read_traces
from valuation.dossier import build_dossier
from valuation.errors import UnreadableRecord
from valuation.ingest import Document, read_trace
from valuation.market.snapshot import MarketHistory
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.numeric.rounding import money
from valuation.pricing import price
from valuation.record.cases import TraceTable, cut
from valuation.record.fields import CHEMISTRIES

_CHUNK = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonTerms:
    """Valuation day since 1970-01-01, level and region."""

    as_of_day: float
    level: float = 0.9
    region: str = "CN"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioComparison:
    """Values of each pack under two models. [CNY without VAT]

    `before` and `after` of shape (packs, 3) hold point, lower and upper; `refused` are the codes of packs that cannot
    be valued and are left out.
    """

    codes: tuple[str, ...]
    chemistry: tuple[str, ...]
    before: FloatArray
    after: FloatArray
    refused: tuple[str, ...]

    @property
    def difference(self) -> FloatArray:
        """Point of the second model minus point of the first. [CNY]"""
        return self.after[:, 0] - self.before[:, 0]

    def movers(self, most: int) -> list[int]:
        """Return the rows with the largest absolute difference, largest first."""
        return [int(row) for row in np.argsort(-np.abs(self.difference), kind="stable")[:most]]

    def totals(self) -> dict[str, tuple[int, float, float]]:
        """Return number of packs and total value under each model, for "all" and by chemistry. [CNY]"""
        labels = np.array(self.chemistry)
        found = {"all": np.ones(len(labels), dtype=np.bool_)}
        found |= {name: labels == name for name in sorted(set(self.chemistry))}
        return {
            name: (int(rows.sum()), float(self.before[rows, 0].sum()), float(self.after[rows, 0].sum()))
            for name, rows in found.items()
        }

    def rows(self) -> list[dict[str, object]]:
        """Return one record per pack, money rounded to 0.01 CNY."""
        return [
            {
                "battery_code": code,
                "chemistry": chemistry,
                **{
                    f"{which}_{name}_cny": money(float(values[place]))
                    for which, values in (("before", before), ("after", after))
                    for place, name in enumerate(("point", "lower", "upper"))
                },
                "difference_cny": money(float(after[0] - before[0])),
            }
            for code, chemistry, before, after in zip(self.codes, self.chemistry, self.before, self.after, strict=True)
        ]


def read_portfolio(paths: Sequence[Path]) -> TraceTable:
    """Read the packs of trace files, or of a folder with the tables packs and events.

    Raises
    ------
    UnreadableRecord
        If a record cannot be read, or the files contain no pack.
    """
    if len(paths) == 1 and paths[0].is_dir():
        return read_traces(paths[0]).table
    traces = read_trace([Document(name=path.name, content=path.read_bytes()) for path in paths])
    if traces.problems:
        problem = traces.problems[0]
        raise UnreadableRecord(
            "training.unreadable_pack",
            hint=problem.error.hint_text,
            field="packs",
            place=problem.where,
            reason=problem.error.text,
        ) from problem.error
    if not traces.histories:
        raise UnreadableRecord("training.no_pack", field="packs")
    return traces.table


def compare(
    pair: tuple[Predictor, Predictor], table: TraceTable, market: MarketHistory, terms: ComparisonTerms
) -> PortfolioComparison:
    """Value each pack with the first and with the second model.

    Raises
    ------
    MissingQuote
        If a required price is not quoted on or before the day.
    """
    parts = [
        _compared(pair, table.take(np.arange(start, min(start + _CHUNK, table.rows))), market, terms)
        for start in range(0, table.rows, _CHUNK)
    ]
    columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(PortfolioComparison)}
    return PortfolioComparison(
        codes=sum(columns["codes"], ()),
        chemistry=sum(columns["chemistry"], ()),
        before=np.concatenate(columns["before"]),
        after=np.concatenate(columns["after"]),
        refused=sum(columns["refused"], ()),
    )


def _compared(
    pair: tuple[Predictor, Predictor], table: TraceTable, market: MarketHistory, terms: ComparisonTerms
) -> PortfolioComparison:
    cases = cut(table, np.full(table.rows, terms.as_of_day))
    dossier = build_dossier(cases, market, region=terms.region)
    kept: BoolArray = np.array([dossier.findings.refusal(row) is None for row in range(table.rows)], dtype=np.bool_)
    values = []
    for model in pair:
        calibrated = (
            build_dossier(cases, market, region=terms.region, market_calibration=model.market_calibration)
            if model.market_calibration
            else dossier
        )
        prices = price(calibrated, model, terms.level)
        values.append(
            np.column_stack([prices.point, prices.lower, prices.upper]) * calibrated.nameplate.energy_kwh[:, np.newaxis]
        )
    codes = [code or f"pack {row + 1}" for row, code in enumerate(table.texts["battery_code"])]
    rows = np.flatnonzero(kept)
    return PortfolioComparison(
        codes=tuple(codes[row] for row in rows),
        chemistry=tuple(CHEMISTRIES[int(dossier.nameplate.chemistry[row])] for row in rows),
        before=values[0][kept],
        after=values[1][kept],
        refused=tuple(codes[row] for row in np.flatnonzero(~kept)),
    )
