"""Reads files of packs in any format, for the command line and the web page."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from valuation.errors import CanzhiError, UnreadableRecord
from valuation.ingest import Document, GivenFacts, Traces, read_trace
from valuation.messages import Message

STANDARD_INPUT = Path("-")


def read_files(
    files: Sequence[Path], undated_on: date | None = None, given: GivenFacts | None = None
) -> tuple[Traces, list[tuple[str, CanzhiError]]]:
    """Return the packs in all files, and each problem with its place.

    The files are read together: events are joined to their packs, several documents of a passport to one battery, and
    two packs with one code are refused. A health without a date counts as of `undated_on`; facts given beside
    the files complete them.
    """
    documents: list[Document] = []
    problems: list[tuple[str, CanzhiError]] = []
    for file in files:
        name = Message("command.standard_input") if file == STANDARD_INPUT else file.name
        try:
            documents.append(read_document(file))
        except CanzhiError as error:
            problems.append((name, error))
    return read_documents(documents, problems, undated_on, given)


def read_document(file: Path) -> Document:
    """Return a file, or standard input, by name and content.

    Raises
    ------
    UnreadableRecord
        If it cannot be read.
    """
    return Document(
        name=Message("command.standard_input") if file == STANDARD_INPUT else file.name, content=_bytes(file)
    )


def read_documents(
    documents: Sequence[Document],
    problems: Sequence[tuple[str, CanzhiError]] = (),
    undated_on: date | None = None,
    given: GivenFacts | None = None,
) -> tuple[Traces, list[tuple[str, CanzhiError]]]:
    """Return the packs in documents, and all problems including the given ones."""
    problems = list(problems)
    if not documents:
        return Traces(histories=(), notes=()), problems
    try:
        traces = read_trace(list(documents), undated_on=undated_on, given=given)
    except CanzhiError as error:
        where = documents[0].name if len(documents) == 1 else Message("command.the_files")
        return Traces(histories=(), notes=()), [*problems, (where, error)]
    return traces, [*problems, *((problem.where, problem.error) for problem in traces.problems)]


def chunks(traces: Traces, size: int) -> Iterator[Traces]:
    """Yield the packs in parts of a fixed size."""
    for start in range(0, traces.packs, size):
        yield traces.part(slice(start, start + size))


def _bytes(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as reason:
        raise UnreadableRecord("setting.file_unreadable", reason=reason.strerror) from reason
