"""Every sentence for a person, by its id, in English and Chinese (消息目录).

The sentences stand side by side in TOML files, ``messages/<subject>.toml`` of each package; the id of a sentence is its
subject and its table, such as ``record.not_a_number``. Code names an id and parameters, and never holds a sentence.

In a sentence ``{name}`` is a parameter, with the format of :meth:`str.format`. Some are shown by language: ``field`` is
the path of a field, in Chinese after its name; ``fields``, ``route`` and ``routes`` are names, in Chinese those that
people use; a list is joined by commas, or by the word that the format names (``{lacking:and}``); a :class:`Message` or
a :class:`Wording` is another sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Self

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
PACKAGES: Final = ("valuation", "models", "training", "service")
"""The packages with message files in their folder `messages`."""

_ROOT: Final = Path(__file__).parents[2]
_LONGEST_SHOWN: Final = 60
_JOINTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "": (", ", "、"),
        ",": (", ", "，"),
        ";": ("; ", "；"),
        "and": (" and ", "和"),
        "or": (" or ", "或"),
        "also": ("; also ", "；另有："),
    }
)


class Wording(NamedTuple):
    """One sentence in both languages."""

    en: str
    zh: str


class Message(str):
    """A sentence of the catalogue with its parameters; the text itself is English.

    JSON encoders of exact types need ``str(message)``.

    >>> message = Message("record.not_a_number", field="events[0].soh", value="'?'")
    >>> print(message)
    events[0].soh is '?', not a number
    >>> message.in_language("zh")
    "健康状态 events[0].soh 为 '?'，不是数字"
    """

    __slots__ = ("id", "parameters")

    id: str
    parameters: Mapping[str, object]

    def __new__(cls, identity: str, /, **parameters: object) -> Self:
        """Return the message of an id; see :func:`say`."""
        message = super().__new__(cls, say("en", identity, **parameters))
        message.id, message.parameters = identity, parameters
        return message

    def in_language(self, language: Language) -> str:
        """Return the message in a language."""
        return str(self) if language == "en" else say(language, self.id, **self.parameters)

    def __reduce__(self) -> tuple[object, ...]:
        """Return how pickle restores the message."""
        return _restored, (self.id, dict(self.parameters))


@lru_cache(maxsize=512)
def fixed(identity: str) -> Message:
    """Return the message of an id without parameters, made once."""
    return Message(identity)


def _restored(identity: str, parameters: Mapping[str, object]) -> Message:
    return Message(identity, **parameters)


def say(language: Language, identity: str, /, **parameters: object) -> str:
    """Return a message in a language.

    Raises
    ------
    KeyError
        If the catalogue has no such id, or a parameter of the sentence is not given.

    >>> say("zh", "record.given_twice", field="soh", spelled="'SOH'")
    "健康状态 soh 重复，第二次写作 'SOH'"
    """
    shown = {name: _shown(name, value, language) for name, value in parameters.items()}
    return sentence(identity)[language == "zh"].format_map(shown)


def name(language: Language, kind: str, value: str) -> str:
    """Return what people call a value of a kind; one without a name is shown as it is, readable.

    >>> name("zh", "route", "second_life"), name("en", "route", "some_new_route")
    ('梯次利用', 'some new route')
    """
    found = find(f"names.{kind}.{value}")
    return value.replace("_", " ") if found is None else found[language == "zh"]


def both(identity: str, /, **parameters: object) -> Wording:
    """Return a message in both languages; see :func:`say`."""
    return Wording(say("en", identity, **parameters), say("zh", identity, **parameters))


def sentence(identity: str) -> Wording:
    """Return the sentence of an id with its parameters open; :class:`KeyError` if there is none."""
    found = find(identity)
    if found is None:
        raise KeyError(identity)
    return found


def find(identity: str) -> Wording | None:
    """Return the template of an id, None if there is none.

    >>> find("record.not_a_number").en, find("record.no_such_sentence")
    ('{field} is {value}, not a number', None)
    """
    subject, _, name = identity.partition(".")
    return sentences(subject).get(name)


def shown_value(value: object) -> str | Message:
    """Return a value for a message: on one line, truncated; lists and objects are described.

    >>> str(shown_value("a" * 100))[-4:], shown_value(True), str(shown_value([1])), shown_value(-1.7976931348623157e308)
    ("...'", 'true', 'a list', '-1.7976931348623157e+308')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return Message("value.object")
    if isinstance(value, list | tuple):
        return Message("value.list")
    if isinstance(value, int) and abs(value) >= 10**18:
        return Message("value.long_number", sign="-" if value < 0 else "")
    if isinstance(value, str):
        return repr(value if len(value) <= _LONGEST_SHOWN else value[: _LONGEST_SHOWN - 3] + "...")
    return repr(value)[:_LONGEST_SHOWN]


@lru_cache(maxsize=64)
def sentences(subject: str) -> Mapping[str, Wording]:
    """Return the sentences of a subject by their names."""
    import tomllib  # noqa: PLC0415 - slow to load, and a command that says nothing needs none of it

    for package in PACKAGES:
        path = _ROOT / package / "messages" / f"{subject}.toml"
        if path.is_file():
            return MappingProxyType(dict(_flat(tomllib.loads(path.read_text("utf-8")), "")))
    return MappingProxyType({})


def _flat(table: Mapping[str, object], path: str) -> Iterator[tuple[str, Wording]]:
    """Yield the messages of a table: one with `en` and `zh`, then those of its sub-tables."""
    if "en" in table:
        yield path.removesuffix("."), Wording(str(table["en"]), str(table["zh"]))
    for name, inner in table.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{path}{name}.")


def _shown(name: str, value: object, language: Language) -> object:
    """Return a parameter as displayed in a language."""
    if isinstance(value, Message):
        return value.in_language(language)
    if isinstance(value, Wording):
        return value[language == "zh"]
    if isinstance(value, list | tuple):
        return _Joined(name, value, language)
    if name == "route":
        return _label("route", str(value), language)
    return _named(str(value), language) if name == "field" else value


def _named(path: str, language: Language) -> str:
    """Return the path of a field; in Chinese after the label of the field, if it has one."""
    label = _label("field", path.rpartition(".")[2].partition("[")[0], language)
    return f"{label} {path}" if language == "zh" and label not in path else path


def _label(kind: str, value: str, language: Language) -> str:
    """Return what people call a field or a route in Chinese; in English its name."""
    label = find(f"names.{kind}.{value}") if language == "zh" else None
    return value if label is None else label.zh


class _Joined:
    """A list that is joined by the word in its format specification."""

    def __init__(self, name: str, items: list[object] | tuple[object, ...], language: Language) -> None:
        self.items = [
            _label(name[:-1], str(item), language) if name in {"fields", "routes"} else str(_shown("", item, language))
            for item in items
        ]
        self.chinese = language == "zh"

    def __format__(self, word: str) -> str:
        """Return the items joined."""
        return _JOINTS[word][self.chinese].join(self.items)
