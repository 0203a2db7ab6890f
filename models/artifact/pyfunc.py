"""A trained model as an MLflow pyfunc, with this module as the loader (MLflow 模型).

The artefact holds the signed bundle and the quotes of the training, without pickle or code; both are verified when they
are loaded. Each input row is one pack: its trace record as JSON, and the valuation day, region and level.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from models.artifact.bundle import read_bundle
from models.artifact.predictor import Predictor
from models.clock import today
from valuation.appraisal import appraise_many
from valuation.errors import BundleTampered, CanzhiError, FieldError
from valuation.ingest import Traces, read_market, read_trace
from valuation.market.snapshot import MarketHistory
from valuation.result import Valuation
from valuation.version import __version__

LOADER = "models.artifact.pyfunc"
BUNDLE, QUOTES = "bundle", "quotes"
MARKET_VARIABLE = "CANZHI_MARKET"
"""Quotes newer than those of the training, where the environment names them."""

COLUMNS = (
    *("battery_code", "as_of", "point_cny", "lower_cny", "upper_cny", "level", "best_route", "evidence_tier", "grade"),
    *("caution_ids", "problem"),
)
"""Columns of an answer; texts but for the four numbers, `problem` empty where there is a value."""

SPARK_TYPE = (
    "battery_code string, as_of string, point_cny double, lower_cny double, upper_cny double, level double, "
    "best_route string, evidence_tier string, grade string, caution_ids string, problem string"
)
"""What to give `mlflow.pyfunc.spark_udf` as `result_type`."""

_NUMBERS = {"point_cny", "lower_cny", "upper_cny", "level"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The valuation day, region and level of one pack."""

    as_of: str
    region: str
    level: float


class Valuer:
    """The model that MLflow calls: it returns values and bands of packs."""

    def __init__(self, model: Predictor, market: MarketHistory) -> None:
        self.model = model
        self.market = market

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - MLflow's shape
        """Return one row a pack: value, band, route, evidence, cautions, or the problem why there is no value.

        Row i of the answer belongs to row i asked, and the answer has the index of the frame.

        Parameters
        ----------
        model_input : frame
            Column `trace`: the record of one pack as JSON (contract §2). Columns `as_of` (ISO day; today where it is
            not given), `region` (CN) and `level` (0.9) may stand beside it.
        params : mapping, optional
            `as_of`, `region` and `level` for rows that give none of their own.
        """
        rows = _rows(model_input, params or {}, today().isoformat())
        answers: list[dict[str, Any]] = [{} for _ in rows]
        batches: dict[Asked, list[tuple[int, Traces]]] = {}
        for at, (record, asked) in enumerate(rows):
            try:
                batches.setdefault(asked, []).append((at, _one_pack(record)))
            except CanzhiError as error:
                answers[at] = _refused(asked, error)
        for asked, members in batches.items():
            for (at, traces), answer in zip(members, self._value(asked, members), strict=True):
                code = traces.histories[0].battery_code
                answers[at] = _refused(asked, answer, code) if isinstance(answer, CanzhiError) else _answered(answer)
        # Index is set, not aligned: row i of the answer belongs to row i asked, whatever the labels.
        table = pd.DataFrame(answers, columns=list(COLUMNS), dtype="object")
        table.index = getattr(model_input, "index", table.index)
        return table.astype(dict.fromkeys(_NUMBERS, "float64"))

    def _value(self, asked: Asked, members: list[tuple[int, Traces]]) -> tuple[Valuation | CanzhiError, ...]:
        """Return the answers for packs with the same terms."""
        together = Traces(
            histories=tuple(one.histories[0] for _, one in members), notes=tuple(one.notes[0] for _, one in members)
        )
        try:
            return appraise_many(
                together,
                self.market,
                model=self.model,
                as_of=asked.as_of,
                level=asked.level,
                region=asked.region,
                explain=False,
            )
        except CanzhiError as error:  # a day or level that cannot be asked for spoils all of them alike
            return (error,) * len(members)


def _load_pyfunc(path: str) -> Valuer:
    """Return the model of an artefact; MLflow calls this function by name.

    Raises
    ------
    BundleTampered
        The bundle does not match its signature, or the quotes are not those of the training.
    """
    folder = Path(path)
    model = Predictor(read_bundle(folder / BUNDLE))
    named = os.environ.get(MARKET_VARIABLE)
    if named:
        return Valuer(model, read_market(named))
    market = read_market(_quotes(folder))
    expected = model.about.summary.get("market", market.digest)
    if market.digest != expected:
        raise BundleTampered("model.quotes_changed", field="market", variable=MARKET_VARIABLE)
    return Valuer(model, market)


def write_data(folder: Path, bundle: Path, market: Path) -> Path:
    """Write the bundle and the quotes to a new folder and return the folder."""
    shutil.copytree(bundle, folder / BUNDLE)
    shutil.copyfile(market, folder / f"{QUOTES}{market.suffix.lower()}")
    return folder


def model_parts(data: Path) -> dict[str, Any]:
    """Return the arguments for `mlflow.pyfunc.save_model` and `log_model`."""
    from mlflow.models import ModelSignature  # noqa: PLC0415 - 2.5 s; only where a model is written
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema  # noqa: PLC0415 - same

    optional = [ColSpec(DataType.string, "as_of", required=False), ColSpec(DataType.string, "region", required=False)]
    inputs = Schema([ColSpec(DataType.string, "trace"), *optional, ColSpec(DataType.double, "level", required=False)])
    outputs = Schema([ColSpec(DataType.double if name in _NUMBERS else DataType.string, name) for name in COLUMNS])
    params = ParamSchema(
        [
            ParamSpec("as_of", DataType.string, ""),
            ParamSpec("region", DataType.string, "CN"),
            ParamSpec("level", DataType.double, 0.9),
        ]
    )
    return {
        "loader_module": LOADER,
        "data_path": str(data),
        "signature": ModelSignature(inputs=inputs, outputs=outputs, params=params),
        "pip_requirements": [f"canzhi[train]=={__version__}"],
    }


def _quotes(folder: Path) -> Path:
    """Return the file of quotes in an artefact."""
    found = sorted(folder.glob(f"{QUOTES}.*"))
    if len(found) != 1:
        raise BundleTampered("model.quotes_missing", field="market")
    return found[0]


def _rows(table: Any, params: Mapping[str, Any], default_day: str) -> list[tuple[object, Asked]]:  # noqa: ANN401 - any frame
    """Return the record and the terms of each row."""
    if "trace" not in getattr(table, "columns", ()):
        raise FieldError("model.no_trace_column", field="trace")
    columns = {name: list(table[name]) for name in ("trace", "as_of", "region", "level") if name in table.columns}
    count = len(columns["trace"])

    def said(name: str, at: int, default: object) -> Any:  # noqa: ANN401 - a cell
        cell = columns[name][at] if name in columns else None
        absent = cell is None or cell == "" or cell != cell  # noqa: PLR0124 - not a number is not itself
        return (params.get(name) or default) if absent else cell

    return [
        (
            columns["trace"][at],
            Asked(
                as_of=str(said("as_of", at, default_day))[:10],
                region=str(said("region", at, "CN")),
                level=float(said("level", at, 0.9)),
            ),
        )
        for at in range(count)
    ]


def _one_pack(record: object) -> Traces:
    """Return the pack of a record; a text is parsed as JSON, never used as a file name."""
    traces = read_trace(record.encode() if isinstance(record, str) else record)  # type: ignore[arg-type]  # refused in words
    if len(traces.histories) != 1:
        if traces.problems:
            raise traces.problems[0].error
        raise FieldError("model.several_packs", field="trace", count=len(traces.histories))
    return traces


def _answered(answer: Valuation) -> dict[str, Any]:
    """Return the output columns of a valuation."""
    band = answer.residual_value
    return {
        "battery_code": answer.battery_code,
        "as_of": answer.as_of.isoformat(),
        "point_cny": band.point,
        "lower_cny": band.lower,
        "upper_cny": band.upper,
        "level": band.level,
        "best_route": answer.best_route,
        "evidence_tier": answer.evidence.tier,
        "grade": answer.evidence.grade,
        "caution_ids": ",".join(dict.fromkeys(caution.id for caution in answer.cautions)),
        "problem": "",
    }


def _refused(asked: Asked, error: CanzhiError, code: str | None = None) -> dict[str, Any]:
    """Return the output columns of a pack that cannot be valued."""
    nothing: dict[str, Any] = dict.fromkeys(COLUMNS, "") | dict.fromkeys(_NUMBERS, float("nan"))
    return nothing | {
        "battery_code": code,
        "as_of": asked.as_of,
        "level": asked.level,
        "problem": f"{error.message}; {error.hint}",
    }
