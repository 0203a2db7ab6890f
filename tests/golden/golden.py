"""Compare the answers of a frozen model for the sample packs bit for bit, or overwrite them with a report.

`./canzhi golden` compares, `./canzhi golden --overwrite` writes the files again and prints the change of the values,
`./canzhi golden --retrain` trains the frozen model again first.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from models.artifact.bundle import About, read_bundle, write_bundle
from models.artifact.predictor import Predictor
from training.configuration import TrainingConfig
from training.dataset.training_set import build, degraded
from training.fit_model import learn
from training.sales_ledger import read_ledger
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import write
from valuation import features
from valuation.appraisal import appraise_many
from valuation.dossier import build_dossier
from valuation.errors import CanzhiError
from valuation.ingest import read_market, read_tables, read_trace
from valuation.ingest.read_traces import Traces
from valuation.record.cases import cut
from valuation.record.fields import CHEMISTRIES
from valuation.record.to_columns import calendar_day, day_number
from valuation.version import __version__

HERE = Path(__file__).resolve().parent
SAMPLES, CASES = HERE.parents[1] / "data_samples", HERE.parent / "cases"
BUNDLE, SIGNER, FEATURES, VALUATIONS = "bundle", "signer.txt", "features.jsonl", "valuations.jsonl"
AS_OF = date(2026, 11, 20)
MARKET = {"packs": 1200, "seed": 11, "years": 8.0}
STRUCTURAL, LEARNED = "structural", "model"

Line = dict[str, Any]


def samples() -> dict[str, Traces]:
    """Return the packs by file: samples, cases of tests, one plain pack per chemistry."""
    paths = [*sorted(SAMPLES.glob("*.json")), *sorted(CASES.glob("*.json"))]
    single = {path.stem: read_trace(path) for path in paths}
    tables = {
        "tables": read_trace([str(SAMPLES / "packs.csv"), str(SAMPLES / "events.csv")]),
        "ledger": read_trace(SAMPLES / "ledger.csv"),
        "lot": read_trace(SAMPLES / "lot.jsonl"),
        "chemistries": read_trace(HERE / "chemistries.jsonl"),
    }
    return {**single, **tables}


def load() -> Predictor:
    """Return the frozen model after verifying its signature with the key next to it."""
    return Predictor(read_bundle(HERE / BUNDLE, (HERE / SIGNER).read_text(encoding="ascii").strip()))


def feature_lines() -> list[Line]:
    """Return every feature of every pack, exact."""
    market = read_market(SAMPLES / "quotes.csv")
    lines = []
    for name, traces in samples().items():
        table = traces.table
        dossier = build_dossier(cut(table, np.full(table.rows, day_number(AS_OF))), market)
        for row, values in enumerate(features.compute(dossier)):
            spelled = {feature: float(value).hex() for feature, value in zip(features.NAMES, values, strict=True)}
            lines.append({"pack": f"{name}/{row}", "features": spelled})
    return lines


def valuation_lines(model: Predictor) -> list[Line]:
    """Return every complete answer, with and without the frozen model."""
    market = read_market(SAMPLES / "quotes.csv")
    lines = []
    for name, traces in samples().items():
        table = traces.table
        chemistry = build_dossier(cut(table, np.full(table.rows, day_number(AS_OF))), market).nameplate.chemistry
        for how, used in ((STRUCTURAL, None), (LEARNED, model)):
            for row, answer in enumerate(appraise_many(traces, market, model=used, as_of=AS_OF)):
                said = {"refused": answer.message} if isinstance(answer, CanzhiError) else asdict(answer)
                line = {"pack": f"{name}/{row}", "with": how, "chemistry": CHEMISTRIES[int(chemistry[row])]}
                lines.append({**line, "answer": said})
    return lines


def spell(lines: list[Line]) -> str:
    """Return one line of JSON per pack, with all digits."""
    return "".join(json.dumps(line, ensure_ascii=False, default=str) + "\n" for line in lines)


def differences(recorded: str, found: str) -> list[str]:
    """Return the differences by pack, with the names of the fields."""
    before, after = _by_pack(recorded), _by_pack(found)
    said = [f"{name}: no longer there" for name in before if name not in after]
    for name, line in after.items():
        if name not in before:
            said.append(f"{name}: new")
        else:
            said += [f"{name}: {change}" for change in _changes(before[name], line, "")]
    return said


def impact(recorded: str, found: str) -> list[str]:
    """Return the value impact: the change of points by chemistry, with and without the model."""
    before, after = _by_pack(recorded), _by_pack(found)
    moved: dict[tuple[str, str], list[float]] = {}
    for name in sorted(set(before) & set(after)):
        points = [line["answer"].get("residual_value", {}).get("point") for line in (before[name], after[name])]
        if None not in points:
            change = abs(points[1] - points[0]) / max(abs(points[0]), 1.0)
            for chemistry in (after[name]["chemistry"], "all"):
                moved.setdefault((after[name]["with"], chemistry), []).append(100.0 * change)
    lines = [f"{'value impact, % of the point':<30} {'packs':>6} {'median':>8} {'p95':>8} {'max':>8}"]
    for (how, chemistry), changes in sorted(moved.items()):
        middle, high = np.quantile(changes, [0.5, 0.95])
        label = f"{how} {chemistry}"
        lines.append(f"{label:<30} {len(changes):>6} {middle:>8.2f} {high:>8.2f} {max(changes):>8.2f}")
    return lines


def retrain() -> None:
    """Train the frozen model again on a small synthetic market."""
    config = TrainingConfig(trees=60)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write(simulate(SimulationPlan(**MARKET), lambda _: None), folder)
        table = read_tables(folder / "packs.parquet", folder / "events.parquet").table
        market = read_market(folder / "quotes.csv")
        sales, _ = build(table, read_ledger(folder / "sales.parquet"), market)
        estimator = learn(sales, degraded(sales, table, market, share=0.5, seed=0), config)
        through = str(calendar_day(float(sales.sold_day.max())))
        about = About(
            name="golden",
            version="1",
            created_on=through,
            trained_through=through,
            demonstration=True,
            summary={"market": MARKET, "sales": len(sales), "written_by": __version__},
            market_calibration=estimator.calibration_,
        )
        fresh = write_bundle(folder / BUNDLE, estimator.fitted_, about, folder / "keys")
        shutil.rmtree(HERE / BUNDLE, ignore_errors=True)
        shutil.copytree(folder / BUNDLE, HERE / BUNDLE)
    (HERE / SIGNER).write_text(fresh.signed_by + "\n", encoding="ascii")


def main(arguments: list[str]) -> int:
    """Compare or overwrite; return 0 if nothing differs or the files were written."""
    parser = argparse.ArgumentParser(prog="canzhi golden", description=__doc__)
    parser.add_argument("--overwrite", action="store_true", help="write what is said now, and print the value impact")
    parser.add_argument("--retrain", action="store_true", help="make the frozen model anew first; writes as well")
    asked = parser.parse_args(arguments)
    if asked.retrain:
        retrain()
    try:
        found = {FEATURES: spell(feature_lines()), VALUATIONS: spell(valuation_lines(load()))}
    except CanzhiError as error:
        sys.stderr.write(f"canzhi golden: {error.message}\nhint: ./canzhi golden --retrain makes the model anew\n")
        return 1
    recorded = {name: _read(HERE / name) for name in found}
    said = [line for name in found for line in differences(recorded[name], found[name])]
    if asked.overwrite or asked.retrain:
        for name, text in found.items():
            (HERE / name).write_text(text, encoding="utf-8", newline="\n")
        sys.stdout.write("\n".join(impact(recorded[VALUATIONS], found[VALUATIONS])) + "\n")
        return 0
    shown = said[:40] + [f"… and {len(said) - 40} more differences"] * (len(said) > 40)
    sys.stdout.write("".join(f"{line}\n" for line in shown))
    sys.stdout.write(f"{len(said)} differences" + (": ./canzhi golden --overwrite\n" if said else "\n"))
    return 1 if said else 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _by_pack(text: str) -> dict[str, Line]:
    """Return the lines of a file by pack and model."""
    lines = [json.loads(line) for line in text.splitlines()]
    return {f"{line['pack']} {line.get('with', '')}".strip(): line for line in lines}


def _changes(before: Any, after: Any, path: str) -> list[str]:
    """Return the paths at which two JSON values differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = [*before, *(name for name in after if name not in before)]
        inner = [_changes(before.get(name), after.get(name), f"{path}.{name}") for name in names]
        return [change for changes in inner for change in changes]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        inner = [_changes(*pair, f"{path}[{at}]") for at, pair in enumerate(zip(before, after, strict=True))]
        return [change for changes in inner for change in changes]
    return [] if before == after else [f"{path.lstrip('.')} was {_short(before)}, is {_short(after)}"]


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
