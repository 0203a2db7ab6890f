"""Every user-visible sentence is in the message catalogue, in both languages, and is used."""

import ast
import re
import string
from functools import cache
from pathlib import Path

import pytest

from valuation import errors, messages
from valuation.ingest.fields.headings import field_name
from valuation.record.fields import COMPOSITION_FIELDS, EVENT_COMMON_FIELDS, EVENT_FIELDS, PACK_FIELDS

ROOT = Path(__file__).parents[2]
ID = re.compile(r"[a-z_]+(\.\w+)+")
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
CALLS = ERRORS | {"Message", "say", "both", "fixed"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
LATIN = re.compile(r"\b[a-z]{4,}\b")
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff}][,;:!?(]|[,;:!?)][\u4e00-\u9fff]")


@cache
def catalogue():
    subjects = [path.stem for package in messages.PACKAGES for path in (ROOT / package / "messages").glob("*.toml")]
    assert len(set(subjects)) == len(subjects), "a subject has two files"
    return {f"{one}.{name}": wording for one in subjects for name, wording in messages.sentences(one).items()}


@cache
def trees():
    paths = [path for package in messages.PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {path.relative_to(ROOT): ast.parse(path.read_text("utf-8")) for path in paths}


def constants(node):
    return [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def calls():
    """Yield place, name, id or hint, and call of every message in the code."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                yield f"{path}:{node.lineno}", node


def identity_of(call):
    position = 1 if call.func.id == "say" else 0
    return call.args[position] if len(call.args) > position else None


def pattern(joined):
    parts = [re.escape(one.value) if isinstance(one, ast.Constant) else r"[\w./-]+" for one in joined.values]
    return "".join(parts)


def test_every_id_in_code_is_in_the_catalogue():
    missing = []
    for place, call in calls():
        wanted = [identity_of(call), *(one.value for one in call.keywords if one.arg == "hint")]
        for one in wanted:
            ids = constants(one) if isinstance(one, ast.Constant | ast.IfExp) else []
            missing += [f"{place}: {name}" for name in ids if ID.fullmatch(name) and name not in catalogue()]
            if isinstance(one, ast.Constant) and call.func.id in ERRORS and one.value + ".hint" not in catalogue():
                hinted = any(keyword.arg == "hint" for keyword in call.keywords)
                missing += [] if hinted or not ID.fullmatch(one.value) else [f"{place}: {one.value}.hint"]
    assert missing == []


def test_every_id_made_in_code_can_be_one_of_the_catalogue():
    unmatched = []
    for place, call in calls():
        made = identity_of(call)
        if isinstance(made, ast.JoinedStr) and isinstance(made.values[0], ast.Constant):
            wanted = re.compile(pattern(made))
            unmatched += [] if any(map(wanted.fullmatch, catalogue())) else [f"{place}: {ast.unparse(made)}"]
    assert unmatched == []


def test_every_id_that_code_composes_can_be_in_the_catalogue():
    unknown = []
    for place, call in calls():
        one = identity_of(call)
        if isinstance(one, ast.JoinedStr) and isinstance(one.values[0], ast.Constant):
            composed = re.compile(pattern(one))
            unknown += [] if any(map(composed.fullmatch, catalogue())) else [f"{place}: {composed.pattern}"]
    assert unknown == []


def test_every_sentence_is_used():
    named, patterns = set(), []
    for path, tree in trees().items():
        named |= {value for value in constants(tree) if ID.fullmatch(value)}
        if path.name not in {"formatting.py", "errors.py"}:  # these pass on any id
            joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
            patterns += [pattern(node) for node in joined if isinstance(node.values[0], ast.Constant)]
    for template in (ROOT / "service" / "web" / "templates").glob("*.html"):
        for key in re.findall(r"'([a-z_]+\.[a-z_0-9.]*)'", template.read_text("utf-8")):
            named.add(key)
            patterns += [re.escape(key) + r"[\w.-]+"] if key.endswith(".") else []
    dynamic = re.compile("|".join(one for one in patterns if re.match(r"[a-z_]+\\\.", one)))
    unused = []
    for name in catalogue():
        key = name.removesuffix(".hint").removeprefix("page.")
        if not {name, key} & named and not dynamic.fullmatch(name) and not dynamic.fullmatch(key):
            unused.append(name)
    assert unused == []


def parameters(sentence):
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("name", catalogue())
def test_both_languages_have_the_same_parameters(name):
    wording = catalogue()[name]
    assert parameters(wording.en) == parameters(wording.zh)
    assert not CHINESE.search(re.sub(r"\([^)]*\)|元/吨|万元/吨|元/Wh", "", wording.en))
    words = re.sub(r"\{[^}]*\}", "", wording.zh)
    assert CHINESE.search(words) or not re.search("[a-z]{3}", re.sub(r"\{[^}]*\}", "", wording.en)), "not translated"
    assert not HALF_WIDTH.search(wording.zh), "half-width punctuation"
    assert set(LATIN.findall(words)) <= set(LATIN.findall(wording.en)), "not translated"
    assert wording.en.endswith(".") or not wording.zh.endswith("。")


def literals(node):
    """Yield the literal texts of an expression, without those of calls inside it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif not isinstance(node, ast.Call):
        for inner in ast.iter_child_nodes(node):
            yield from literals(inner)


def name_of(call):
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def all_calls():
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield f"{path}:{node.lineno}", node


def test_errors_are_raised_with_message_ids():
    inline = []
    for place, call in all_calls():
        if name_of(call) in CALLS | {"KernelUnavailableError"}:
            found = [
                value
                for argument in (*call.args, *(one.value for one in call.keywords))
                for value in literals(argument)
            ]
            inline += [
                f"{place}: {value}" for value in found if re.search(r"[a-z] [a-z]", value) or CHINESE.search(value)
            ]
            first = call.args[0] if call.args and name_of(call) in ERRORS | {"KernelUnavailableError"} else None
            formed = isinstance(first, ast.JoinedStr) and not re.match(r"[a-z_]+\.", "".join(literals(first)))
            inline += [f"{place}: an f-string"] if formed else []
    assert inline == []


PRINTED = {"echo", "secho", "print", "print_message", "print_line", "warn", "rule"}
PRINTED |= {"UsageError", "BadParameter", "ClickException", "progressbar", "track", "TextColumn", "add_task"}
PROPER = {"canzhi: ", "valuation_id ", " / kWh", "utf-8", "left"}
"""Texts that are the same in every language."""


def test_printed_sentences_are_in_the_catalogue():
    inline = []
    for place, call in all_calls():
        if name_of(call) in PRINTED:
            shown = [*call.args, *(one.value for one in call.keywords if one.arg in {"label", "message", "hint"})]
            for value in (text for argument in shown for text in literals(argument)):
                text = re.sub(r"\{[^}]*\}", "", value).strip("\n")
                if re.search(r"[A-Za-z]{3,}", text) and not ID.fullmatch(text) and text not in PROPER:
                    inline.append(f"{place}: {value}")
    assert inline == []


READS_CHINESE = {
    "valuation/battery_code/clean_up.py",
    *(f"valuation/condition/{name}.py" for name in ("cooling", "service_record")),
    *(
        f"valuation/ingest/fields/{name}.py"
        for name in (
            *("aliases", "chemistry_text", "days", "headings", "life_cycle_text", "numbers", "price_units"),
            *("spellings", "units", "values"),
        )
    ),
    *("valuation/condition/cooling.py", "valuation/condition/service_record.py"),  # vehicles and reasons of retirement
    "valuation/ingest/passports/draft.py",
    "valuation/ingest/quotes/read_market.py",
    "valuation/ingest/tables/opened_table.py",
    "valuation/ingest/tables/vehicle_catalogue.py",
    "valuation/market/instruments.py",
    "valuation/vehicle/catalogue.py",
    "training/dataset/traces.py",
    *(f"training/sales_ledger/{name}.py" for name in ("cells", "cross_check", "read_ledger")),
}
"""Modules that read what people write: names, units and spellings; a new one is added here."""
WRITES_CHINESE = {
    "valuation/messages/__init__.py",  # joints of lists
    "valuation/features/documentation.py",  # a bilingual page
    "training/sales_ledger/report.py",  # a bilingual table
    "service/commands/console/options.py",  # examples of what can be given
    "service/web/formatting.py",  # dates and units
}


def test_code_contains_chinese_only_where_it_is_parsed():
    found = set()
    for path, tree in trees().items():
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        bodies = [node.body for node in ast.walk(tree) if isinstance(node, documented)]
        prose = {id(one.value) for body in bodies for one in body if isinstance(one, ast.Expr)}
        keywords = [one for node in ast.walk(tree) if isinstance(node, ast.Call) for one in node.keywords]
        prose |= {id(one.value) for one in keywords if one.arg == "help"}  # names the Chinese term, as docstrings do
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                found |= {path.as_posix()} if CHINESE.search(node.value) else set()
    assert found == READS_CHINESE | WRITES_CHINESE


def test_an_id_that_is_not_in_the_catalogue_is_an_error():
    with pytest.raises(KeyError):
        messages.say("en", "a sentence with blanks")
    with pytest.raises(KeyError):
        messages.Message("record.no_such_sentence")


FIELDS = [*PACK_FIELDS, *COMPOSITION_FIELDS, *EVENT_COMMON_FIELDS, *EVENT_FIELDS]


@pytest.mark.parametrize("field", sorted({field.name for field in FIELDS}))
def test_the_chinese_name_of_a_field_is_one_that_it_may_have_in_a_record(field):
    assert field_name(messages.name("zh", "field", field), (field,)) == field
