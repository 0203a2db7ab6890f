"""Bytes decoded to text and JSON: encodings recognised by their byte-order marks, sizes and nesting limited."""

from __future__ import annotations

import codecs
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from valuation.errors import UnreadableRecord
from valuation.messages import Message, shown_value

MOST_LEVELS = 200
"""Deepest nesting of lists and objects, well below the limit of every supported Python."""

_NAME_END = re.compile(rb'"\s*:')
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that is read: bytes per source, records per source, events per pack."""

    source_bytes: int = 256_000_000
    records: int = 200_000
    events: int = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The bytes of one source and its name in messages."""

    name: str
    content: bytes


def open_document(source: str | os.PathLike[str], limits: Limits) -> Document:
    """Return the bytes of a file.

    Raises
    ------
    UnreadableRecord
        When the file does not exist, cannot be read, or is larger than the limit.
    """
    path = Path(source)
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= limits.source_bytes else b""
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableRecord("file.cannot_be_read", name=path.name or path, reason=reason) from error
    check_size(path.name, size, limits)
    return Document(name=path.name, content=content)


def check_size(name: str, size: int, limits: Limits) -> None:
    """Raise if a source is larger than the limit."""
    if size > limits.source_bytes:
        raise UnreadableRecord("file.too_large", name=name, value=size, most=limits.source_bytes)


def decode_text(document: Document, *, chinese: bool = False) -> str:
    """Return the text of a source: UTF-8 with or without mark, UTF-16 with mark, optionally GB18030.

    >>> decode_text(Document(name="x", content="电池".encode("utf-16")))
    '电池'
    """
    encodings = [encoding for mark, encoding in _MARKS if document.content.startswith(mark)] or ["utf-8"]
    if chinese and encodings == ["utf-8"]:
        encodings.append("gb18030")
    for encoding in encodings:
        try:
            return document.content.decode(encoding)
        except UnicodeDecodeError:
            continue
    unknown = "file.not_utf8_or_gb18030" if chinese else "file.not_utf8_or_utf16"
    raise UnreadableRecord(unknown, hint="file.save_as_utf8", name=document.name)


def decode_json(document: Document) -> object:
    """Return the JSON value of a source; NaN, infinities and numbers out of the range of a float are refused."""
    return decode_json_bytes(decode_text(document).encode(), document.name)


def split_lines(text: str, name: str) -> Iterator[Document]:
    """Yield each line that is not empty as a document named after its place."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield Document(name=Message("file.line", name=name, number=number), content=line.encode())


def json_lines(text: str, name: str) -> Iterator[tuple[str, object | UnreadableRecord]]:
    """Yield the place and the JSON value of each line, or why the line could not be read; empty lines are skipped."""
    for line in split_lines(text, name):
        try:
            yield line.name, decode_json_bytes(line.content, line.name)
        except UnreadableRecord as error:
            yield line.name, error


def refuse_too_deep(content: bytes, name: str) -> None:
    """Refuse a JSON text that is nested too deep, independent of the recursion limit of the interpreter.

    Each step removes the innermost brackets, so the number of steps is the number of levels. Brackets that do not match
    are reported by the decoder.

    Raises
    ------
    UnreadableRecord
        Naming the number of levels that are read.

    >>> refuse_too_deep(b'{"a": [[1], "[[", 2]}' * 300, "record")
    >>> refuse_too_deep(b"[" * 201 + b"]" * 201, "record")
    Traceback (most recent call last):
    ...
    valuation.errors.UnreadableRecord: record is nested too deep: more than 200 levels
    """
    if content.count(b"[") + content.count(b"{") <= MOST_LEVELS:
        return
    plain = _ESCAPE.sub(b"", content) if b"\\" in content else content
    outside_texts = plain.translate(None, _NO_STRUCTURE).split(b'"')[::2]
    brackets = b"".join(outside_texts).translate(_BRACKETS)
    for _ in range(MOST_LEVELS):
        fewer = brackets.replace(b"[]", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    if b"[]" in brackets or brackets.count(b"[") > MOST_LEVELS:
        raise _too_deep(name)


def _too_deep(name: str) -> UnreadableRecord:
    return UnreadableRecord("file.nested_too_deep", name=name, most=MOST_LEVELS)


def refuse_repeated(content: bytes, whole: Sequence[str] = ()) -> None:
    """Raise if a JSON object gives one of its names twice: neither of two values may be dropped silently.

    Parameters
    ----------
    content
        A JSON object.
    whole
        Its fields that no other function checks, so that they are checked here too.

    Raises
    ------
    UnreadableRecord
        Naming the field.

    >>> refuse_repeated(b'{"level": 0.8, "level": 0.9}')
    Traceback (most recent call last):
    ...
    valuation.errors.UnreadableRecord: the field 'level' is given twice
    """
    fields = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    parts = [bytes(one) for one in fields.values()]
    if content.count(b":") != len(fields) + sum([part.count(b":") for part in parts]):
        _find_repeated(content)  # the dropped field had a colon too
    for name in whole:
        if name in fields:
            decode_json_bytes(bytes(fields[name]), name)


def decode_json_bytes(content: bytes, name: str) -> object:
    """Return the JSON value of UTF-8 bytes."""
    refuse_too_deep(content, name)
    try:
        value = msgspec.json.decode(content)
        if most_names(content) != _names_in(value):
            _find_repeated(content)
    except RecursionError as error:
        raise _too_deep(name) from error  # the caller's stack is nearly exhausted
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableRecord("file.not_json", name=name, reason=str(error)[:120]) from error
    return value


def most_names(content: bytes) -> int:
    """Return an upper bound on the names in a JSON text: quotes before a colon, inside texts too.

    >>> most_names(b'{"a": 1, "b" : ":"}')
    3
    """
    names = content.count(b'":')  # much faster than the expression, and equal if there is no blank before a colon
    if names == content.count(b":") or not any(blank in content for blank in (b" :", b"\n:", b"\t:", b"\r:")):
        return names
    return len(_NAME_END.findall(content))


def _names_in(value: object) -> int:
    """Return the number of names in a JSON value; a JSON text with more names repeats one."""
    names, open_ = 0, [value]
    while open_:
        one = open_.pop()
        if isinstance(one, dict):
            names += len(one)
            one = one.values()
        elif not isinstance(one, list):
            continue
        open_ += [inner for inner in one if type(inner) is dict or type(inner) is list]
    return names


def _find_repeated(content: bytes) -> None:
    """Raise if an object in a JSON text repeats a name; numbers stay text, because they may have any length."""
    json.loads(content, object_pairs_hook=_refuse_repeated, parse_int=str)


def _refuse_repeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object without repeated names; neither of two values may be dropped silently."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        repeated = next(name for name, times in Counter(names).items() if times > 1)
        raise UnreadableRecord("file.field_given_twice", name=shown_value(repeated))
    return dict(pairs)
