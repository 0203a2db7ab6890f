"""A progress bar on standard error, for work on many items at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from models.language import command_language
from valuation.messages import say

Item = TypeVar("Item")


def with_progress(items: Sequence[Item], identity: str, *, shown_from: int) -> Iterator[Item]:
    """Yield the items, with a progress bar named by a message if there are `shown_from` of them and a terminal.

    >>> list(with_progress("ab", "command.score.packs", shown_from=3))
    ['a', 'b']
    """
    if len(items) < shown_from:
        yield from items
        return
    errors = Console(stderr=True)
    label = say(command_language(), identity)
    yield from track(items, label, console=errors, transient=True, disable=not errors.is_terminal)
