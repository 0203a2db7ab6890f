"""Files of packs as the command line and the page take them: any format the porch reads, several packs, several files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from valuation.errors import CanzhiError, UnreadableRecord
from valuation.intake import Traces, read_trace

STANDARD_INPUT = Path("-")


def read_files(files: Sequence[Path]) -> tuple[Traces, list[tuple[str, CanzhiError]]]:
    """Return the packs in all files in order, and what could not be read, each with its place."""
    parts: list[Traces] = []
    problems: list[tuple[str, CanzhiError]] = []
    for file in files:
        name = "standard input" if file == STANDARD_INPUT else file.name
        try:
            read = read_content(_bytes(file), name)
        except CanzhiError as error:
            problems.append((name, error))
            continue
        parts.append(read)
        problems += [(f"{name}, {problem.where}", problem.error) for problem in read.problems]
    return joined(parts), problems


def read_content(content: bytes, name: str) -> Traces:  # noqa: ARG001 - the name will tell the format where bytes do not
    """Return the packs in a file's bytes.

    Raises
    ------
    TraceError
        If they are no trace record, passport or table.
    """
    return read_trace(content)


def joined(parts: Sequence[Traces]) -> Traces:
    """Return several readings as one, in their order."""
    return Traces(
        histories=tuple(history for part in parts for history in part.histories),
        notes=tuple(notes for part in parts for notes in part.notes),
        problems=tuple(problem for part in parts for problem in part.problems),
    )


def chunks(traces: Traces, size: int) -> Iterator[Traces]:
    """Yield the packs in parts of a size."""
    for start in range(0, len(traces.histories), size):
        part = slice(start, start + size)
        yield Traces(histories=traces.histories[part], notes=traces.notes[part], problems=())


def _bytes(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as reason:
        raise UnreadableRecord(
            f"the file cannot be read: {reason.strerror}", hint="see that it is there and that you may read it"
        ) from reason
