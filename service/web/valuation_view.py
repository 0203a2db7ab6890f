"""View of a valuation for the templates, from the stored answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from service.answers.valuation import ValuationAnswer
from service.web.charts import BandChart, Step, band_chart, waterfall
from service.web.formatting import Formatter
from valuation.battery_code.decoding import decode
from valuation.battery_code.explanation import explain
from valuation.messages import Language, name, say
from valuation.provenance.catalogue import CHECKS
from valuation.result import Caution, NextEvidence, RouteValue
from valuation.routes.closures import closure_caution

_SEVERITIES = ("block", "warn", "info")
_WITHOUT_EFFECT = frozenset({"", "none", *_SEVERITIES})


@dataclass(frozen=True, slots=True, kw_only=True)
class CautionLine:
    """A caution in the reader's language."""

    id: str
    severity: str
    message: str
    effect: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLine:
    """One explained part of a battery code."""

    part: str
    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLine:
    """One route, with the reasons if it is closed, and its limits of use if it is open."""

    route: str
    value: float
    probability: float
    open: bool
    best: bool
    reasons: tuple[str, ...]
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLine:
    """An action that would narrow the band, with the relative reduction of its width."""

    label: str
    now_cny: float
    after_cny: float
    narrower: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerView:
    """Everything that page and report show of one valuation."""

    answer: ValuationAnswer
    digits: int
    chart: BandChart
    steps: tuple[Step, ...]
    routes: tuple[RouteLine, ...]
    cautions: tuple[CautionLine, ...]
    code: tuple[CodeLine, ...]
    actions: tuple[ActionLine, ...]
    demonstration: str | None

    @property
    def abridged(self) -> bool:
        """Whether the waterfall combines several drivers."""
        return any(step.kind == "others" for step in self.steps)


def view_answer(body: bytes, formatter: Formatter) -> AnswerView:
    """Return the view of a stored answer."""
    answer = msgspec.json.decode(body, type=ValuationAnswer)
    value = answer.residual_value
    return AnswerView(
        answer=answer,
        digits=0 if max(abs(value.point), abs(value.lower), abs(value.upper)) >= 100.0 else 2,
        chart=band_chart(value, answer.routes),
        steps=waterfall(answer.base_cny, answer.drivers, value.point),
        routes=tuple(
            RouteLine(
                route=one.route,
                value=one.value,
                probability=one.probability,
                open=one.open,
                best=one.route == answer.best_route,
                reasons=tuple(reason(blocker, answer.cautions, formatter.language) for blocker in one.blocked_by),
                conditions=condition_lines(one, formatter.language),
            )
            for one in answer.routes
        ),
        cautions=caution_lines(answer.cautions, formatter.language),
        code=code_lines(answer, formatter.language),
        actions=tuple(action_line(one, formatter.language) for one in answer.evidence.next_best),
        demonstration=_demonstration(answer),
    )


def condition_lines(one: RouteValue, language: Language) -> tuple[str, ...]:
    """Return the limits of use of an open route in the reader's language."""
    if not one.open:
        return ()
    return tuple(limit.message_zh if language == "zh" else limit.message_en for limit in one.conditions)


def action_line(one: NextEvidence, language: Language) -> ActionLine:
    """Return an action in the reader's language; an unknown one is shown by its name."""
    label = name(language, "action", one.action)
    width = one.band_width_now_cny
    return ActionLine(
        label=label[:1].upper() + label[1:],
        now_cny=width,
        after_cny=one.band_width_after_cny,
        narrower=1.0 - one.band_width_after_cny / width if width > 0.0 else 0.0,
    )


def _demonstration(answer: ValuationAnswer) -> str | None:
    """Return which part is synthetic: "model", "market" or "both"; None if neither is."""
    match (answer.model.demonstration, answer.market.synthetic):
        case (True, True):
            return "both"
        case (True, False):
            return "model"
        case (False, True):
            return "market"
        case _:
            return None


def caution_lines(cautions: Sequence[Caution], language: Language) -> tuple[CautionLine, ...]:
    """Return cautions in the reader's language, most severe first."""
    ordered = sorted(cautions, key=lambda one: _SEVERITIES.index(one.severity))
    return tuple(
        CautionLine(
            id=one.id,
            severity=one.severity,
            message=one.message_zh if language == "zh" else one.message_en[:1].upper() + one.message_en[1:],
            effect=_effect_of(one, language),
        )
        for one in ordered
    )


def _effect_of(caution: Caution, language: Language) -> str | None:
    """Return the effect of a caution, None if it has none; older answers have it in English only."""
    if caution.effect in _WITHOUT_EFFECT:
        return None
    return caution.effect_zh or None if language == "zh" else caution.effect.replace("second_life", "second life")


def reason(blocker: str, cautions: Sequence[Caution], language: Language) -> str:
    """Return why a route is closed: by the caution with that id, else the rule, else the id.

    >>> reason("K04", (), "zh")
    '使用年限过长，不宜再装车。'
    """
    found = next((one for one in cautions if one.id == blocker), None) or _rule(blocker)
    if found is None:
        return blocker
    return found.message_zh if language == "zh" else found.message_en


def _rule(blocker: str) -> Caution | None:
    """Return the caution of a closing rule, None if it is unknown or needs a value."""
    try:
        return closure_caution(blocker)
    except KeyError:
        check = next((one for one in CHECKS if one.id == blocker), None)
        return None if check is None or check.shows_number else check.caution(1.0)


def code_lines(answer: ValuationAnswer, language: Language) -> tuple[CodeLine, ...]:
    """Return the explained parts of the battery code."""
    if answer.battery_code is None:
        return ()
    lines = explain(decode(answer.battery_code, answer.as_of))
    return tuple(
        CodeLine(
            part=line.part,
            label=say(language, f"code.part.{line.part}").capitalize(),
            text=line.text_zh if language == "zh" else line.text_en,
        )
        for line in lines
    )
