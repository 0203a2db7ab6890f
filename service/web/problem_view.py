"""View of an error: title, message and advice in the reader's language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from service.api.problems import problem_of
from service.web.caution_effects import CHINESE
from service.web.core_sentences import HINTS, in_chinese
from service.web.form import FormEntry
from service.web.formatting import Formatter
from service.web.messages import MESSAGES, Language
from service.web.page_refusal import PageRefusal
from valuation.battery_code.decoding import decode
from valuation.battery_code.explanation import explain
from valuation.errors import CanzhiError, FieldError, RefusedPack
from valuation.provenance.catalogue import CHECKS

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_FIELDS = frozenset(
    {
        "code",
        "record",
        "chemistry",
        "rated_energy_kwh",
        "mass_kg",
        "made_on",
        "soh",
        "soh_on",
        "as_of",
        "level",
        "files",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemView:
    """An error as shown on the page; `detail_language` is the language of its message."""

    status: int
    title: str
    detail: str
    detail_language: Language
    advice: str
    advice_language: Language
    field: str = ""
    original: str = ""
    choices: tuple[str, ...] = ()


def view_refusal(refusal: PageRefusal, formatter: Formatter) -> ProblemView:
    """Return the view of a refused form."""
    return ProblemView(
        status=422,
        title=formatter.say("problem.summary"),
        detail=formatter.say(f"refusal.{refusal.key}", **refusal.words),
        detail_language=formatter.language,
        advice=formatter.say(f"refusal.{refusal.key}.advice"),
        advice_language=formatter.language,
        field=refusal.field,
        choices=refusal.choices,
    )


def view_error(error: CanzhiError, formatter: Formatter, entry: FormEntry, day: date) -> ProblemView:
    """Return the view of an error; if the typed battery code is the cause, explain it first."""
    code_problem = _code_problem(error, formatter.language, entry, day)
    if code_problem is not None:
        return code_problem
    problem = problem_of(error)
    detail, detail_language = detail_of(error, formatter.language)
    advice = advice_of(error) if formatter.language == "zh" else None
    return ProblemView(
        status=422 if problem.status == 400 else problem.status,
        title=formatter.say(f"problem.{error.code}"),
        detail=detail,
        detail_language=detail_language,
        original=error.message if detail_language == "zh" else "",
        advice=advice or _capitalise(error.hint),
        advice_language="zh" if advice else "en",
        field=_field(error, entry),
    )


def detail_of(error: CanzhiError, language: Language) -> tuple[str, Language]:
    """Return message and language of an error; refusals by checks exist in Chinese with their number."""
    check = next((one for one in CHECKS if one.id == error.value), None) if isinstance(error, RefusedPack) else None
    if language == "en":
        return error.message if isinstance(error, FieldError) else _capitalise(error.message), "en"
    if check is None:
        known = in_chinese(error.message)
        return (known, "zh") if known else (error.message, "en")
    number = _NUMBER.search(error.message)
    return check.message_zh.format(value=float(number.group()) if number else 1.0), "zh"


def advice_of(error: CanzhiError) -> str | None:
    """Return the Chinese advice for an error, by its hint or its class, None if there is none."""
    general = MESSAGES.get(f"advice.{error.code}")
    return CHINESE.get(error.hint) or HINTS.get(error.hint) or (general.zh if general else None)


def _field(error: CanzhiError, entry: FormEntry) -> str:
    """Return the form field of an error."""
    if error.field == "battery_code" and entry.code:
        return "code"
    if error.field in _FIELDS:
        return str(error.field)
    return "files" if entry.files else "record" if entry.record else "code"


def _code_problem(error: CanzhiError, language: Language, entry: FormEntry, day: date) -> ProblemView | None:
    """Return the view of an invalid typed code, None if the code is not the cause."""
    if not entry.code or error.field not in ("battery_code", "chemistry", "rated_energy_kwh"):
        return None
    read = decode(entry.code, day)
    lines = {line.part: line.text_zh if language == "zh" else line.text_en for line in explain(read)}
    if read.valid or "reason" not in lines:
        return None
    formatter = Formatter(language)
    return ProblemView(
        status=422,
        title=formatter.say("problem.battery-code"),
        detail=_sentence(lines["reason"], language),
        detail_language=language,
        advice=_sentence(lines.get("way_out", ""), language),
        advice_language=language,
        field="code",
        choices=read.suggestions,
    )


def _capitalise(text: str) -> str:
    """Return a phrase with a capital letter."""
    return text[:1].upper() + text[1:]


def _sentence(text: str, language: Language) -> str:
    """Return a phrase as a sentence.

    >>> _sentence("position 5 is wrong", "en"), _sentence("第5位有误", "zh")
    ('Position 5 is wrong.', '第5位有误。')
    """
    stop = "。" if language == "zh" else "."
    return _capitalise(text) + ("" if text.endswith(("。", ".")) or not text else stop)
