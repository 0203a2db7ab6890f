"""Train a model (模型训练): read sales, evaluate on held-out sales, fit on all sales, publish, record the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from models.artifact.promotion_log import Decision
from models.artifact.registry import Publication, Version, promote, promotions, publish
from training.configuration import TrainingConfig
from training.dataset.prepare import TrainingInput, prepare
from training.dataset.source_files import Sources, remember_sources
from training.evaluation.feature_drift import training_reference
from training.evaluation.holdout import HoldoutReport, evaluate_model
from training.fit_model import learn
from training.runs.run_record import RunInputs, record
from training.sales_ledger import SalesLedger
from valuation.messages import Message
from valuation.record.to_columns import calendar_day

STAGES = 6
"""Number of progress stages: two of :func:`training.dataset.prepare.prepare` and four of :func:`train_on`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """Result of a training: the registered version, its held-out evaluation and the ledger."""

    version: Version
    holdout: HoldoutReport | None
    sales: int
    ledger: SalesLedger
    run_id: str
    is_champion: bool

    @property
    def rejected_rows(self) -> dict[Message, int]:
        """Number of rejected ledger rows by reason."""
        return self.ledger.rejected_rows


def train_model(
    sources: Sources, name: str, config: TrainingConfig, home: Path, begin: Callable[[str], None]
) -> Trained:
    """Train and evaluate a model, register it as a new version, and promote it if there is no champion.

    Parameters
    ----------
    sources : Sources
        Ledger, traces, quotes.
    name : str
        Name of the model, with @version to fix the version.
    config : TrainingConfig
        Options of the training.
    home : Path
        Folder of all local state.
    begin : callable
        Called with the name of each stage as it begins, for a progress bar.
    """
    return train_on(prepare(sources, config, begin), name, config, home, begin)


def train_on(  # noqa: PLR0913 - those of train_model, and whether the run is recorded
    prepared: TrainingInput,
    name: str,
    config: TrainingConfig,
    home: Path,
    begin: Callable[[str], None],
    *,
    keep_record: bool = True,
) -> Trained:
    """Train a model on prepared sales; see :func:`train_model`.

    With `keep_record` false the model is only published: no run is recorded and nothing is promoted.
    """
    sales, augmentation = prepared.sales, prepared.augmentation
    begin(Message("stage.held_out"))
    holdout = evaluate_model(sales, augmentation, config)
    begin(Message("stage.fitting"))
    estimator = learn(sales, augmentation, config)
    begin(Message("stage.publishing"))
    about = replace(_publication(name, prepared, holdout, config), market_calibration=estimator.calibration_)
    version = publish(estimator.fitted_, about, home)
    remember_sources(home, version, prepared.sources)
    begin(Message("stage.recording"))
    inputs = RunInputs(
        version=version,
        config=config,
        sources=prepared.sources,
        ledger=prepared.ledger,
        sales=sales,
        holdout=holdout,
    )
    run_id = record(inputs, home) if keep_record else ""
    beats_structural = holdout is None or holdout.beats_structural
    champion = keep_record and beats_structural and _promote_first(version, home)
    return Trained(
        version=version,
        holdout=holdout,
        sales=len(sales),
        ledger=prepared.ledger,
        run_id=run_id,
        is_champion=champion,
    )


def _publication(
    name: str, prepared: TrainingInput, holdout: HoldoutReport | None, config: TrainingConfig
) -> Publication:
    """Return name, dates and training summary to publish with the model."""
    newest = calendar_day(float(prepared.sales.sold_day.max()))
    through = newest.isoformat() if newest else ""
    oldest = calendar_day(float(prepared.sales.sold_day.min()))
    summary: dict[str, object] = {
        "sales": len(prepared.sales),
        "sold_from": oldest.isoformat() if oldest else "",
        "rows": prepared.ledger.rows_read,
        "set_aside": {reason.id: count for reason, count in prepared.ledger.rejected_rows.items()},
        "closed_routes": {reason.id: count for reason, count in prepared.ledger.closed_routes.items()},
        "config": config.digest(),
        "choices": asdict(config),
        "market": prepared.market.digest,
        "data": prepared.sources.digests(),
        "reference": training_reference(prepared.sales),
    }
    if holdout is not None:
        summary["judgement"] = holdout.as_dict()
    plain, _, version = name.partition("@")
    return Publication(
        name=plain,
        version=version or None,
        created_on=through,  # day of the newest sale: the same inputs give the same digest
        trained_through=through,
        demonstration=prepared.market.synthetic,
        summary=summary,
    )


def _promote_first(version: Version, home: Path) -> bool:
    """Promote the version if no model was promoted before; return whether it was promoted."""
    if promotions(home):  # also if the champion cannot be read: a new model never replaces it without a decision
        return False
    reference = f"{version.about.name}@{version.about.version}"
    at = datetime.now(tz=UTC).isoformat(timespec="seconds")  # noqa: TID251 - time stamp of the log entry
    promote(reference, Decision(at=at, who="canzhi train", why="the first model of this registry"), home)
    return True
