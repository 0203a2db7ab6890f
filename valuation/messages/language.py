"""Which language a reader asks for: by a tag, a locale, an Accept-Language header, or the command that runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from valuation.messages import Language

VARIABLES: Final = ("CANZHI_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
"""Environment variables that name the language of the command line, the first that is set decides."""

_OF_COMMAND: ContextVar[Language | None] = ContextVar("language of the command", default=None)


def command_language() -> Language:
    """Return the language of the command that runs: that of `--lang`, else that of the terminal."""
    return _OF_COMMAND.get() or terminal_language()


@contextmanager
def answering_in(language: Language) -> Iterator[None]:
    """Let everything that a command prints within the block be in one language."""
    before = _OF_COMMAND.set(language)
    try:
        yield
    finally:
        _OF_COMMAND.reset(before)


def terminal_language() -> Language:
    """Return the language of the terminal: CANZHI_LANG, else the locale; English if it is neither of the two."""
    wish = next(filter(None, map(os.environ.get, VARIABLES)), None)
    return known_language(wish) or "en"


def known_language(wish: str | None) -> Language | None:
    """Return the language of a tag, None if it is not supported.

    >>> known_language("zh-CN"), known_language("EN"), known_language("fr")
    ('zh', 'en', None)
    """
    match re.split("[-_.]", (wish or "").strip().lower())[0]:
        case "zh":
            return "zh"
        case "en":
            return "en"
        case _:
            return None


def preferred(accepted: str) -> Language:
    """Return the supported language with the highest weight in an Accept-Language header.

    >>> preferred("fr-FR,zh-CN;q=0.8,en;q=0.5"), preferred(""), preferred("en;q=0, zh;q=0.1")
    ('zh', 'en', 'zh')
    """
    best: Language = "en"
    best_weight = 0.0
    for item in accepted[:500].split(","):
        tag, _, quality = item.partition(";q=")
        language = known_language(tag)
        try:
            weight = float(quality or "1")
        except ValueError:
            weight = 0.0
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best
