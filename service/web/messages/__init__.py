"""Every sentence of the page in both languages, one catalogue; a sentence is asked for by its key.

>>> say("en", "form.submit"), say("zh", "form.submit")
('Value the pack', '开始评估')
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from service.web.messages import answer, form, names, problems, report
from valuation.messages import Wording

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")

SUBJECTS: Final = (form.MESSAGES, answer.MESSAGES, names.MESSAGES, problems.MESSAGES, report.MESSAGES)
"""The catalogue by subject; no key stands in two of them."""

MESSAGES: Final[Mapping[str, Wording]] = MappingProxyType(
    {key: wording for subject in SUBJECTS for key, wording in subject.items()}
)
"""All sentences by key."""


def say(language: Language, key: str, **words: object) -> str:
    """Return a sentence in the reader's language, its places filled with words.

    Raises
    ------
    KeyError
        If the catalogue has no such key, or a place has no word.
    """
    wording = MESSAGES[key]
    sentence = wording.zh if language == "zh" else wording.en
    return sentence.format(**words) if words else sentence


def name(language: Language, kind: str, value: str) -> str:
    """Return what people call a value of a kind; one without a name is shown as it is, readable.

    >>> name("zh", "route", "second_life"), name("en", "route", "some_new_route")
    ('梯次利用', 'some new route')
    """
    wording = MESSAGES.get(f"{kind}.{value}")
    if wording is None:
        return value.replace("_", " ")
    return wording.zh if language == "zh" else wording.en
