"""Generate battery codes under GB/T 34014-2017 (动力电池编码), vehicle and enterprise numbers; all are invented."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from valuation.numeric.columns import IntArray

TextArray = NDArray[np.bytes_]

# Year and day letters: 1-9, then letters without I, O, Q, U, Z; day 31 is 0 (GB/T 34014-2017).
_LETTERS = np.frombuffer(b"0123456789ABCDEFGHJKLMNPRSTVWXY", dtype=np.uint8)
_DIGITS = np.frombuffer(b"0123456789", dtype=np.uint8)
_ALPHANUMERIC = np.frombuffer(b"0123456789ABCDEFGHJKLMNPQRTUWXY", dtype=np.uint8)  # GB 32100: without I, O, S, V, Z
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
                       strict=True))  # fmt: skip


def date_letters(days: IntArray) -> TextArray:
    """Return the three date characters of a battery code for days since 1970-01-01.

    >>> date_letters(np.array([18421, 17896])).tolist()  # 2020-06-08 and 2018-12-31
    [b'A68', b'8C0']
    """
    day = days.astype("datetime64[D]")
    year = day.astype("datetime64[Y]").astype(np.int64) + 1970
    month = day.astype("datetime64[M]").astype(np.int64) % 12 + 1
    in_month = (day - day.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    return join(_LETTERS[year - 2010][:, None], _LETTERS[month][:, None], _LETTERS[in_month % 31][:, None])


def digits(numbers: IntArray, width: int) -> TextArray:
    """Return numbers with leading zeros, cut to the last ``width`` digits.

    >>> digits(np.array([42]), 7).tolist()
    [b'0000042']
    """
    powers = 10 ** np.arange(width - 1, -1, -1)
    return join(_DIGITS[(numbers[:, None] // powers) % 10])


def join(*parts: NDArray[np.generic]) -> TextArray:
    """Join columns of text, or matrices of characters, side by side.

    >>> join(np.array([b"AB", b"CD"]), np.array([b"1", b"2"])).tolist()
    [b'AB1', b'CD2']
    """
    matrices = [part if part.dtype == np.uint8 else _characters(part) for part in parts]
    whole = np.ascontiguousarray(np.concatenate(matrices, axis=1))
    return whole.view(f"S{whole.shape[1]}").ravel()


def _characters(text: NDArray[np.generic]) -> NDArray[np.uint8]:
    column = np.ascontiguousarray(text)
    return column.view(np.uint8).reshape(len(column), column.dtype.itemsize)


def vehicle_numbers(serial: IntArray, year_letters: TextArray) -> TextArray:
    """Return invented vehicle identification numbers with a right check character (车辆识别代号, 17 characters).

    >>> vehicle_numbers(np.array([7]), np.array([b"A"])).tolist()
    [b'LX0SYN004AS000007']
    """
    rows = len(serial)
    plant = np.full(rows, b"S", dtype="S1")
    head = np.full(rows, b"LX0SYN00", dtype="S8")
    blank = join(head, np.full(rows, b"0", dtype="S1"), year_letters, plant, digits(serial, 6))
    values = np.array([_VIN_VALUES.get(chr(c), c - 48 if 48 <= c < 58 else 0) for c in range(128)])
    checks = (values[_characters(blank)] * np.array(_VIN_WEIGHTS)).sum(axis=1) % 11
    letter = np.frombuffer(b"0123456789X", dtype=np.uint8)[checks]
    return join(head, letter[:, None], year_letters, plant, digits(serial, 6))


def enterprise_number(serial: int) -> str:
    """Return an invented unified social credit code with right check characters (统一社会信用代码, 18 characters).

    The region part is 000000, which no real enterprise carries.

    >>> enterprise_number(1)
    '91000000MA00000157'
    """
    organisation = f"MA{serial:06d}"
    values = [int(c) if c.isdigit() else ord(c) - 55 for c in organisation]
    rest = 11 - sum(v * w for v, w in zip(values, _ORGANISATION_WEIGHTS, strict=True)) % 11
    body = "91000000" + organisation + {10: "X", 11: "0"}.get(rest, str(rest))
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    weighted = sum(alphabet.index(c) * pow(3, position, 31) for position, c in enumerate(body))
    return body + alphabet[(31 - weighted % 31) % 31]
