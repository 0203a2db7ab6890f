"""Language in which the command that runs answers: of `--lang`, else of the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from valuation.messages import Language
from valuation.messages.language import known_language

VARIABLES: Final = ("CANZHI_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
"""Environment variables that name the language of the command line; the first that is set decides."""

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
