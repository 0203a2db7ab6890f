"""Progress of a long job: a bar with rate and remaining time on a terminal, a line every 15 seconds in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from models.language import command_language
from valuation.messages import Message, say

Count = Callable[[int], None]

_BAR_DELAY_S = 2.0
_LINE_INTERVAL_S = 15.0


class Progress(Protocol):
    """Receives messages and counts of a job."""

    def say(self, sentence: Message) -> None:
        """Receive a message."""

    def counting(self, packs: int, done: int) -> AbstractContextManager[Count]:
        """Return a counter of packs; some are done already."""


class _Silent:
    def say(self, sentence: Message) -> None:
        del sentence

    def counting(self, packs: int, done: int) -> AbstractContextManager[Count]:
        del packs, done
        return nullcontext(lambda _: None)


def silent() -> Progress:
    """Return a progress without output."""
    return _Silent()


class OnTerminal:
    """Progress on standard error: a bar on a terminal, lines in a log, nothing for short jobs."""

    def __init__(self, say: Callable[[Message], None]) -> None:
        self._say = say

    def say(self, sentence: Message) -> None:
        """Print a message."""
        self._say(sentence)

    @contextmanager
    def counting(self, packs: int, done: int) -> Iterator[Count]:
        """Count packs with rate and remaining time."""
        if sys.stderr.isatty():
            with _bar(packs, done) as count:
                yield count
        else:
            yield _Lines(self._say, packs, done).count


class _Lines:
    """A line every 15 seconds: packs done, rate, remaining time."""

    def __init__(self, say: Callable[[Message], None], packs: int, done: int) -> None:
        self._say, self._packs, self._before = say, packs, done
        self._counted = done
        self._started_at = self._printed_at = time.monotonic()

    def count(self, more: int) -> None:
        """Add packs that are done."""
        self._counted += more
        now = time.monotonic()
        if now - self._printed_at >= _LINE_INTERVAL_S:
            self._printed_at = now
            rate = (self._counted - self._before) / (now - self._started_at)
            left = max(self._packs - self._counted, 0) / rate if rate else 0.0
            counts = {"count": self._counted, "total": self._packs, "rate": rate, "left": left}
            self._say(Message("command.score.progress", **counts))


@contextmanager
def _bar(packs: int, done: int) -> Iterator[Count]:
    """Show a bar if the job takes longer than two seconds."""
    from rich import console, progress  # noqa: PLC0415 - 0.1 s in every process, for a bar on a terminal

    language = command_language()
    packs_word = say(language, "command.score.packs")
    parts = (progress.TextColumn(packs_word), progress.BarColumn(), progress.TaskProgressColumn())
    rate = progress.TextColumn("{task.fields[rate]}")
    bar = progress.Progress(
        *parts, rate, progress.TimeRemainingColumn(), console=console.Console(stderr=True), transient=True
    )
    task = bar.add_task(packs_word, total=packs, completed=done, rate="")
    started, counted = time.monotonic(), 0
    shown = False

    def count(more: int) -> None:
        nonlocal counted, shown
        counted += more
        spent = time.monotonic() - started
        bar.update(task, advance=more, rate=say(language, "command.score.rate", rate=counted / max(spent, 1e-9)))
        if not shown and spent > _BAR_DELAY_S:
            bar.start()
            shown = True

    try:
        yield count
    finally:
        if shown:
            bar.stop()
