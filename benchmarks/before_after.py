"""Compare old and new code on the same synthetic markets: the effect of a code change on values and bands.

Run: ``.venv/bin/python -m benchmarks.before_after REVISION [--packs 20000] [--seeds 101,102,103] [--write]``

The markets come from the current simulator. The current :mod:`benchmarks.synthetic_market` runs twice on their files:
with the packages of REVISION, exported from git, and with those of this checkout. Only the code for valuation and
training differs. ``--folder DIR`` stores the markets and the figures by revision, so that an interrupted run continues
with the missing seeds. With ``--write`` both columns go into docs/explanation/how-good.md, and the figures of the new
code also into the section of the synthetic market.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import replace_section, table_of
from benchmarks.synthetic.markets import PAGE, medians, write_market
from benchmarks.synthetic_market import Run, read_figures, section
from training.simulation.plan import SimulationPlan

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("training", "models", "valuation")


def lay_out(revision: str, folder: Path) -> None:
    """Export the packages of a revision to a folder and link the benchmarks of this checkout."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = subprocess.run(["git", "archive", revision, *PACKAGES], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    (folder / "benchmarks").symlink_to(ROOT / "benchmarks")


def measure(code: Path, folder: Path, name: str, arguments: Sequence[str]) -> dict[int, Run]:
    """Measure the packages in a code folder on the stored markets; return the figures by seed."""
    surroundings = os.environ | {"PYTHONPATH": str(code)}
    asked = [sys.executable, "-c", "import training; print(training.__file__)"]
    found = subprocess.run(asked, cwd=code, env=surroundings, check=True, capture_output=True, text=True).stdout.strip()
    if Path(found).parents[1] != code:
        raise SystemExit(f"Python imports {found} instead of the packages of {code}")
    figures = folder / f"{name}.json"
    words = ["--markets", str(folder), "--figures", str(figures), *arguments]
    module = [sys.executable, "-m", "benchmarks.synthetic_market"]
    subprocess.run([*module, *words], cwd=code, env=surroundings, check=True, stdout=sys.stderr)
    return read_figures(figures)


def git(*words: str) -> str:
    """Run git and return its output."""
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def side_by_side(before: Sequence[Run], after: Sequence[Run]) -> list[tuple[str, ...]]:
    """Return table rows: figure, then median, lowest and highest with the old and with the new code."""
    rows: list[tuple[str, ...]] = []
    for part in (0, 2, 3):  # overall, the worst segments, records cut down
        old, new = ({row[0]: row[1:] for row in medians([run[part] for run in runs])} for runs in (before, after))
        rows += [(name, _spelled(old.get(name)), _spelled(new.get(name))) for name in dict.fromkeys((*old, *new))]
    return rows


def _spelled(figures: tuple[str, ...] | None) -> str:
    """Return median, lowest and highest in one cell."""
    if figures is None:
        return ""
    middle, low, high = figures
    return middle if low == high else f"{middle} ({low} to {high})"


def main() -> None:
    """Measure old and new code, print, and on request write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("revision", help="the old code, as git names it")
    parser.add_argument("--packs", type=int, default=20_000)
    parser.add_argument("--seeds", default="101,102,103")
    parser.add_argument("--folder", type=Path, help="keeps markets and figures  [default: a temporary one]")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    if git("status", "--porcelain", "--", *PACKAGES, "benchmarks"):
        raise SystemExit("commit first: figures are stored by revision")
    named, head = (git("rev-parse", "--short=12", f"{one}^{{commit}}") for one in (chosen.revision, "HEAD"))
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    arguments = ["--packs", str(chosen.packs), "--seeds", chosen.seeds]
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder.resolve() if chosen.folder else Path(temporary) / "markets"
        for seed in seeds:
            write_market(SimulationPlan(packs=chosen.packs, seed=seed), folder / f"seed-{seed}")
        old_code = Path(temporary) / "code"
        lay_out(named, old_code)
        before = measure(old_code, folder, named, arguments)
        after = measure(ROOT, folder, head, arguments)
    old, new = ([figures[seed] for seed in seeds] for figures in (before, after))
    stated = (
        f"Old code (revision {named}) and new code on the same {len(seeds)} markets of the current simulator (seeds "
        f"{chosen.seeds}) of {chosen.packs:,} packs each; median over seeds (lowest to highest)."
    )
    text = f"{stated}\n\n{table_of(('figure', 'old code', 'new code'), side_by_side(old, new))}"
    print(text)
    if chosen.write:
        replace_section(PAGE, "before and after", text)
        replace_section(PAGE, "synthetic market", section(new, chosen.seeds, chosen.packs))


if __name__ == "__main__":
    main()
