"""Files of packs as the command line and the page take them: any format, any number."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from valuation.errors import CanzhiError, UnreadableRecord
from valuation.ingest import Document, Traces, read_trace

STANDARD_INPUT = Path("-")


def read_files(files: Sequence[Path]) -> tuple[Traces, list[tuple[str, CanzhiError]]]:
    """Return the packs in all files, and what could not be read, each with its place.

    The files are read together: a table of events is joined to the table of packs beside it, the documents of one
    passport to one battery, and two packs with one code are refused.
    """
    documents: list[Document] = []
    problems: list[tuple[str, CanzhiError]] = []
    for file in files:
        name = "standard input" if file == STANDARD_INPUT else file.name
        try:
            documents.append(Document(name=name, content=_bytes(file)))
        except CanzhiError as error:
            problems.append((name, error))
    return read_documents(documents, problems)


def read_documents(
    documents: Sequence[Document], problems: Sequence[tuple[str, CanzhiError]] = ()
) -> tuple[Traces, list[tuple[str, CanzhiError]]]:
    """Return the packs in named contents, and what could not be read added to the problems there are already."""
    said = list(problems)
    if not documents:
        return Traces(histories=(), notes=()), said
    try:
        traces = read_trace(list(documents))
    except CanzhiError as error:
        where = documents[0].name if len(documents) == 1 else "the files"
        return Traces(histories=(), notes=()), [*said, (where, error)]
    return traces, [*said, *((problem.where, problem.error) for problem in traces.problems)]


def chunks(traces: Traces, size: int) -> Iterator[Traces]:
    """Yield the packs in parts of a size."""
    for start in range(0, traces.packs, size):
        yield traces.part(slice(start, start + size))


def _bytes(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as reason:
        raise UnreadableRecord(
            f"the file cannot be read: {reason.strerror}", hint="see that it is there and that you may read it"
        ) from reason
