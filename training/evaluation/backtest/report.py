"""Back-test report (回测报告): one self-contained HTML page with tables and charts, in English or Chinese."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Literal

from training.evaluation.backtest.line_charts import Chart, line_chart
from training.evaluation.backtest.rolling_origin import OURS, Backtest
from training.evaluation.backtest.scored_method import BacktestEntry
from training.metrics import Scores

Language = Literal["en", "zh"]

_STYLE = """
body{font:15px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;margin:0 auto;max-width:940px;padding:24px;
color:#1b1b1b;background:#fff}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:32px 0 8px}p{margin:6px 0}
table{border-collapse:collapse;width:100%;font-size:13px;margin:8px 0}caption{text-align:left;color:#555;padding:4px 0}
th,td{border-bottom:1px solid #ddd;padding:4px 8px;text-align:right}th:first-child,td:first-child{text-align:left}
thead th{border-bottom:2px solid #888}tr.ours{font-weight:600;background:#eef4fb}svg{width:100%;height:auto}
.note{color:#555;font-size:13px}@media print{body{max-width:none}h2{break-after:avoid}table,svg{break-inside:avoid}}
"""

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Back-test of residual values", "残值模型回测报告"),
    "lead": (
        (
            "{sales:,} sales from {first} to {last}, evaluated in {windows} windows. At each origin only information "
            "available then was used: sales reported by that day, events on the records, quotes."
        ),
        (
            "{first} 至 {last} 的 {sales:,} 笔成交，分 {windows} 个窗口评判。"
            "每个起点只使用当时已知的信息：已上报成交、溯源事件与行情报价。"
        ),
    ),
    "summary": (
        (
            "The {level} band covered {coverage} of the sales. Its interval score is {ratio} times that of the best "
            "baseline ({baseline}); the mean error of the value is {mape}."
        ),
        (
            "{level} 区间覆盖了 {coverage} 的成交；区间得分为最佳对照方法（{baseline}）的 {ratio} 倍；"
            "估值平均误差 {mape}。"
        ),
    ),
    "overall": ("All sales", "总体"),
    "months": ("Month by month", "逐月"),
    "coverage": ("Share of sales within the band, by month", "逐月区间覆盖率"),
    "score": ("Interval score by month, lower is better [CNY/kWh]", "逐月区间得分（越低越好）[元/kWh]"),
    "money": ("Profit and loss", "盈亏"),
    "money_note": (
        (
            "Result of buying every pack at the stated value and selling it at its realised price. "
            "Loss is the sum over packs bought above their realised price; net is the sum over all packs."
        ),
        "假设全部电池包按该价格买入、按实际成交价卖出。“亏损”为买价高于成交价的电池包之和，“净额”为全部之和。",
    ),
    "segments": ("By segment", "分组"),
    "segments_note": (
        (
            "Metrics of canzhi; the ratio of its score to that of LightGBM with split conformal is in parentheses. "
            "Segments with fewer than twenty sales are left out."
        ),
        "canzhi 的指标；得分旁为与 LightGBM + split conformal 之比（同一批成交）。少于 20 笔的分组不列。",
    ),
    "absent": ("Not compared", "未参与比较"),
    "how": (
        (
            "The nominal coverage is {level}. The interval score is the band width plus {charge:.0f} times the "
            "distance outside the band (Gneiting, Raftery 2007). "
            "MAPE: packs of at least 20 CNY/kWh; bias: relative to turnover."
        ),
        (
            "名义覆盖率 {level}。区间得分 = 宽度 + {charge:.0f} 倍的越界距离（Gneiting 与 Raftery，2007）。"
            "MAPE 不含低于 20 元/kWh 的电池包；偏差以成交额为分母。"
        ),
    ),
}
_HEADS = (
    ("method", "方法"),
    ("sales", "成交数"),
    ("coverage", "覆盖率"),
    ("width / price", "宽度/价格"),
    ("interval score", "区间得分"),
    ("MAPE", "MAPE"),
    ("bias", "偏差"),
)
_MONEY_HEADS = (
    ("method", "方法"),
    ("turnover", "成交额"),
    ("loss at point", "按估值亏损"),
    ("net at point", "按估值净额"),
    ("loss at lower", "按下限亏损"),
    ("net at lower", "按下限净额"),
)
_KINDS = {
    "chemistry": ("chemistry", "化学体系"),
    "region": ("region", "地区"),
    "tier": ("evidence tier", "证据等级"),
    "health": ("health decile", "健康状态十分位"),
    "month": ("month", "月份"),
}
_NAMES = {
    "structural value": "结构价值",
    "last price": "同类最近成交价",
    "incumbent": "现役模型",
    "linear + split conformal": "线性 + split conformal",
}


def report_html(tested: Backtest, language: Language = "en", note: str = "") -> str:
    """Return the report as one HTML page."""
    place = 1 if language == "zh" else 0
    ours = tested.entries[0]
    parts = [
        f"<h1>{_word('title', place)}</h1>",
        *_lead(tested, place),
        f"<p class='note'>{escape(note)}</p>" if note else "",
        f"<h2>{_word('overall', place)}</h2>",
        _table([head[place] for head in _HEADS], (_figures(one, place) for one in tested.entries)),
        f"<h2>{_word('months', place)}</h2>",
        *_pictures(tested, place),
        f"<h2>{_word('money', place)}</h2><p class='note'>{_word('money_note', place)}</p>",
        _table([head[place] for head in _MONEY_HEADS], (_money(one, place) for one in tested.entries)),
        f"<h2>{_word('segments', place)}</h2><p class='note'>{_word('segments_note', place)}</p>",
        *_segments(ours, _named(tested, "LightGBM + split conformal"), place),
    ]
    if tested.absent:
        items = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in tested.absent.items())
        parts.append(f"<h2>{_word('absent', place)}</h2><ul>{items}</ul>")
    charge = 2.0 / (1.0 - tested.level)
    parts.append(f"<p class='note'>{_word('how', place).format(level=f'{tested.level:.0%}', charge=charge)}</p>")
    return (
        f'<!doctype html><html lang="{"zh-CN" if place else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_word('title', place)}</title><style>{_STYLE}</style></head>"
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


def _lead(tested: Backtest, place: int) -> list[str]:
    ours, baseline = tested.entries[0].overall, best_baseline(tested)
    months = months_of(tested)
    lead = _word("lead", place).format(
        sales=len(tested.evaluated),
        first=tested.origins[0],
        last=months[-1] if months else "",
        windows=len(tested.origins),
    )
    scores = _word("summary", place).format(
        level=f"{tested.level:.0%}",
        coverage=f"{ours.coverage:.1%}",
        ratio=f"{ours.interval_score_per_kwh / baseline.overall.interval_score_per_kwh:.2f}",
        baseline=_name(baseline.name, place),
        mape=f"{ours.mape:.1%}",
    )
    return [f"<p>{escape(lead)}</p>", f"<p><strong>{escape(scores)}</strong></p>"]


def _pictures(tested: Backtest, place: int) -> list[str]:
    months = months_of(tested)
    shown = [
        one for one in tested.entries if one.name in {OURS, "LightGBM + split conformal", "last price", "incumbent"}
    ]
    pictures = []
    for word, figure, promised in (("coverage", "coverage", tested.level), ("score", "interval_score_per_kwh", None)):
        series = {_name(one.name, place): monthly(one, figure, months) for one in shown}
        means = ", ".join(f"{name} {_spoken(values, figure)}" for name, values in series.items())
        span = (0.0, 1.0) if figure == "coverage" else None
        chart = Chart(
            title=_word(word, place),
            description=means,
            labels=months,
            as_share=figure == "coverage",
            promised=promised,
            span=span,
        )
        pictures.append(f"<h3>{_word(word, place)}</h3>" + line_chart(chart, series))
    return pictures


def _spoken(values: Sequence[float], figure: str) -> str:
    known = [value for value in values if value == value]  # noqa: PLR0124 - not NaN
    if not known:
        return "-"
    shape = "{:.0%} – {:.0%}" if figure == "coverage" else "{:.0f} – {:.0f}"
    return shape.format(min(known), max(known))


def _segments(ours: BacktestEntry, beside: BacktestEntry | None, place: int) -> Iterable[str]:
    for kind, label in _KINDS.items():
        rows = []
        for name, scores in ours.segments[kind].items():
            other = None if beside is None else beside.segments[kind].get(name)
            ratio = "" if other is None else f" ({scores.interval_score_per_kwh / other.interval_score_per_kwh:.2f})"
            cells = _cells(scores)
            rows.append(("", [name, *cells[:3], cells[3] + ratio, *cells[4:]]))
        heads = [label[place], *(head[place] for head in _HEADS[1:])]
        yield _table(heads, rows)


def _figures(one: BacktestEntry, place: int) -> tuple[str, list[str]]:
    return ("ours" if one.name == OURS else ""), [_name(one.name, place), *_cells(one.overall)]


def _cells(scores: Scores) -> list[str]:
    return [
        f"{scores.sales:,}",
        f"{scores.coverage:.1%}",
        f"{scores.relative_width:.1%}",
        f"{scores.interval_score_per_kwh:.1f}",
        f"{scores.mape:.1%}",
        f"{scores.bias:+.1%}",
    ]


def _money(one: BacktestEntry, place: int) -> tuple[str, list[str]]:
    money = one.money
    amounts = (money.turnover, money.lost_at_point, money.net_at_point, money.lost_at_lower, money.net_at_lower)
    return ("ours" if one.name == OURS else ""), [_name(one.name, place), *(f"{amount:,.0f}" for amount in amounts)]


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


def _name(name: str, place: int) -> str:
    return _NAMES.get(name, name) if place else name


def _word(name: str, place: int) -> str:
    return _WORDS[name][place]
