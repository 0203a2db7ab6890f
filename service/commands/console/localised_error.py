"""Error messages on the terminal, in English or Chinese."""

from __future__ import annotations

from valuation.errors import CanzhiError
from valuation.messages import Language, Message


def localised_error(where: str, error: CanzhiError, language: Language) -> tuple[str, str]:
    """Return the message of an error after its place, which is named once, and its hint.

    >>> from valuation.errors import UnreadableRecord
    >>> localised_error("a.json", UnreadableRecord("file.no_record"), "zh")
    ('a.json: 其中没有任何记录', '请至少提供一条溯源记录')
    """
    message, hint = error.in_language(language)
    place = where.in_language(language) if isinstance(where, Message) else where
    return message if message.startswith(place) else f"{place}: {message}", hint
