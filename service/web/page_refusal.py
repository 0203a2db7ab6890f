"""The refusal of a form by the web page, before `valuation` is called."""

from __future__ import annotations


class PageRefusal(Exception):
    """The form cannot be processed; `key` is the message id and `words` its parameters."""

    def __init__(self, key: str, *, field: str = "", choices: tuple[str, ...] = (), **words: object) -> None:
        super().__init__(key)
        self.key = key
        self.field = field
        self.choices = choices
        self.words = words
