"""An error on the terminal: its message after the place where it arose."""

from __future__ import annotations

from models.language import command_language
from valuation.errors import CanzhiError
from valuation.messages import Message


def localised_error(where: str, error: CanzhiError) -> tuple[Message, Message]:
    """Return the message of an error after its place, which is named once, and its hint.

    >>> from valuation.errors import UnreadableRecord
    >>> localised_error("a.json", UnreadableRecord("file.no_record"))[0].in_language("zh")
    'a.json：其中没有任何记录'
    """
    language = command_language()
    place = where.in_language(language) if isinstance(where, Message) else where
    if error.text.in_language(language).startswith(place):
        return error.text, error.hint_text
    return Message("command.at_place", place=where, reason=error.text), error.hint_text
