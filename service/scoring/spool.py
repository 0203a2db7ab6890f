"""The packs laid out for random reading, and what one look at all their codes tells: order, spellings, repetitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.scoring.source import Source
from valuation.ingest.fields.normalise_code import normalise_code

BATCH_ROWS = 16_384
ODD = r"[^0-9A-Z]|^.{25,}$"
"""A code that may be another spelling of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """What is known of the packs' codes.

    Attributes
    ----------
    in_order : bool
        Whether every code is given, without blanks around it, and none stands before a smaller one.
    marks : tuple of str
        The last code of each batch of :data:`BATCH_ROWS` packs.
    repeated : frozenset of str
        Codes that several packs carry once each is in its one spelling, where the spellings differ.
    """

    in_order: bool
    marks: tuple[str, ...]
    repeated: frozenset[str]


def stage(packs: Source, target: Path) -> Spooled:
    """Write the packs as an Arrow file that can be read from any row on, and look at their codes."""
    ordered, last = True, ""
    marks: list[str] = []
    normalisation_note: list[str] = []
    schema = packs.open().schema_arrow
    with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in _even(packs.batches(BATCH_ROWS), BATCH_ROWS):
            writer.write_batch(batch)
            codes = _texts(batch.column(packs.codes))
            normalisation_note += respelled_names(
                codes.filter(_where(pc.match_substring_regex(codes, ODD))).to_pylist()
            )
            ordered = ordered and in_order(codes, last)
            if ordered and len(codes):
                last = codes[-1].as_py()
                marks.append(last)
    repeated = _repeated(target, packs.codes, normalisation_note) if normalisation_note else frozenset[str]()
    return Spooled(in_order=ordered, marks=tuple(marks), repeated=repeated)


def staged_rows(path: Path, start: int, stop: int) -> pa.Table:
    """Return packs of a staged file by their rows, mapped from the disk."""
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source)
        places = range(start // BATCH_ROWS, min(-(-stop // BATCH_ROWS), reader.num_record_batches))
        table = pa.Table.from_batches([reader.get_batch(place) for place in places], schema=reader.schema)
        return table.slice(start % BATCH_ROWS, stop - start)


def _even(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of one size, the last of what is left."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(len(one) for one in held) >= rows:
            table = pa.Table.from_batches(held).combine_chunks()
            whole = table.num_rows - table.num_rows % rows
            for start in range(0, whole, rows):
                yield from table.slice(start, rows).to_batches()
            held = table.slice(whole).to_batches()
    if held:
        yield from pa.Table.from_batches(held).combine_chunks().to_batches()


def in_order(codes: pa.Array, before: str = "") -> bool:
    """Tell whether codes are all given and stand in order after a code, bare of blanks.

    >>> in_order(pa.array(["A", "A", "B"])), in_order(pa.array(["B", "A"])), in_order(pa.array(["A "]))
    (True, False, False)
    """
    if codes.null_count:
        return False
    if len(codes) == 0:
        return True
    rising = len(codes) == 1 or pc.all(pc.less_equal(codes.slice(0, len(codes) - 1), codes.slice(1))).as_py()
    bare = pc.all(pc.equal(codes, pc.utf8_trim_whitespace(codes))).as_py()
    return bool(rising and bare and before <= codes[0].as_py() != "")


def _texts(column: pa.Array) -> pa.Array:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def respelled_names(codes: Iterable[str]) -> list[str]:
    """Return the one spelling of each code that is written in another, blanks around it aside.

    >>> respelled_names(["001pb0a0000001a680000123", "T01"])
    ['001PB0A0000001A680000123']
    """
    found = []
    for code in codes:
        name = normalise_code(code.strip())
        if name is not None and name != code.strip():
            found.append(name)
    return found


def repeated_names(normalisation_note: Iterable[str], plain: Iterable[str]) -> frozenset[str]:
    """Return the names that stand more than once, those written otherwise counted with those written so."""
    return frozenset(code for code, count in Counter([*normalisation_note, *plain]).items() if count > 1)


def _repeated(staged: Path, column: str, normalisation_note: list[str]) -> frozenset[str]:
    """Return the codes that stand more than once when those written otherwise are counted too."""
    wanted = pa.array(sorted(set(normalisation_note)), type=pa.string())
    plain: list[str] = []
    with pa.memory_map(str(staged)) as source:
        reader = pa.ipc.open_file(source)
        for place in range(reader.num_record_batches):
            codes = pc.utf8_trim_whitespace(_texts(reader.get_batch(place).column(column)))
            plain += codes.filter(_where(pc.is_in(codes, value_set=wanted))).to_pylist()
    return repeated_names(normalisation_note, plain)


def _where(mask: pa.Array) -> pa.Array:
    return pc.fill_null(mask, False)  # noqa: FBT003 - arrow's signature


def rows_up_to(path: Path, column: str, codes: list[str]) -> list[int]:
    """Return, for each of these codes in order, how many packs of a staged file in order stand up to and with it."""
    counts = np.zeros(len(codes), dtype=np.int64)
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source)
        for place in range(reader.num_record_batches):
            present = _texts(reader.get_batch(place).column(column))
            if len(present) == 0:
                continue
            first, last = present[0].as_py(), present[-1].as_py()
            for position, code in enumerate(codes):
                if code >= last:
                    counts[position] += len(present)
                elif code >= first:
                    counts[position] += pc.sum(pc.less_equal(present, code)).as_py()
    return [int(count) for count in counts]
