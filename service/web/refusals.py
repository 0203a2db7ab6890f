"""What the page itself refuses, in the reader's language, before the core is asked."""

from __future__ import annotations


class PageRefusal(Exception):
    """The form cannot be worked on; `key` names the sentence in the catalogue, `words` fill its places."""

    def __init__(self, key: str, *, field: str = "", choices: tuple[str, ...] = (), **words: object) -> None:
        super().__init__(key)
        self.key = key
        self.field = field
        self.choices = choices
        self.words = words
