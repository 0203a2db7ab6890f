"""Battery codes of a whole table: join key of events, hash partition, normalised spelling."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from valuation.errors import FieldError
from valuation.ingest.fields.aliases import EVENT_TABLE_SCOPE
from valuation.ingest.fields.headings import field_name
from valuation.ingest.fields.normalise_code import normalise_code
from valuation.ingest.tables.event_columns import runs_of
from valuation.numeric.columns import IntArray

UNUSUAL_CODE = r"[^0-9A-Z]|^.{25,}$"
"""Pattern of codes that may need normalisation."""
_WORD = 8
_WORDS = 8  # letters beyond the 64th do not change where a code goes
_MIX = np.uint64(0x9E3779B97F4A7C15)


def code_column(names: list[str], table: str) -> str:
    """Return the name of the column of battery codes.

    Raises
    ------
    FieldError
        If there is none.
    """
    for name in names:
        if field_name(name, EVENT_TABLE_SCOPE) == "battery_code":
            return name
    raise FieldError("fleet.no_code_column", field="battery_code", name=table)


def join_key(table: pa.Table) -> pa.Array:
    """Return the codes by which events are joined to packs: normalised, so that every spelling meets its pack.

    >>> join_key(pa.table({"battery_code": [" 001pb0a-0000001-a68-0000123", None]})).to_pylist()
    ['001PB0A0000001A680000123', None]
    """
    column = table.column(code_column(table.column_names, "the table"))
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    codes = pc.utf8_trim_whitespace(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)
    runs, lengths = runs_of(pa.chunked_array([codes]))
    unusual = pc.fill_null(pc.match_substring_regex(runs, UNUSUAL_CODE), False)  # noqa: FBT003 - Arrow's signature
    if not pc.any(unusual).as_py():
        return codes
    normal = pa.array(map(normalise_code, runs.filter(unusual).to_pylist()), type=pa.string())
    return pc.replace_with_mask(runs, unusual, normal).take(pa.array(np.repeat(np.arange(len(runs)), lengths)))


def share_of(codes: pa.Array, shares: int) -> IntArray:
    """Return the share (hash partition) of each code, equal on every machine; missing codes are in share 0.

    >>> share_of(pa.array(["001PB0A0000001A680000123", None, "001PB0A0000001A680000123"]), 7).tolist()
    [3, 0, 3]
    """
    words = _words(codes)
    mixed = np.zeros(len(words), dtype=np.uint64)
    for column in range(words.shape[1]):
        for shift in (29, 32):  # twice, so that the last letter reaches every bit
            mixed = (mixed ^ words[:, column]) * _MIX
            mixed ^= mixed >> np.uint64(shift)
    share: IntArray = (mixed % np.uint64(shares)).astype(np.int64)
    share[codes.is_null().to_numpy(zero_copy_only=False)] = 0
    return share


def normal_spellings(codes: Iterable[str]) -> dict[str, str]:
    """Return the normalised spelling of each code that is written differently.

    >>> normal_spellings(["001pb0a0000001a680000123", "T01"])
    {'001pb0a0000001a680000123': '001PB0A0000001A680000123'}
    """
    return {code: name for code in codes if (name := normalise_code(code)) is not None and name != code}


def _words(codes: pa.Array) -> NDArray[np.uint64]:
    """Return the characters of each code as integers of eight bytes, padded with zeros."""
    codes = codes.cast(pa.large_string())
    if len(codes) == 0:
        return np.zeros((0, 1), dtype=np.uint64)
    offsets = np.frombuffer(codes.buffers()[1], dtype=np.int64)[codes.offset : codes.offset + len(codes) + 1]
    content = codes.buffers()[2]
    letters = np.zeros(1, dtype=np.uint8) if content is None else np.frombuffer(content, dtype=np.uint8)
    lengths = np.minimum(offsets[1:] - offsets[:-1], _WORD * _WORDS)
    longest = int(lengths.max())
    padded = np.zeros((len(codes), max(_WORD, -(-longest // _WORD) * _WORD)), dtype=np.uint8)
    if longest == int((offsets[1:] - offsets[:-1]).min()):  # all of one length: the letters stand in rows already
        padded[:, :longest] = letters[offsets[0] : offsets[-1]].reshape(len(codes), longest)
    else:
        places = np.arange(longest)
        where = np.minimum(offsets[:-1, None] + places[None, :], len(letters) - 1)
        padded[:, :longest] = np.where(places[None, :] < lengths[:, None], letters[where], 0)
    return padded.view("<u8")
