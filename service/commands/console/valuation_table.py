"""Prints valuations as tables in English or Chinese, with the names and sentences of the web page."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from rich.console import Console

from service.answers.valuation import ValuationAnswer, with_id
from service.commands.console.tables import new_table, terminal
from service.valuation_service import Answer
from service.web.views import action_line, caution_lines, reason
from valuation.messages import Language, name, say

_MAX_EXPLAINED = 5  # more packs are listed, one per line
_DRIVERS_SHOWN = 12

_DEMONSTRATION = (
    "a demonstration: the model or the quotes are synthetic",
    "演示：模型或行情为合成数据",
)
_CAUTIONS_ELSEWHERE = (
    f"cautions are printed in full for at most {_MAX_EXPLAINED} packs; canzhi check lists all findings",
    f"一次评估不超过 {_MAX_EXPLAINED} 个电池包时列出提示全文；canzhi check 可列出全部核验结果",
)


def print_valuations(answers: Sequence[Answer], language: Language) -> None:
    """Print valuations: a few with all details, many as a list."""
    console = terminal()
    spelled = [with_id(one.valuation, one.valuation_id) for one in answers]
    if len(spelled) > _MAX_EXPLAINED:
        _print_list(console, spelled, language)
        return
    for one in spelled:
        _print_one(console, one, language)


def money(amount: float) -> str:
    """Return an amount with thousands separators and two decimals.

    >>> money(-1234.5)
    '-1,234.50'
    """
    return f"{amount:,.2f}"


def _print_list(console: Console, answers: Sequence[ValuationAnswer], language: Language) -> None:
    zh = language == "zh"
    titles = (
        ("编码", "残值（元）", "下限", "上限", "最优途径", "证据", "可信度", "提示")
        if zh
        else ("battery code", "value CNY", "lower", "upper", "best route", "evidence", "grade", "cautions")
    )
    table = new_table("", titles, numbers=(1, 2, 3))
    for one in answers:
        band = one.residual_value
        table.add_row(
            one.battery_code or "-",
            *(money(amount) for amount in (band.point, band.lower, band.upper)),
            name(language, "route", one.best_route or "disposal"),
            one.evidence.tier,
            one.evidence.grade,
            " ".join(dict.fromkeys(caution.id for caution in one.cautions)),
        )
    console.print(table)
    console.print(_CAUTIONS_ELSEWHERE[zh])


def _print_one(console: Console, one: ValuationAnswer, language: Language) -> None:
    zh = language == "zh"
    band, soh, evidence = one.residual_value, one.state.soh, one.evidence
    unit = "元，不含税" if zh else "CNY without VAT"
    words = (
        ("残值", "区间", "证据等级", "可信度", "健康状态", "模型", "行情")
        if zh
        else ("residual value", "band", "evidence", "grade", "state of health", "model", "market")
    )
    console.rule(f"{one.battery_code or '-'}   {one.as_of}", align="left")
    console.print(f"{words[0]}: {money(band.point)} {unit}   ({money(band.per_kwh)} / kWh)", style="bold")
    console.print(f"{words[1]} {band.level:.0%}: {money(band.lower)} … {money(band.upper)}")
    console.print(f"{words[2]} {evidence.tier}: {name(language, 'tier', evidence.tier)}")
    console.print(f"{words[3]} {evidence.grade}: {name(language, 'grade', evidence.grade)}")
    console.print(f"{words[4]}: {soh.value:.1%} ± {soh.sd:.1%} ({name(language, 'source', soh.source)})")
    console.print(f"{words[5]}: {one.model.name} {one.model.version}   {words[6]}: {one.market.digest[:19]}…")
    if one.model.demonstration or one.market.synthetic:
        console.print(_DEMONSTRATION[zh], style="yellow")
    if one.disposal_cny is not None:
        cost = f"{money(one.disposal_cny)} {unit}"
        console.print(say(language, "page.answer.no_route", cost=cost), style="bold")
    _print_routes(console, one, language)
    _print_drivers(console, one, zh=zh)
    _print_widths(console, one, language)
    _print_next(console, one, language)
    _print_cautions(console, one, language)
    console.print(f"valuation_id {one.valuation_id}\n")


def _print_routes(console: Console, one: ValuationAnswer, language: Language) -> None:
    titles = (
        ("途径", "价值（元）", "可能性", "阻断原因")
        if language == "zh"
        else ("route", "value CNY", "likely", "closed because")
    )
    table = new_table("", titles, numbers=(1, 2))
    for route in one.routes:
        called = name(language, "route", route.route) + (" *" if route.route == one.best_route else "")
        because = "\n".join(reason(blocker, one.cautions, language) for blocker in route.blocked_by)
        table.add_row(called, money(route.value), f"{route.probability:.0%}", because)
    console.print(table)
    console.print(f"* {say(language, 'page.routes.help')}")


def _print_drivers(console: Console, one: ValuationAnswer, *, zh: bool) -> None:
    if not one.drivers:
        return
    titles = ("价值构成", "影响（元）") if zh else ("reason", "effect CNY")
    table = new_table("", titles, numbers=(1,))
    table.add_row("起始值" if zh else "start", money(one.base_cny))
    largest = sorted(one.drivers, key=lambda driver: -abs(driver.effect_cny))
    for driver in largest[:_DRIVERS_SHOWN]:
        table.add_row(driver.label_zh if zh else driver.label_en, money(driver.effect_cny))
    rest = largest[_DRIVERS_SHOWN:]
    if rest:
        others = f"其余 {len(rest)} 项合计" if zh else f"{len(rest)} smaller ones"
        table.add_row(others, money(sum(driver.effect_cny for driver in rest)))
    table.add_row("残值" if zh else "value", money(one.residual_value.point), style="bold")
    console.print(table)


def _print_widths(console: Console, one: ValuationAnswer, language: Language) -> None:
    if not one.width_drivers or one.base_width_cny is None:
        return
    zh = language == "zh"
    table = new_table("", (say(language, "page.width.title"), say(language, "page.width.factor")), numbers=(1,))
    table.add_row(say(language, "page.width.base"), money(one.base_width_cny))
    for driver in one.width_drivers[:_DRIVERS_SHOWN]:
        table.add_row(driver.label_zh if zh else driver.label_en, f"× {driver.factor:.2f}")
    rest = one.width_drivers[_DRIVERS_SHOWN:]
    if rest:
        others = f"其余 {len(rest)} 项相乘" if zh else f"{len(rest)} smaller ones"
        table.add_row(others, f"× {prod(driver.factor for driver in rest):.2f}")
    band = one.residual_value
    table.add_row(say(language, "page.width.total"), money(band.upper - band.lower), style="bold")
    console.print(table)


def _print_next(console: Console, one: ValuationAnswer, language: Language) -> None:
    titles = (
        ("如何缩小区间", "目前区间宽（元）", "预期区间宽（元）")
        if language == "zh"
        else ("what would narrow the band", "width now CNY", "width then CNY")
    )
    if not one.evidence.next_best:
        return
    table = new_table("", titles, numbers=(1, 2))
    for step in one.evidence.next_best:
        label = action_line(step, language).label
        table.add_row(label, money(step.band_width_now_cny), money(step.band_width_after_cny))
    console.print(table)


def _print_cautions(console: Console, one: ValuationAnswer, language: Language) -> None:
    if not one.cautions:
        return
    titles = ("编号", "级别", "提示", "影响") if language == "zh" else ("id", "severity", "caution", "effect")
    table = new_table("", titles)
    for caution in caution_lines(one.cautions, language):
        severity = name(language, "severity", caution.severity)
        table.add_row(caution.id, severity, caution.message, caution.effect or "-")
    console.print(table)
