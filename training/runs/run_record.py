"""Record a training run (训练记录): options, digests, metrics, plots, model card and data for a repetition."""

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
from training.configuration import TrainingConfig, to_toml
from training.dataset.source_files import Sources
from training.dataset.training_set import TrainingSet
from training.evaluation.holdout import HoldoutReport
from training.runs.mlflow_run import Run, record_run
from training.sales_ledger import SalesLedger
from training.sales_ledger.report import write_report
from valuation.messages import Message
from valuation.record.to_columns import calendar_day

COPIED_BYTES = 64 << 20
"""Largest total size of data files that are stored with the run, so that it can be repeated from the run alone."""

LIBRARIES = ("canzhi", "lightgbm", "numpy", "scikit-learn")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs:
    """Data of a training to record."""

    version: Version
    config: TrainingConfig
    sources: Sources
    ledger: SalesLedger
    sales: TrainingSet
    holdout: HoldoutReport | None


def record(inputs: RunInputs, home: Path) -> str:
    """Record a training and return the run id, or "" if MLflow is not available.

    The model is registered before; a failure of MLflow loses the record, never the model.
    """
    label = f"{inputs.version.about.name}@{inputs.version.about.version}"
    with tempfile.TemporaryDirectory(prefix="canzhi-run-") as scratch:
        files = Path(scratch) / "run"
        _write_files(inputs, files, label)
        _keep_cards(files, home, label)
        try:
            data = write_data(Path(scratch) / "data", inputs.version.folder, inputs.sources.market)
            run = Run(
                name=label,
                choices=choices_of(inputs),
                figures=figures_of(inputs.holdout),
                files=files,
                pyfunc=model_parts(data),
                tags=_tags(inputs.version),
            )
            return record_run(home, run)
        except ModuleNotFoundError:
            return ""  # MLflow is part of the extra `train`
        except Exception as error:  # noqa: BLE001 - the tracking store can fail in any way
            warning = Message("training.run_not_recorded", model=label, reason=_reason(error))
            warnings.warn(warning, RuntimeWarning, stacklevel=2)
            return ""


def _reason(error: Exception) -> str:
    r"""Return the first informative line of an error, without remarks of the database layer.

    >>> _reason(ValueError("(raised as a result of Query-invoked autoflush)\n(sqlite3.OperationalError) disk is full"))
    '(sqlite3.OperationalError) disk is full'
    """
    lines = [line.strip() for line in str(error).splitlines()]
    inputs = [line for line in lines if line and not line.startswith("(raised as a result")]
    return inputs[0][:200] if inputs else Message("training.no_reason")


def choices_of(inputs: RunInputs) -> dict[str, object]:
    """Return the options, versions and digests of a training, as stored in a run."""
    return {
        **asdict(inputs.config),
        **{f"data.{name}": digest for name, digest in inputs.sources.digests().items()},
        **{f"library.{name}": installed_now for name, installed_now in libraries().items()},
        "python": platform.python_version(),
        "name": inputs.version.about.name,
        "version": inputs.version.about.version,
        "sales": len(inputs.sales),
        "rows": inputs.ledger.rows_read,
        "closed_route_sales": sum(inputs.ledger.closed_routes.values()),
        "bundle_digest": inputs.version.digest,
    }


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that determine the bits of a model."""
    return {name: _installed(name) for name in LIBRARIES}


def figures_of(holdout: HoldoutReport | None) -> dict[str, float]:
    """Return the held-out metrics by name; those of a segment as `chemistry/LFP/coverage`."""
    if holdout is None:
        return {}
    figures = holdout.overall.as_dict()
    for name, scores in (("structural", holdout.structural), ("untold", holdout.frozen)):
        figures |= {f"{name}/{key}": value for key, value in scores.as_dict().items()}
    for kind, by_name in holdout.segments.items():
        for name, scores in by_name.items():
            inputs = scores.as_dict()
            figures |= {f"{kind}/{name}/{key}": inputs[key] for key in ("sales", "coverage", "mape", "wape", "bias")}
    figures |= {f"reliability/{level:g}": share for level, share in holdout.reliability.items()}
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


def _write_files(inputs: RunInputs, folder: Path, label: str) -> None:
    """Write the files of a run."""
    (folder / "training").mkdir(parents=True)
    (folder / "training" / "choices.toml").write_text(to_toml(inputs.config), encoding="utf-8")
    (folder / "training" / "sources.json").write_text(_sources(inputs), encoding="utf-8")
    paths = inputs.sources.files()
    if sum(path.stat().st_size for path in paths.values()) <= COPIED_BYTES:
        for name, path in paths.items():
            (folder / "training" / "data").mkdir(exist_ok=True)
            shutil.copyfile(path, folder / "training" / "data" / f"{name}{path.suffix.lower()}")
    shutil.copytree(inputs.version.folder, folder / "bundle")
    write_report(inputs.ledger, folder / "ledger" / "report.csv")
    bundle = read_bundle(inputs.version.folder)
    (folder / "card").mkdir()
    (folder / "card" / "model-card.md").write_text(markdown(bundle.about, bundle.digest), encoding="utf-8")
    (folder / "card" / "model-card.html").write_text(html(bundle.about, bundle.digest), encoding="utf-8")
    if inputs.holdout is not None:
        _write_judged(inputs.holdout, folder / "judged")
        from training.runs.plots import draw  # noqa: PLC0415 - Matplotlib, which only a recorded run needs

        draw(inputs.holdout, Predictor(bundle), folder / "plots", label)


def _keep_cards(files: Path, home: Path, label: str) -> None:
    """Copy the model card to the home folder, where it is found without MLflow."""
    (home / "cards").mkdir(parents=True, exist_ok=True)
    for path in (files / "card").iterdir():
        shutil.copyfile(path, home / "cards" / f"{label}{path.suffix}")


def _sources(inputs: RunInputs) -> str:
    """Return the paths and digests of the data files as JSON."""
    sources = inputs.sources
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


def _write_judged(holdout: HoldoutReport, folder: Path) -> None:
    """Write the held-out sales with their predictions, and the metrics of every segment."""
    folder.mkdir()
    sales, predicted = holdout.evaluated, holdout.predicted
    columns = {
        "sale_id": list(sales.sale_id),
        "battery_code": list(sales.packs),
        "sold_on": [calendar_day(day) for day in sales.sold_day.tolist()],
        "price_cny": sales.price_cny,
        "point_cny": predicted.point * sales.energy_kwh,
        "lower_cny": predicted.lower * sales.energy_kwh,
        "upper_cny": predicted.upper * sales.energy_kwh,
        "structural_cny": sales.structural * sales.energy_kwh,
    }
    pq.write_table(pa.table(columns), folder / "sales.parquet")
    with (folder / "segments.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["kind", "segment", *holdout.overall.as_dict()])
        writer.writerow(["all", "all", *holdout.overall.as_dict().values()])
        for kind, by_name in holdout.segments.items():
            for name, scores in by_name.items():
                writer.writerow([kind, name, *scores.as_dict().values()])
