"""Measure the cost of valuing a fleet, Parquet to Parquet, compared with pandas and LightGBM and with reading only.

Run: ``.venv/bin/python -m benchmarks.batch_scoring [--packs 100000,300000,1000000] [--rounds 3] [--write]``

The fleet is synthetic (`benchmarks.fleets`), 30 events per pack in order of the codes; the model is the golden one of
the tests. Each run uses its own processes and is measured by their total CPU time, so that other load has little
effect; the rounds alternate. Reading is pyarrow decoding the same columns of both files. The baselines
(`benchmarks.batch_rivals`) run on fewer packs of the same fleet and are compared per pack.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq

from benchmarks.measured import Cost, measured, report_cost
from benchmarks.report import replace_section, table_of
from models import load_model
from models.artifact.predictor import Predictor
from service.scoring.job_context import JobContext
from service.scoring.local import Request, score_files
from service.scoring.memory_settings import without_pandas
from valuation.terms import ValuationTerms

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "explanation" / "how-fast.md"
BUNDLE = ROOT / "tests" / "golden" / "bundle"
AS_OF = date(2026, 11, 20)
SEED_PACKS, EVENTS_A_PACK, BATCH_ROWS = 5000, 30, 131_072
RIVALS = {"same answers": 3_000, "columns": 100_000, "a function a pack": 5_000}
"""Number of packs on which each baseline is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """Working folder of a benchmark."""

    folder: Path

    def fleet(self, packs: int) -> tuple[Path, Path]:
        """Return the files of a fleet, created on first use."""
        paths = self.folder / f"packs-{packs}.parquet", self.folder / f"events-{packs}.parquet"
        if not all(path.exists() for path in paths):
            from benchmarks.fleets import seed_of, write_fleet  # noqa: PLC0415 - what is measured imports none of this

            write_fleet(seed_of(self.folder / "seed", SEED_PACKS, EVENTS_A_PACK), self.folder, packs)
        return paths

    def cost(self, what: str, packs: int) -> Cost:
        """Measure a run."""
        self.fleet(packs)
        return measured(
            "benchmarks.batch_scoring", ["--run", what, "--folder", str(self.folder), "--packs", str(packs)]
        )


def run(what: str, folder: Path, packs: int) -> int:
    """Run one method; return the number of valued packs."""
    files = folder / f"packs-{packs}.parquet", folder / f"events-{packs}.parquet"
    if what == "reading":
        return _read(files)
    quotes, model = (folder / "seed" / "quotes.csv").read_bytes(), load_model(BUNDLE)
    if not isinstance(model, Predictor):
        raise TypeError(f"{BUNDLE} is not a canzhi model")
    if what == "canzhi":
        context = JobContext.of(quotes, model, ValuationTerms(as_of=AS_OF, explain=False))
        with without_pandas():  # as the command does
            return score_files(Request(packs=files[0], events=files[1], out=folder / "canzhi.parquet"), context).valued
    from benchmarks import batch_rivals  # noqa: PLC0415 - only the rivals import pandas and LightGBM

    out = folder / f"{what.replace(' ', '-')}.parquet"
    if what == "same answers":
        return batch_rivals.same_answers(*files, out, (quotes, model, AS_OF))
    boosters, columns = folder / "boosters", model.state.mean.forest.features
    rival = batch_rivals.in_columns if what == "columns" else batch_rivals.a_function_a_pack
    return rival(*files, out, (boosters, columns, AS_OF))


def _read(files: Sequence[Path]) -> int:
    """Decode all columns of both files and discard them."""
    rows = []
    for path in files:
        file = pq.ParquetFile(path, memory_map=True)
        rows.append(sum(len(batch) for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False)))
    return rows[0]


def boosters_like(model: Predictor, folder: Path) -> str:
    """Train the boosters of the baselines, together as large as the model; return their description."""
    from benchmarks import batch_rivals  # noqa: PLC0415 - as above

    forests = [model.state.mean.forest, model.state.width.forest]
    trees = sum(forest.trees for forest in forests)
    leaves = (sum(len(forest.value) for forest in forests) + trees) // trees
    folder.mkdir(parents=True, exist_ok=True)
    batch_rivals.train(folder, -(-trees // 3), leaves, model.state.mean.forest.features)
    return f"{-(-trees // 3)} trees of {leaves} leaves each"


def same_rows(grounds: Grounds, packs: int) -> int:
    """Raise unless the answers of `same answers` are bit-identical to ours; return the number of rows."""
    ours, theirs = (
        pq.read_table(grounds.folder / name).to_pylist() for name in ("canzhi.parquet", "same-answers.parquet")
    )
    wanted = {row["battery_code"]: row for row in theirs}
    for row in ours:
        rival = wanted[row["battery_code"]]
        for name, cell in row.items():
            said = list(dict.fromkeys(rival[name])) if name == "caution_ids" else rival[name]
            if cell != said:
                raise SystemExit(f"{row['battery_code']}: {name} is {cell!r} here and {said!r} there")
    if len(ours) != len(theirs):
        raise SystemExit(f"{len(ours)} rows here, {len(theirs)} there of {packs} packs")
    return len(ours)


def against_reading(grounds: Grounds, sizes: Sequence[int], rounds: int) -> tuple[str, float]:
    """Return the table by fleet size, and our CPU time per pack at the largest. [s]"""
    rows, a_pack = [], 0.0
    for packs in sizes:
        often = max(1, rounds * sizes[0] // packs)  # many packs are their own repetition
        taken = [(grounds.cost("reading", packs), grounds.cost("canzhi", packs)) for _ in range(often)]
        ratios = [ours.cpu_s / reading.cpu_s for reading, ours in taken]
        a_pack = median(ours.cpu_s for _, ours in taken) / packs
        rows.append([
            f"{packs:,}", f"{pq.read_metadata(grounds.fleet(packs)[1]).num_rows:,}",
            f"{median(reading.cpu_s for reading, _ in taken):.1f}", f"{a_pack * packs:.1f}", f"{1e6 * a_pack:.1f}",
            f"{median(ratios):.1f} ({min(ratios):.1f} - {max(ratios):.1f})",
            f"{median(ours.wall_s for _, ours in taken):.0f}", f"{max(ours.peak_mib for _, ours in taken):,.0f}",
        ])  # fmt: skip
        print(rows[-1], flush=True)
    heads = (
        "packs", "events", "reading, CPU s", "canzhi, CPU s", "us per pack", "times reading", "canzhi, wall s",
        "peak memory, MiB",
    )  # fmt: skip
    return table_of(heads, rows), a_pack


def against_pandas(grounds: Grounds, rounds: int, ours_a_pack: float) -> str:
    """Return the table of baselines."""
    said = {
        "same answers": "pandas groups, one record per pack, appraised in batches: our answers",
        "columns": "pandas groupby.agg, three boosters: points and edges only",
        "a function a pack": "pandas groupby, one function call per pack, three boosters: points and edges only",
    }
    rows = []
    for name, packs in RIVALS.items():
        taken = [grounds.cost(name, packs) for _ in range(rounds)]
        if name == "same answers":
            grounds.cost("canzhi", packs)
            print(f"{same_rows(grounds, packs):,} rows are the same", flush=True)
        each = [one.cpu_s / packs for one in taken]
        ratios = [one / ours_a_pack for one in each]
        rows.append([
            said[name], f"{packs:,}", f"{1e6 * median(each):,.0f}",
            f"{median(ratios):,.0f} ({min(ratios):,.0f} - {max(ratios):,.0f})",
            f"{max(one.peak_mib for one in taken):,.0f}",
        ])  # fmt: skip
        print(rows[-1], flush=True)
    return table_of(("written with pandas", "packs", "us per pack", "times canzhi", "peak memory, MiB"), rows)


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packs", default="100000,300000,1000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the fleets are kept")
    parser.add_argument("--write", action="store_true", help="write the page")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        report_cost(lambda: run(given.run, given.folder, int(given.packs)))
        return
    with tempfile.TemporaryDirectory() as name:
        grounds = Grounds(folder=given.folder or Path(name))
        grounds.fleet(min(RIVALS.values()))
        model = load_model(BUNDLE)
        assert isinstance(model, Predictor)  # noqa: S101 - a bundle of ours
        size = boosters_like(model, grounds.folder / "boosters")
        sizes = [int(packs) for packs in given.packs.split(",")]
        fleets, a_pack = against_reading(grounds, sizes, given.rounds)
        rivals = against_pandas(grounds, given.rounds, a_pack)
    text = f"{fleets}\n\nBaselines, each in one process; boosters of {size}:\n\n{rivals}"
    print(text)
    if given.write:
        replace_section(PAGE, "a fleet, Parquet to Parquet", text)


if __name__ == "__main__":
    main()
