"""What is kept of a training: choices, digests, figures, plots, card, report, and how to repeat it (记录)."""

from __future__ import annotations

import csv
import json
import platform
import shutil
import tempfile
import warnings
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from models.artifact.bundle import read_bundle
from models.artifact.model_card import html, markdown
from models.artifact.predictor import Predictor
from models.artifact.pyfunc import model_parts, write_data
from models.artifact.registry import Version
from training.configuration import TrainingConfig, written
from training.dataset.sources import Sources
from training.dataset.training_set import TrainingSet
from training.evaluation.holdout import HoldoutReport
from training.runs.mlflow_run import Run, record_run
from training.runs.plots import draw
from training.sales_ledger import Ledger
from training.sales_ledger.report import write_report
from valuation.record.to_columns import calendar_day

COPIED_BYTES = 64 << 20
"""Data files that weigh no more in all are kept beside the run, so that it can be repeated from the run alone."""

LIBRARIES = ("canzhi", "lightgbm", "numpy", "scikit-learn")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs:
    """A training, as it is told to the record."""

    version: Version
    config: TrainingConfig
    sources: Sources
    ledger: Ledger
    sales: TrainingSet
    judgement: HoldoutReport | None


def record(told: RunInputs, home: Path) -> str:
    """Keep a training and return the id of its run, "" where MLflow could not be told.

    The model stands in the registry before; that MLflow is out of reach loses its record, never the model.
    """
    label = f"{told.version.about.name}@{told.version.about.version}"
    with tempfile.TemporaryDirectory(prefix="canzhi-run-") as scratch:
        files = Path(scratch) / "run"
        _write_files(told, files, label)
        _keep_cards(files, home, label)
        try:
            data = write_data(Path(scratch) / "data", told.version.folder, told.sources.market)
            run = Run(
                name=label,
                choices=choices_of(told),
                figures=figures_of(told.judgement),
                files=files,
                pyfunc=model_parts(data),
                tags=_tags(told.version),
            )
            return record_run(home, run)
        except ModuleNotFoundError:
            return ""  # MLflow comes with the training extra; without it there is no record to keep
        except Exception as error:  # noqa: BLE001 - a foreign store fails in foreign ways
            warnings.warn(f"MLflow was not told of {label}: {_reason(error)}", RuntimeWarning, stacklevel=2)
            return ""


def _reason(error: Exception) -> str:
    r"""Return the line of a foreign error that says what happened, without its database layer's remarks.

    >>> _reason(ValueError("(raised as a result of Query-invoked autoflush)\n(sqlite3.OperationalError) disk is full"))
    '(sqlite3.OperationalError) disk is full'
    """
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("(raised as a result")]
    return (told or ["no reason given"])[0][:200]


def choices_of(told: RunInputs) -> dict[str, object]:
    """Return what a training was told to do and with what, as a run keeps it."""
    return {
        **asdict(told.config),
        **{f"data.{name}": digest for name, digest in told.sources.digests().items()},
        **{f"library.{name}": installed_now for name, installed_now in libraries().items()},
        "python": platform.python_version(),
        "name": told.version.about.name,
        "version": told.version.about.version,
        "sales": len(told.sales),
        "rows": told.ledger.rows_read,
        "closed_route_sales": sum(told.ledger.closed_routes.values()),
        "bundle_digest": told.version.digest,
    }


def libraries() -> dict[str, str]:
    """Return the versions on which a model's bits depend."""
    return {name: _installed(name) for name in LIBRARIES}


def figures_of(judgement: HoldoutReport | None) -> dict[str, float]:
    """Return the figures of a judgement by name, those of a segment as `chemistry/LFP/coverage`."""
    if judgement is None:
        return {}
    figures = judgement.overall.as_dict()
    for name, verdict in (("structural", judgement.structural), ("untold", judgement.untold)):
        figures |= {f"{name}/{key}": value for key, value in verdict.as_dict().items()}
    for kind, verdicts in judgement.segments.items():
        for name, verdict in verdicts.items():
            told = verdict.as_dict()
            figures |= {f"{kind}/{name}/{key}": told[key] for key in ("sales", "coverage", "mape", "wape", "bias")}
    figures |= {f"reliability/{level:g}": share for level, share in judgement.reliability.items()}
    return figures


def _installed(name: str) -> str:
    try:
        return installed(name)
    except PackageNotFoundError:
        return "not installed"


def _tags(version: Version) -> dict[str, str]:
    return {
        "canzhi.version": version.about.version,
        "canzhi.digest": version.digest,
        "canzhi.demonstration": str(version.about.demonstration).lower(),
        "canzhi.trained_through": version.about.trained_through,
    }


def _write_files(told: RunInputs, folder: Path, label: str) -> None:
    """Write the files of a run."""
    (folder / "training").mkdir(parents=True)
    (folder / "training" / "choices.toml").write_text(written(told.config), encoding="utf-8")
    (folder / "training" / "sources.json").write_text(_sources(told), encoding="utf-8")
    paths = told.sources.files()
    if sum(path.stat().st_size for path in paths.values()) <= COPIED_BYTES:
        for name, path in paths.items():
            (folder / "training" / "data").mkdir(exist_ok=True)
            shutil.copyfile(path, folder / "training" / "data" / f"{name}{path.suffix.lower()}")
    shutil.copytree(told.version.folder, folder / "bundle")
    write_report(told.ledger, folder / "ledger" / "report.csv")
    bundle = read_bundle(told.version.folder)
    (folder / "card").mkdir()
    (folder / "card" / "model-card.md").write_text(markdown(bundle.about, bundle.digest), encoding="utf-8")
    (folder / "card" / "model-card.html").write_text(html(bundle.about, bundle.digest), encoding="utf-8")
    if told.judgement is not None:
        _write_judged(told.judgement, folder / "judged")
        draw(told.judgement, Predictor(bundle), folder / "plots", label)


def _keep_cards(files: Path, home: Path, label: str) -> None:
    """Keep a model's card where it is found without MLflow."""
    (home / "cards").mkdir(parents=True, exist_ok=True)
    for path in (files / "card").iterdir():
        shutil.copyfile(path, home / "cards" / f"{label}{path.suffix}")


def _sources(told: RunInputs) -> str:
    """Return where the data lay, as JSON."""
    sources = told.sources
    return json.dumps(
        {
            "ledger": str(sources.ledger.resolve()),
            "traces": str(sources.traces.resolve()),
            "market": str(sources.market.resolve()),
            "vat": sources.vat,
            "digests": sources.digests(),
        },
        indent=2,
        ensure_ascii=False,
    )


def _write_judged(judgement: HoldoutReport, folder: Path) -> None:
    """Write every sale that judged the model with what was said of it, and the figures of every segment."""
    folder.mkdir()
    sales, said = judgement.judged, judgement.said
    columns = {
        "sale_id": list(sales.sale_id),
        "battery_code": list(sales.packs),
        "sold_on": [calendar_day(day) for day in sales.sold_day.tolist()],
        "price_cny": sales.price_cny,
        "point_cny": said.point * sales.energy_kwh,
        "lower_cny": said.lower * sales.energy_kwh,
        "upper_cny": said.upper * sales.energy_kwh,
        "structural_cny": sales.structural * sales.energy_kwh,
    }
    pq.write_table(pa.table(columns), folder / "sales.parquet")
    with (folder / "segments.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["kind", "segment", *judgement.overall.as_dict()])
        writer.writerow(["all", "all", *judgement.overall.as_dict().values()])
        for kind, verdicts in judgement.segments.items():
            for name, verdict in verdicts.items():
                writer.writerow([kind, name, *verdict.as_dict().values()])
