"""The story of a training: read, work out, judge on the newest sales, learn from all, publish, record (再训练)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from models.promotions import Decision
from models.registry import CHAMPION, Publication, Version, load_model, promote, publish
from training.configuration import TrainingConfig
from training.dataset import TrainingSet, thinned, worked_through
from training.drift import training_reference
from training.fit import learn
from training.judgement import Judgement, judge_newest
from training.ledger import read_ledger
from training.sources import Sources, remember_sources
from training.traces import read_traces, unread_codes
from training.tracking import record_run
from valuation.errors import UnknownModel
from valuation.intake import read_market
from valuation.market.snapshot import MarketHistory
from valuation.record.tabulation import calendar_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training leaves behind."""

    version: Version
    judgement: Judgement | None
    sales: int
    set_aside: dict[str, int]
    run_id: str
    is_champion: bool


def retrain(sources: Sources, name: str, config: TrainingConfig, home: Path, begin: Callable[[str], None]) -> Trained:
    """Train a model on a ledger, judge it, keep it as a new version, and make it champion where there is none.

    Parameters
    ----------
    sources : Sources
        Ledger, traces, quotes.
    name : str
        Name under which the model is kept.
    config : TrainingConfig
        Choices of the training.
    home : Path
        Folder of all local state.
    begin : callable
        Told the name of each stage as it begins, for a progress bar.
    """
    begin("reading")
    traces, market = read_traces(sources.traces), read_market(sources.market)
    ledger = read_ledger(sources.ledger, sources.vat)
    begin("working out every sale at its day")
    sales, ledger = worked_through(traces.table, ledger, market, unread_codes(traces))
    extra = thinned(sales, traces.table, market, share=config.thinned_share, seed=config.seed)
    begin("judging on the newest sales")
    judgement = judge_newest(sales, extra, config)
    begin("learning from all sales")
    estimator = learn(sales, extra, config)
    begin("keeping")
    about = _publication(name, sales, market, judgement, config)
    version = publish(estimator.fitted_, about, home)
    remember_sources(home, version, sources)
    champion = (judgement is None or judgement.worth_having) and _crown_first(version, home)
    figures = {} if judgement is None else judgement.overall.as_dict()
    choices = {**asdict(config), **sources.digests(), "sales": len(sales), "bundle_digest": version.digest}
    run_id = record_run(home, f"{name}@{version.about.version}", choices, figures, version.folder)
    return Trained(
        version=version,
        judgement=judgement,
        sales=len(sales),
        set_aside=ledger.set_aside,
        run_id=run_id,
        is_champion=champion,
    )


def _publication(
    name: str, sales: TrainingSet, market: MarketHistory, judgement: Judgement | None, config: TrainingConfig
) -> Publication:
    """Return what is said of the model beside its numbers."""
    newest = calendar_day(float(sales.sold_day.max()))
    through = newest.isoformat() if newest else ""
    summary: dict[str, object] = {
        "sales": len(sales),
        "config": config.digest(),
        "choices": asdict(config),
        "market": market.digest,
        "reference": training_reference(sales),
    }
    if judgement is not None:
        summary["judgement"] = judgement.as_dict()
    return Publication(
        name=name,
        created_on=through,  # the newest sale's day, so that the same inputs give the same digest
        trained_through=through,
        demonstration=market.synthetic,
        summary=summary,
    )


def _crown_first(version: Version, home: Path) -> bool:
    """Make the version champion where there is none yet; later champions are promoted on purpose.

    One whose band said less than the structural value's on the newest sales is kept, but does not start to serve.
    """
    try:
        load_model(CHAMPION, home=home)
    except UnknownModel:
        reference = f"{version.about.name}@{version.about.version}"
        at = datetime.now(tz=UTC).isoformat(timespec="seconds")  # noqa: TID251 - the log says when, at the door
        promote(reference, Decision(at=at, who="canzhi train", why="the first model of this registry"), home)
        return True
    return False
