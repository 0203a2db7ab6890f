"""Serialisation of frozen dataclasses as one JSON document and one archive of arrays: data without code.

The caller names the class to read, and its type hints determine the rest; the files name no class, module or function.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from valuation.errors import BundleMismatch

Plain = dict[str, Any] | list[Any] | str | int | float | bool | None
State = TypeVar("State")
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_ARRAY = "array"


def dump_state(state: object) -> tuple[bytes, bytes]:
    """Return the state as canonical JSON and an archive of its arrays, both as bytes.

    The same state gives the same bytes on every machine.
    """
    arrays: dict[str, NDArray[Any]] = {}
    document = _to_plain(state, "state", arrays)
    return canonical(document), _archive(arrays)


def load_state(kind: type[State], document: bytes, archive: bytes) -> State:
    """Return the state of the given class.

    Raises
    ------
    BundleMismatch
        The files hold other fields or other types of values.

    """
    try:
        plain = json.loads(document)
        with np.load(io.BytesIO(archive), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        state = _from_plain(plain, kind, arrays)
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise BundleMismatch("model.state_form", reason=str(error)) from error
    if not isinstance(state, kind):
        raise BundleMismatch("model.state_type", kind=kind.__name__)
    return state


def canonical(document: object) -> bytes:
    """Return canonical JSON: keys sorted, no spaces, no NaN.

    >>> canonical({"b": 1.5, "a": "残值"}).decode()
    '{"a":"残值","b":1.5}'
    """
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _to_plain(value: object, path: str, arrays: dict[str, NDArray[Any]]) -> Plain:
    if is_dataclass(value):
        return {
            field.name: _to_plain(getattr(value, field.name), f"{path}.{field.name}", arrays) for field in fields(value)
        }
    if isinstance(value, np.ndarray):
        arrays[path] = np.ascontiguousarray(value)
        return {_ARRAY: path}
    if isinstance(value, tuple):
        return [_to_plain(item, f"{path}.{position}", arrays) for position, item in enumerate(value)]
    if isinstance(value, bool) or value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value.hex()  # exact, and spells NaN too
    raise TypeError(f"{path} holds {type(value).__name__}, which is no plain data")


def _from_plain(plain: Any, kind: Any, arrays: dict[str, NDArray[Any]]) -> Any:  # noqa: ANN401 - follows a type hint
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]  # a class, which is hashable
        names = [field.name for field in fields(kind)]
        if sorted(plain) != sorted(names):
            raise ValueError(f"{kind} has the fields {names}, the file {sorted(plain)}")
        return kind(**{name: _from_plain(plain[name], hints[name], arrays) for name in names})  # type: ignore[operator]
    if get_origin(kind) is np.ndarray:
        array = arrays[plain[_ARRAY]]
        wanted = np.dtype(get_args(get_args(kind)[1])[0])
        if array.dtype != wanted:
            raise ValueError(f"{plain[_ARRAY]} holds {array.dtype}, not {wanted}")
        return array
    if get_origin(kind) is tuple:
        return tuple(_from_plain(item, get_args(kind)[0], arrays) for item in plain)
    if kind is float:
        return float.fromhex(plain)
    if type(plain) is not kind:
        raise ValueError(f"{plain!r} is no {kind.__name__}")
    return plain


@cache
def _hints(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    """Return the types of the fields of a dataclass, cached."""
    return get_type_hints(kind)


def _archive(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Return an .npz archive whose bytes depend on the arrays alone."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, arrays[name], version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _FIXED_DATE), entry.getvalue())
    return target.getvalue()
