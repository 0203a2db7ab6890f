"""The pictures of a training (图表): is the band true, where does it err, what drives it, what does it add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.artifact.predictor import Predictor
from training.evaluation.holdout import HoldoutReport
from training.metrics import Verdict
from valuation import features

_MOST_EXPLAINED = 2000
_MOST_FEATURES = 20
_SHOWN = ("chemistry", "tier", "region", "health", "month")
_OURS, _PLAIN, _BAND = "#1f5fa8", "#b4531f", "#8aa7c7"


def draw(judgement: HoldoutReport, model: Predictor, folder: Path, label: str) -> None:
    """Write every picture as PNG and as SVG.

    Parameters
    ----------
    judgement : Judgement
        Figures, and the sales behind them.
    model : Predictor
        The model as it was kept, for what drives it.
    folder : Path
        Where the pictures go.
    label : str
        The model's name and version.
    """
    import matplotlib as mpl  # noqa: PLC0415 - a second to load; only where pictures are drawn
    from matplotlib.figure import Figure  # noqa: PLC0415 - same; no window, no global state

    folder.mkdir(parents=True)
    importance, names, effects, values = _effects(judgement, model)
    pictures: Mapping[str, Callable[[Any], None]] = {
        "reliability": lambda figure: _reliability(figure, judgement),
        "segments": lambda figure: _segments(figure, judgement.segments),
        "importance": lambda figure: _importance(figure, importance, names),
        "drivers": lambda figure: _drivers(figure, names, effects, values),
        "against-structural": lambda figure: _against_structural(figure, judgement),
    }
    with mpl.rc_context(
        {"svg.hashsalt": "canzhi", "font.size": 9.0, "axes.spines.top": False, "axes.spines.right": False}
    ):
        for name, picture in pictures.items():
            figure = Figure(figsize=(9.0, 6.0), layout="constrained")
            picture(figure)
            figure.suptitle(f"{label}: {name.replace('-', ' ')}")
            figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


def _effects(judgement: HoldoutReport, model: Predictor) -> tuple[Any, list[str], Any, Any]:
    """Return mean size of each feature's effect, the names of the largest, their effects and values, sale by sale."""
    rows = np.arange(0, len(judgement.judged), max(1, len(judgement.judged) // _MOST_EXPLAINED))
    sales = judgement.judged.take(rows)
    effects = model.explain(sales.matrix, sales.structural, list(sales.groups)).effects
    size = np.mean(np.abs(effects), axis=0)
    order = np.argsort(-size, kind="stable")[:_MOST_FEATURES]
    labels = {feature.name: feature.label_en for feature in features.FEATURES}
    return size[order], [labels[model.feature_names[at]] for at in order], effects[:, order], sales.matrix[:, order]


def _reliability(figure: Any, judgement: HoldoutReport) -> None:  # noqa: ANN401 - matplotlib's figure
    """Draw the share of sales that each band held over the share it promised, with what chance alone allows."""
    axes = figure.subplots()
    levels = np.array(sorted(judgement.reliability))
    shares = np.array([judgement.reliability[level] for level in levels.tolist()])
    count = judgement.overall.sales
    slack = 1.96 * np.sqrt(levels * (1.0 - levels) / count)
    axes.fill_between(levels, levels - slack, levels + slack, color=_BAND, alpha=0.4, label="chance (95 %)")
    axes.plot([0.4, 1.0], [0.4, 1.0], color="grey", linewidth=1, label="true")
    axes.plot(levels, shares, "o-", color=_OURS, label=f"{count:,} sales never seen")
    axes.set_xlabel("share of sales that the band promises to hold")
    axes.set_ylabel("share of sales that it held")
    axes.legend(loc="upper left")


def _segments(figure: Any, segments: Mapping[str, Mapping[str, Verdict]]) -> None:  # noqa: ANN401 - matplotlib's figure
    """Draw error and coverage of each segment."""
    kinds = [kind for kind in _SHOWN if segments.get(kind)]
    if not kinds:
        figure.text(0.5, 0.5, "no segment has sales enough to be judged", ha="center")
        return
    rows = [(f"{kind}: {name}", verdict) for kind in kinds for name, verdict in segments[kind].items()][:60]
    figure.set_size_inches(9.0, max(4.0, 0.22 * len(rows) + 1.5))
    error, coverage = figure.subplots(1, 2, sharey=True)
    place = np.arange(len(rows))
    error.barh(place, [verdict.wape for _, verdict in rows], color=_OURS)
    error.set_yticks(place, [f"{name} ({verdict.sales:,})" for name, verdict in rows], fontsize=7)
    error.invert_yaxis()
    error.set_xlabel("sum of errors over sum of prices")
    slack = [1.96 * np.sqrt(max(v.coverage * (1.0 - v.coverage), 0.01) / v.sales) for _, v in rows]
    coverage.errorbar([v.coverage for _, v in rows], place, xerr=slack, fmt="o", color=_OURS, markersize=3)
    coverage.axvline(0.9, color="grey", linewidth=1)
    coverage.set_xlabel("share of sales held by the band (95 % of chance)")


def _importance(figure: Any, size: Any, names: list[str]) -> None:  # noqa: ANN401 - matplotlib's figure, numpy's array
    """Draw how much each feature moves the value on average."""
    axes = figure.subplots()
    axes.barh(np.arange(len(names)), size, color=_OURS)
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("mean size of the effect on the learned part (scale: 0.1 is about 10 % of the price)")


def _drivers(figure: Any, names: list[str], effects: Any, values: Any) -> None:  # noqa: ANN401 - same
    """Draw the effect of each large driver sale by sale, coloured by the driver's own value."""
    axes = figure.subplots()
    spread = np.linspace(-0.35, 0.35, num=max(len(effects), 1))
    for at in range(len(names)):
        own = values[:, at]
        known = np.isfinite(own)
        rank = np.full(len(own), np.nan)
        rank[known] = np.argsort(np.argsort(own[known], kind="stable"), kind="stable") / max(int(known.sum()) - 1, 1)
        axes.scatter(effects[~known, at], at + spread[~known], color="lightgrey", s=3)
        dots = axes.scatter(effects[known, at], at + spread[known], c=rank[known], cmap="coolwarm", s=3, vmin=0, vmax=1)
    if len(names):
        figure.colorbar(dots, ax=axes, label="value of the driver: low to high (grey: not known)")
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.axvline(0.0, color="grey", linewidth=1)
    axes.set_xlabel("effect on the learned part, over the structural value")


def _against_structural(figure: Any, judgement: HoldoutReport) -> None:  # noqa: ANN401 - same
    """Draw what the model and the structural value said of each sale against what it fetched."""
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    price = judgement.said.price
    low, high = np.quantile(price, [0.002, 0.998])
    pairs = (
        (left, judgement.judged.structural, "structural value", judgement.structural, _PLAIN),
        (right, judgement.said.point, "model", judgement.overall, _OURS),
    )
    for axes, said, name, verdict, colour in pairs:
        axes.scatter(said, price, s=4, alpha=0.4, color=colour)
        axes.plot([low, high], [low, high], color="grey", linewidth=1)
        axes.set_title(f"{name}: error {verdict.wape:.1%}, interval score {verdict.interval_score_per_kwh:.0f}")
        axes.set_xlabel(f"{name} [CNY/kWh]")
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
    left.set_ylabel("what the pack fetched [CNY/kWh]")
