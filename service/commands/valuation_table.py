"""Valuations as tables for people, in English or Chinese: value and band, routes, drivers, next evidence, cautions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from service.answers import ValuationAnswer, spell
from service.commands.terminal import new_table, terminal

if TYPE_CHECKING:
    from service.counter import Answer

_EXPLAINED = 5  # as many packs are told in full; more are listed one a line
_DRIVERS_SHOWN = 12

_ROUTES_ZH = {"recycling": "再生利用", "second_life": "梯次利用", "reuse": "再使用"}
_SEVERITY_ZH = {"info": "提示", "warn": "注意", "block": "阻断"}
_DEMONSTRATION = (
    "a demonstration: the model or the quotes are synthetic",
    "演示：模型或行情为合成数据",
)


def print_valuations(answers: Sequence[Answer], language: str) -> None:
    """Print valuations to the terminal: in full where they are few, else one a line."""
    console = terminal()
    spelled = [spell(one.valuation, one.valuation_id) for one in answers]
    zh = language == "zh"
    if len(spelled) > _EXPLAINED:
        _print_list(console, spelled, zh=zh)
        return
    for one in spelled:
        _print_one(console, one, zh=zh)


def money(amount: float) -> str:
    """Return an amount as people write it.

    >>> money(-1234.5)
    '-1,234.50'
    """
    return f"{amount:,.2f}"


def _print_list(console: Console, answers: Sequence[ValuationAnswer], *, zh: bool) -> None:
    titles = (
        ("编码", "评估值（元）", "下限", "上限", "最优途径", "证据", "信任", "提示")
        if zh
        else ("battery code", "value CNY", "lower", "upper", "best route", "evidence", "grade", "cautions")
    )
    table = new_table("", titles, numbers=(1, 2, 3))
    for one in answers:
        band = one.residual_value
        table.add_row(
            one.battery_code or "-",
            *(money(amount) for amount in (band.point, band.lower, band.upper)),
            _route(one.best_route, zh=zh),
            one.evidence.tier,
            one.evidence.grade,
            " ".join(dict.fromkeys(caution.id for caution in one.cautions)),
        )
    console.print(table)


def _print_one(console: Console, one: ValuationAnswer, *, zh: bool) -> None:
    band, soh = one.residual_value, one.state.soh
    unit = "元，不含税" if zh else "CNY without VAT"
    words = (
        ("残值", "区间", "证据等级", "信任等级", "健康状态", "模型", "行情")
        if zh
        else ("residual value", "band", "evidence", "grade", "state of health", "model", "market")
    )
    console.rule(f"{one.battery_code or '-'}   {one.as_of}", align="left")
    console.print(f"{words[0]}: {money(band.point)} {unit}   ({money(band.per_kwh)} / kWh)", style="bold")
    console.print(f"{words[1]} {band.level:.0%}: {money(band.lower)} … {money(band.upper)}")
    console.print(f"{words[2]} {one.evidence.tier}   {words[3]} {one.evidence.grade}")
    console.print(f"{words[4]}: {soh.value:.1%} ± {soh.sd:.1%} ({soh.source})")
    console.print(f"{words[5]}: {one.model.name} {one.model.version}   {words[6]}: {one.market.digest[:19]}…")
    if one.model.demonstration or one.market.synthetic:
        console.print(_DEMONSTRATION[zh], style="yellow")
    _print_routes(console, one, zh=zh)
    _print_drivers(console, one, zh=zh)
    _print_next(console, one, zh=zh)
    _print_cautions(console, one, zh=zh)
    console.print(f"valuation_id {one.valuation_id}\n")


def _print_routes(console: Console, one: ValuationAnswer, *, zh: bool) -> None:
    titles = ("途径", "价值（元）", "概率", "阻断原因") if zh else ("route", "value CNY", "probability", "closed by")
    table = new_table("", titles, numbers=(1, 2))
    for route in one.routes:
        name = _route(route.route, zh=zh) + (" *" if route.route == one.best_route else "")
        table.add_row(name, money(route.value), f"{route.probability:.0%}", " ".join(route.blocked_by))
    console.print(table)


def _print_drivers(console: Console, one: ValuationAnswer, *, zh: bool) -> None:
    if not one.drivers:
        return
    titles = ("价值构成", "影响（元）") if zh else ("reason", "effect CNY")
    table = new_table("", titles, numbers=(1,))
    table.add_row("基准" if zh else "base", money(one.base_cny))
    largest = sorted(one.drivers, key=lambda driver: -abs(driver.effect_cny))
    for driver in largest[:_DRIVERS_SHOWN]:
        table.add_row(driver.label_zh if zh else driver.label_en, money(driver.effect_cny))
    rest = largest[_DRIVERS_SHOWN:]
    if rest:
        name = f"其他 {len(rest)} 项" if zh else f"{len(rest)} smaller ones"
        table.add_row(name, money(sum(driver.effect_cny for driver in rest)))
    table.add_row("合计" if zh else "together", money(one.residual_value.point), style="bold")
    console.print(table)


def _print_next(console: Console, one: ValuationAnswer, *, zh: bool) -> None:
    for step in one.evidence.next_best:
        width = f"{money(step.band_width_now_cny)} → {money(step.band_width_after_cny)}"
        words = f"可收窄区间：{step.action}，宽度 {width}" if zh else f"narrower with {step.action}: band width {width}"
        console.print(words)


def _print_cautions(console: Console, one: ValuationAnswer, *, zh: bool) -> None:
    if not one.cautions:
        return
    titles = ("编号", "级别", "提示", "影响") if zh else ("id", "severity", "caution", "effect")
    table = new_table("", titles)
    for caution in one.cautions:
        severity = _SEVERITY_ZH[caution.severity] if zh else caution.severity
        table.add_row(caution.id, severity, caution.message_zh if zh else caution.message_en, caution.effect)
    console.print(table)


def _route(name: str, *, zh: bool) -> str:
    return _ROUTES_ZH.get(name, name) if zh else name
