"""Prints valuations as tables in English or Chinese, with the names and sentences of the web page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod

from rich.console import Console

from service.answers.valuation import ValuationAnswer, with_id
from service.commands.console.tables import new_table, terminal
from service.valuation_service import Answer
from service.web.valuation_view import action_line, caution_lines, condition_lines, reason
from valuation.messages import Language, name, say

_MAX_EXPLAINED = 5  # more packs are listed, one per line
_DRIVERS_SHOWN = 12


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
    names = ("battery_code", "value_cny", "lower", "upper", "best_route", "evidence", "grade", "cautions")
    table = new_table("", _titles(language, *names), numbers=(1, 2, 3))
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
    console.print(say(language, "command.value.cautions_elsewhere", count=_MAX_EXPLAINED))


def _titles(language: Language, *names: str) -> list[str]:
    """Return the titles of columns."""
    return [say(language, f"command.table.{name}") for name in names]


def _print_one(console: Console, one: ValuationAnswer, language: Language) -> None:
    band, soh, evidence = one.residual_value, one.state.soh, one.evidence
    model = f"{one.model.name} {one.model.version}"
    spelled = partial(say, language)
    console.rule(f"{one.battery_code or '-'}   {one.as_of}", align="left")
    amount, per_kwh, lower, upper = map(money, (band.point, band.per_kwh, band.lower, band.upper))
    console.print(spelled("command.value.point", amount=amount, per_kwh=per_kwh), style="bold")
    if band.per_kg is not None:
        units = {name: money(getattr(band, name)) for name in ("per_kg", "per_remaining_kwh", "with_vat")}
        console.print(
            spelled("command.value.other_units", **units, invoice=say(language, f"page.answer.invoice.{band.invoice}"))
        )
    console.print(spelled("command.value.band", level=band.level, lower=lower, upper=upper))
    meaning = name(language, "tier", evidence.tier)
    console.print(spelled("command.value.evidence", tier=evidence.tier, meaning=meaning))
    meaning = name(language, "grade", evidence.grade)
    console.print(spelled("command.value.grade", grade=evidence.grade, meaning=meaning))
    source = name(language, "source", soh.source)
    console.print(spelled("command.value.health", soh=soh.value, sd=soh.sd, source=source))
    console.print(spelled("command.value.model", model=model, market=one.market.digest[:19]))
    if one.model.demonstration or one.market.synthetic:
        console.print(spelled("command.value.demonstration"), style="yellow")
    if one.disposal_cny is not None:
        cost = spelled("command.value.cost", amount=money(one.disposal_cny))
        console.print(spelled("page.answer.no_route", cost=cost), style="bold")
    _print_routes(console, one, language)
    _print_drivers(console, one, language)
    _print_widths(console, one, language)
    _print_next(console, one, language)
    _print_cautions(console, one, language)
    console.print(f"valuation_id {one.valuation_id}\n")


def _print_routes(console: Console, one: ValuationAnswer, language: Language) -> None:
    titles = _titles(language, "route", "route_value", "likely", "closed_because")
    table = new_table("", titles, numbers=(1, 2))
    for route in one.routes:
        called = name(language, "route", route.route) + (" *" if route.route == one.best_route else "")
        reasons = [reason(blocker, one.cautions, language) for blocker in route.blocked_by]
        because = "\n".join([*reasons, *condition_lines(route, language)])
        table.add_row(called, money(route.value), f"{route.probability:.0%}", because)
    console.print(table)
    console.print(f"* {say(language, 'page.routes.help')}")


def _print_drivers(console: Console, one: ValuationAnswer, language: Language) -> None:
    if not one.drivers:
        return
    zh = language == "zh"
    table = new_table("", _titles(language, "reason", "effect_cny"), numbers=(1,))
    table.add_row(say(language, "command.table.start"), money(one.base_cny))
    largest = sorted(one.drivers, key=lambda driver: -abs(driver.effect_cny))
    for driver in largest[:_DRIVERS_SHOWN]:
        table.add_row(driver.label_zh if zh else driver.label_en, money(driver.effect_cny))
    rest = largest[_DRIVERS_SHOWN:]
    if rest:
        others = say(language, "command.table.smaller_effects", count=len(rest))
        table.add_row(others, money(sum(driver.effect_cny for driver in rest)))
    table.add_row(say(language, "command.table.value"), money(one.residual_value.point), style="bold")
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
        others = say(language, "command.table.smaller_factors", count=len(rest))
        table.add_row(others, f"× {prod(driver.factor for driver in rest):.2f}")
    band = one.residual_value
    table.add_row(say(language, "page.width.total"), money(band.upper - band.lower), style="bold")
    console.print(table)


def _print_next(console: Console, one: ValuationAnswer, language: Language) -> None:
    titles = _titles(language, "next", "width_now", "width_then")
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
    table = new_table("", _titles(language, "id", "severity", "caution", "effect"))
    for caution in caution_lines(one.cautions, language):
        severity = name(language, "severity", caution.severity)
        table.add_row(caution.id, severity, caution.message, caution.effect or "-")
    console.print(table)
