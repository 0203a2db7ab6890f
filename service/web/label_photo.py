"""Reads battery codes from a photo of a label: QR, Data Matrix or barcode; addresses in codes are never opened."""

from __future__ import annotations

import io
import re
import warnings
from datetime import date
from typing import Final

import zxingcpp
from PIL import Image, UnidentifiedImageError

from service.web.page_refusal import PageRefusal
from valuation.battery_code.decoding import decode

FORMATS: Final = ("PNG", "JPEG", "WEBP")
MAX_PIXELS: Final = 50_000_000
"""Largest accepted image. A phone takes 12 to 50 million pixels; a small file can declare far more."""

MAX_SIDE: Final = 2600
"""Images are scaled down to this size; more pixels only cost time. [pixels]"""

_MAGIC_BYTES: Final = (b"\x89PNG\r\n", b"\xff\xd8\xff")
_CODE_PATTERN: Final = re.compile(r"[0-9A-Za-z]{24}|[0-9A-Za-z]{19}")


def is_photo(content: bytes) -> bool:
    """Return whether bytes start like an image file.

    >>> is_photo(b"RIFF0000WEBPVP8 "), is_photo(b'{"battery_code": 1}')
    (True, False)
    """
    return content.startswith(_MAGIC_BYTES) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP")


def read_codes(file: str, content: bytes, on: date) -> tuple[str, ...]:
    """Return the battery codes in a photo: the valid ones, else all texts.

    Raises
    ------
    PageRefusal
        If the photo cannot be opened, is too large, or contains no code.
    """
    texts = [found.text.strip() for found in zxingcpp.read_barcodes(_open(file, content)) if found.text.strip()]
    if not texts:
        raise PageRefusal("photo.empty", file=file)
    valid = dict.fromkeys(code for text in texts for code in _valid_codes(text, on))
    return tuple(valid) or tuple(dict.fromkeys(text[:64] for text in texts))


def _valid_codes(text: str, on: date) -> list[str]:
    """Return the valid battery codes in a scanned text, such as an address that contains one."""
    candidates = [text, *_CODE_PATTERN.findall(text)] if len(text) <= 2000 else []
    return [read.code for read in (decode(one, on) for one in candidates) if read.valid]


def _open(file: str, content: bytes) -> Image.Image:
    """Return the image in grey; its size is checked before it is decompressed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about large images; they are refused below
            picture = Image.open(io.BytesIO(content), formats=FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            raise PageRefusal("photo.large", file=file)
        picture.draft("L", (MAX_SIDE, MAX_SIDE))
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        return _on_white(picture).convert("L")
    except Image.DecompressionBombError as reason:
        raise PageRefusal("photo.large", file=file) from reason
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as reason:
        raise PageRefusal("photo.unreadable", file=file) from reason


def _on_white(picture: Image.Image) -> Image.Image:
    """Return the image on a white background, without transparency."""
    if "transparency" not in picture.info and picture.mode not in ("RGBA", "LA", "PA"):
        return picture

    layered = picture.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered)
