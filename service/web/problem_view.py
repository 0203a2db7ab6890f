"""View of an error: title, message and advice in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from service.api.problems import problem_of
from service.web.form import FormEntry
from service.web.formatting import Formatter
from service.web.page_refusal import PageRefusal
from valuation.battery_code.decoding import decode
from valuation.battery_code.explanation import explain
from valuation.errors import CanzhiError, FieldError
from valuation.messages import Language

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
    """An error as shown on the page."""

    status: int
    title: str
    detail: str
    advice: str
    field: str = ""
    original: str = ""
    choices: tuple[str, ...] = ()


def view_refusal(refusal: PageRefusal, formatter: Formatter) -> ProblemView:
    """Return the view of a refused form."""
    return ProblemView(
        status=422,
        title=formatter.say("problem.summary"),
        detail=formatter.say(f"refusal.{refusal.key}", **refusal.words),
        advice=formatter.say(f"refusal.{refusal.key}.advice"),
        field=refusal.field,
        choices=refusal.choices,
    )


def view_error(error: CanzhiError, formatter: Formatter, entry: FormEntry, day: date) -> ProblemView:
    """Return the view of an error; if the typed battery code is the cause, explain it first."""
    code_problem = _code_problem(error, formatter.language, entry, day)
    if code_problem is not None:
        return code_problem
    problem = problem_of(error)
    detail, advice = _localised(error, formatter.language)
    return ProblemView(
        status=422 if problem.status == 400 else problem.status,
        title=formatter.say(f"problem.{error.code}"),
        detail=detail,
        original=error.message if formatter.language == "zh" else "",
        advice=advice,
        field=_field(error, entry),
    )


def _localised(error: CanzhiError, language: Language) -> tuple[str, str]:
    """Return message and hint of an error."""
    detail, advice = error.in_language(language)
    if language == "zh":
        return _sentence(detail, language), _sentence(advice, language)
    return detail if isinstance(error, FieldError) else _capitalise(detail), _capitalise(advice)


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
        advice=_sentence(lines.get("way_out", ""), language),
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
