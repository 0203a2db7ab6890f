"""Back-test report (回测报告): one self-contained HTML page with tables and charts, in English or Chinese."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from html import escape

from training.evaluation.backtest.line_charts import Chart, line_chart
from training.evaluation.backtest.rolling_origin import OURS, Backtest
from training.evaluation.backtest.scored_method import BacktestEntry
from training.metrics import Scores
from valuation.messages import Language, find, say

_STYLE = """
body{font:15px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;margin:0 auto;max-width:940px;padding:24px;
color:#1b1b1b;background:#fff}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:32px 0 8px}p{margin:6px 0}
table{border-collapse:collapse;width:100%;font-size:13px;margin:8px 0}caption{text-align:left;color:#555;padding:4px 0}
th,td{border-bottom:1px solid #ddd;padding:4px 8px;text-align:right}th:first-child,td:first-child{text-align:left}
thead th{border-bottom:2px solid #888}tr.ours{font-weight:600;background:#eef4fb}svg{width:100%;height:auto}
.note{color:#555;font-size:13px}@media print{body{max-width:none}h2{break-after:avoid}table,svg{break-inside:avoid}}
"""

_HEADS = ("method", "sales", "coverage", "width_price", "interval_score", "mape", "bias")
_MONEY_HEADS = ("method", "turnover", "loss_at_point", "net_at_point", "loss_at_lower", "net_at_lower")
_KINDS = ("chemistry", "region", "tier", "health", "month")


def report_html(tested: Backtest, language: Language = "en", note: str = "") -> str:
    """Return the report as one HTML page."""
    spelled = partial(say, language)
    ours = tested.entries[0]
    parts = [
        f"<h1>{spelled('backtest.report.title')}</h1>",
        *_lead(tested, language),
        f"<p class='note'>{escape(note)}</p>" if note else "",
        f"<h2>{spelled('backtest.report.overall')}</h2>",
        _table(_heads(language, _HEADS), (_figures(one, language) for one in tested.entries)),
        f"<h2>{spelled('backtest.report.months')}</h2>",
        *_pictures(tested, language),
        f"<h2>{spelled('backtest.report.money')}</h2><p class='note'>{spelled('backtest.report.money_note')}</p>",
        _table(_heads(language, _MONEY_HEADS), (_money(one, language) for one in tested.entries)),
        f"<h2>{spelled('backtest.report.segments')}</h2><p class='note'>{spelled('backtest.report.segments_note')}</p>",
        *_segments(ours, _named(tested, "LightGBM + split conformal"), language),
    ]
    if tested.absent:
        items = "".join(
            f"<li>{escape(spelled('backtest.report.left_out_method', method=_name(name, language), reason=why))}</li>"
            for name, why in tested.absent.items()
        )
        parts.append(f"<h2>{spelled('backtest.report.absent')}</h2><ul>{items}</ul>")
    charge = 2.0 / (1.0 - tested.level)
    parts.append(f"<p class='note'>{spelled('backtest.report.how', level=f'{tested.level:.0%}', charge=charge)}</p>")
    return (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{spelled('backtest.report.title')}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>"
    )


def monthly(entry: BacktestEntry, figure: str, months: Sequence[str]) -> list[float]:
    """Return one metric of a method by month; NaN for months with too few sales."""
    found = entry.segments["month"]
    return [float(getattr(found[month], figure)) if month in found else float("nan") for month in months]


def months_of(tested: Backtest) -> list[str]:
    """Return the months in which any method has enough sales to be scored."""
    return sorted({month for one in tested.entries for month in one.segments["month"]})


def best_baseline(tested: Backtest) -> BacktestEntry:
    """Return the baseline with the lowest interval score among those that predicted all sales."""
    baselines = [one for one in tested.entries[1:] if one.overall.sales == tested.entries[0].overall.sales]
    return min(baselines, key=lambda one: one.overall.interval_score_per_kwh)


def _lead(tested: Backtest, language: Language) -> list[str]:
    ours, baseline = tested.entries[0].overall, best_baseline(tested)
    months = months_of(tested)
    spelled = partial(say, language)
    lead = spelled(
        "backtest.report.lead",
        sales=len(tested.evaluated),
        first=tested.origins[0],
        last=months[-1] if months else "",
        windows=len(tested.origins),
    )
    scores = spelled(
        "backtest.report.summary",
        level=f"{tested.level:.0%}",
        coverage=f"{ours.coverage:.1%}",
        ratio=f"{ours.interval_score_per_kwh / baseline.overall.interval_score_per_kwh:.2f}",
        baseline=_name(baseline.name, language),
        mape=f"{ours.mape:.1%}",
    )
    return [f"<p>{escape(lead)}</p>", f"<p><strong>{escape(scores)}</strong></p>"]


def _pictures(tested: Backtest, language: Language) -> list[str]:
    months = months_of(tested)
    shown = [
        one for one in tested.entries if one.name in {OURS, "LightGBM + split conformal", "last price", "incumbent"}
    ]
    pictures = []
    for word, figure, promised in (("coverage", "coverage", tested.level), ("score", "interval_score_per_kwh", None)):
        series = {_name(one.name, language): monthly(one, figure, months) for one in shown}
        means = ", ".join(f"{name} {_spoken(values, figure)}" for name, values in series.items())
        span = (0.0, 1.0) if figure == "coverage" else None
        chart = Chart(
            title=say(language, f"backtest.report.{word}"),
            description=means,
            labels=months,
            as_share=figure == "coverage",
            promised=promised,
            span=span,
        )
        pictures.append(f"<h3>{chart.title}</h3>" + line_chart(chart, series))
    return pictures


def _spoken(values: Sequence[float], figure: str) -> str:
    known = [value for value in values if value == value]  # noqa: PLR0124 - not NaN
    if not known:
        return "-"
    shape = "{:.0%} – {:.0%}" if figure == "coverage" else "{:.0f} – {:.0f}"
    return shape.format(min(known), max(known))


def _segments(ours: BacktestEntry, beside: BacktestEntry | None, language: Language) -> Iterable[str]:
    for kind in _KINDS:
        rows = []
        for name, scores in ours.segments[kind].items():
            other = None if beside is None else beside.segments[kind].get(name)
            ratio = "" if other is None else f" ({scores.interval_score_per_kwh / other.interval_score_per_kwh:.2f})"
            cells = _cells(scores)
            rows.append(("", [name, *cells[:3], cells[3] + ratio, *cells[4:]]))
        heads = [say(language, f"backtest.segment.{kind}"), *_heads(language, _HEADS[1:])]
        yield _table(heads, rows)


def _figures(one: BacktestEntry, language: Language) -> tuple[str, list[str]]:
    return ("ours" if one.name == OURS else ""), [_name(one.name, language), *_cells(one.overall)]


def _cells(scores: Scores) -> list[str]:
    return [
        f"{scores.sales:,}",
        f"{scores.coverage:.1%}",
        f"{scores.relative_width:.1%}",
        f"{scores.interval_score_per_kwh:.1f}",
        f"{scores.mape:.1%}",
        f"{scores.bias:+.1%}",
    ]


def _money(one: BacktestEntry, language: Language) -> tuple[str, list[str]]:
    money = one.money
    amounts = (money.turnover, money.lost_at_point, money.net_at_point, money.lost_at_lower, money.net_at_lower)
    return ("ours" if one.name == OURS else ""), [_name(one.name, language), *(f"{amount:,.0f}" for amount in amounts)]


def _table(heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in heads)
    body = "".join(
        f'<tr class="{kind}"><th scope="row">{escape(cells[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells[1:])
        + "</tr>"
        for kind, cells in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _named(tested: Backtest, name: str) -> BacktestEntry | None:
    return next((one for one in tested.entries if one.name == name), None)


def _name(method: str, language: Language) -> str:
    """Return what people call a method; a proper name is the same in every language."""
    identity = f"backtest.method.{method.replace(' + ', '_').replace(' ', '_')}"
    return method if find(identity) is None else say(language, identity)


def _heads(language: Language, names: Iterable[str]) -> list[str]:
    return [say(language, f"backtest.head.{name}") for name in names]
