"""Plots of a training (训练图表): reliability, segments, feature importance, drivers and comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from models.artifact.predictor import Predictor
from training.evaluation.holdout import HoldoutReport
from training.metrics import Scores
from valuation import features

_MOST_EXPLAINED = 2000
_MOST_FEATURES = 20
_SHOWN = ("chemistry", "tier", "region", "health", "month")
_OURS, _PLAIN, _BAND = "#1f5fa8", "#b4531f", "#8aa7c7"


def draw(holdout: HoldoutReport, model: Predictor, folder: Path, label: str) -> None:
    """Write all plots as PNG and SVG.

    Parameters
    ----------
    holdout : HoldoutReport
        Held-out metrics, and the sales behind them.
    model : Predictor
        The published model, for feature effects.
    folder : Path
        Target folder.
    label : str
        The model's name and version.
    """
    folder.mkdir(parents=True)
    importance, names, effects, values = _effects(holdout, model)
    pictures: Mapping[str, Callable[[Any], None]] = {
        "reliability": lambda figure: _reliability(figure, holdout),
        "segments": lambda figure: _segments(figure, holdout.segments),
        "importance": lambda figure: _importance(figure, importance, names),
        "drivers": lambda figure: _drivers(figure, names, effects, values),
        "against-structural": lambda figure: _against_structural(figure, holdout),
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


def _effects(holdout: HoldoutReport, model: Predictor) -> tuple[Any, list[str], Any, Any]:
    """Return mean absolute effect and names of the largest features, and their effects and values per sale."""
    rows = np.arange(0, len(holdout.evaluated), max(1, len(holdout.evaluated) // _MOST_EXPLAINED))
    sales = holdout.evaluated.take(rows)
    effects = model.explain(sales.matrix, sales.structural, list(sales.groups)).effects
    size = np.mean(np.abs(effects), axis=0)
    order = np.argsort(-size, kind="stable")[:_MOST_FEATURES]
    labels = {feature.name: feature.label.en for feature in features.FEATURES}
    return size[order], [labels[model.feature_names[at]] for at in order], effects[:, order], sales.matrix[:, order]


def _reliability(figure: Any, holdout: HoldoutReport) -> None:  # noqa: ANN401 - matplotlib's figure
    """Plot the coverage of each band against its nominal level, with the 95 % range of chance."""
    axes = figure.subplots()
    levels = np.array(sorted(holdout.reliability))
    shares = np.array([holdout.reliability[level] for level in levels.tolist()])
    count = holdout.overall.sales
    slack = 1.96 * np.sqrt(levels * (1.0 - levels) / count)
    axes.fill_between(levels, levels - slack, levels + slack, color=_BAND, alpha=0.4, label="chance (95 %)")
    axes.plot([0.4, 1.0], [0.4, 1.0], color="grey", linewidth=1, label="ideal")
    axes.plot(levels, shares, "o-", color=_OURS, label=f"{count:,} held-out sales")
    axes.set_xlabel("nominal coverage of the band")
    axes.set_ylabel("coverage of the held-out sales")
    axes.legend(loc="upper left")


def _segments(figure: Any, segments: Mapping[str, Mapping[str, Scores]]) -> None:  # noqa: ANN401 - matplotlib's figure
    """Plot error and coverage of each segment."""
    kinds = [kind for kind in _SHOWN if segments.get(kind)]
    if not kinds:
        figure.text(0.5, 0.5, "no segment has enough sales", ha="center")
        return
    rows = [(f"{kind}: {name}", scores) for kind in kinds for name, scores in segments[kind].items()][:60]
    figure.set_size_inches(9.0, max(4.0, 0.22 * len(rows) + 1.5))
    error, coverage = figure.subplots(1, 2, sharey=True)
    place = np.arange(len(rows))
    error.barh(place, [scores.wape for _, scores in rows], color=_OURS)
    error.set_yticks(place, [f"{name} ({scores.sales:,})" for name, scores in rows], fontsize=7)
    error.invert_yaxis()
    error.set_xlabel("sum of errors over sum of prices")
    slack = [1.96 * np.sqrt(max(v.coverage * (1.0 - v.coverage), 0.01) / v.sales) for _, v in rows]
    coverage.errorbar([v.coverage for _, v in rows], place, xerr=slack, fmt="o", color=_OURS, markersize=3)
    coverage.axvline(0.9, color="grey", linewidth=1)
    coverage.set_xlabel("coverage of the band (95 % range of chance)")


def _importance(figure: Any, size: Any, names: list[str]) -> None:  # noqa: ANN401 - matplotlib's figure, numpy's array
    """Plot the mean absolute effect of each feature."""
    axes = figure.subplots()
    axes.barh(np.arange(len(names)), size, color=_OURS)
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("mean size of the effect on the learned part (scale: 0.1 is about 10 % of the price)")


def _drivers(figure: Any, names: list[str], effects: Any, values: Any) -> None:  # noqa: ANN401 - same
    """Plot the effect of each large driver per sale, coloured by the value of the driver."""
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
        figure.colorbar(dots, ax=axes, label="value of the driver: low to high (grey: unknown)")
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.axvline(0.0, color="grey", linewidth=1)
    axes.set_xlabel("effect on the learned part, over the structural value")


def _against_structural(figure: Any, holdout: HoldoutReport) -> None:  # noqa: ANN401 - same
    """Plot the price of each sale against the predictions of the structural value and of the model."""
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    price = holdout.predicted.price
    low, high = np.quantile(price, [0.002, 0.998])
    pairs = (
        (left, holdout.evaluated.structural, "structural value", holdout.structural, _PLAIN),
        (right, holdout.predicted.point, "model", holdout.overall, _OURS),
    )
    for axes, predicted, name, scores, colour in pairs:
        axes.scatter(predicted, price, s=4, alpha=0.4, color=colour)
        axes.plot([low, high], [low, high], color="grey", linewidth=1)
        axes.set_title(f"{name}: error {scores.wape:.1%}, interval score {scores.interval_score_per_kwh:.0f}")
        axes.set_xlabel(f"{name} [CNY/kWh]")
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
    left.set_ylabel("realised price [CNY/kWh]")
