"""The story of a training: read, work out, judge on sales never seen, learn from all, publish, record (再训练)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from models.artifact.promotion_log import Decision
from models.artifact.registry import Publication, Version, promote, promotions, publish
from training.configuration import TrainingConfig
from training.dataset.prepare import TrainingInput, prepare
from training.dataset.sources import Sources, remember_sources
from training.evaluation.feature_drift import training_reference
from training.evaluation.holdout import HoldoutReport, judge_sales
from training.fit_model import learn
from training.runs.run_record import RunInputs, record
from training.sales_ledger import Ledger
from valuation.record.to_columns import calendar_day

STAGES = 6
"""How many stages a training tells of: two of :func:`training.dataset.prepare.prepare`, four of :func:`train_on`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training leaves behind."""

    version: Version
    judgement: HoldoutReport | None
    sales: int
    ledger: Ledger
    run_id: str
    is_champion: bool

    @property
    def reject_row(self) -> dict[str, int]:
        """How many rows of the ledger were set aside, by reason."""
        return self.ledger.reject_row


def train_model(
    sources: Sources, name: str, config: TrainingConfig, home: Path, begin: Callable[[str], None]
) -> Trained:
    """Train a model on a ledger, judge it, keep it as a new version, and make it champion where there is none.

    Parameters
    ----------
    sources : Sources
        Ledger, traces, quotes.
    name : str
        Name under which the model is kept, with @version where it must be that one.
    config : TrainingConfig
        Choices of the training.
    home : Path
        Folder of all local state.
    begin : callable
        Told the name of each stage as it begins, for a progress bar.
    """
    return train_on(prepare(sources, config, begin), name, config, home, begin)


def train_on(  # noqa: PLR0913 - those of retrain, and whether it is recorded
    prepared: TrainingInput,
    name: str,
    config: TrainingConfig,
    home: Path,
    begin: Callable[[str], None],
    *,
    keep_record: bool = True,
) -> Trained:
    """Train a model on a ledger that is worked out already; see :func:`train_model`.

    Without a record the model is only published: no run, no champion.
    """
    sales, extra = prepared.sales, prepared.extra
    begin("judging on sales never seen")
    judgement = judge_sales(sales, extra, config)
    begin("learning from all sales")
    estimator = learn(sales, extra, config)
    begin("keeping")
    about = replace(_publication(name, prepared, judgement, config), habits=estimator.habits_)
    version = publish(estimator.fitted_, about, home)
    remember_sources(home, version, prepared.sources)
    begin("recording")
    told = RunInputs(
        version=version,
        config=config,
        sources=prepared.sources,
        ledger=prepared.ledger,
        sales=sales,
        judgement=judgement,
    )
    run_id = record(told, home) if keep_record else ""
    worth_having = judgement is None or judgement.worth_having
    champion = keep_record and worth_having and _crown_first(version, home)
    return Trained(
        version=version,
        judgement=judgement,
        sales=len(sales),
        ledger=prepared.ledger,
        run_id=run_id,
        is_champion=champion,
    )


def _publication(
    name: str, prepared: TrainingInput, judgement: HoldoutReport | None, config: TrainingConfig
) -> Publication:
    """Return what is said of the model beside its numbers."""
    newest = calendar_day(float(prepared.sales.sold_day.max()))
    through = newest.isoformat() if newest else ""
    oldest = calendar_day(float(prepared.sales.sold_day.min()))
    summary: dict[str, object] = {
        "sales": len(prepared.sales),
        "sold_from": oldest.isoformat() if oldest else "",
        "rows": prepared.ledger.rows_read,
        "reject_row": prepared.ledger.reject_row,
        "closed_routes": prepared.ledger.closed_routes,
        "config": config.digest(),
        "choices": asdict(config),
        "market": prepared.market.digest,
        "data": prepared.sources.digests(),
        "reference": training_reference(prepared.sales),
    }
    if judgement is not None:
        summary["judgement"] = judgement.as_dict()
    plain, _, version = name.partition("@")
    return Publication(
        name=plain,
        version=version or None,
        created_on=through,  # the newest sale's day, so that the same inputs give the same digest
        trained_through=through,
        demonstration=prepared.market.synthetic,
        summary=summary,
    )


def _crown_first(version: Version, home: Path) -> bool:
    """Make the version champion where none was promoted yet; later champions are promoted on purpose.

    One whose band said less than the structural value's on the sales it was judged by is kept, but does not start to
    serve.
    """
    if promotions(home):  # whether or not the champion can be read today: a new model never takes its place unasked
        return False
    reference = f"{version.about.name}@{version.about.version}"
    at = datetime.now(tz=UTC).isoformat(timespec="seconds")  # noqa: TID251 - the log says when, at the door
    promote(reference, Decision(at=at, who="canzhi train", why="the first model of this registry"), home)
    return True
