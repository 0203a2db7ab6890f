"""Photos of labels: QR and Data Matrix codes are read, addresses are not opened, decompression bombs are refused."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import date

import pytest
from PIL import Image

from service.web.label_photo import is_photo, read_codes
from service.web.page_refusal import PageRefusal

CODE = "001PB0A0000001A680000123"
SECOND_CODE = "T01PB0A0000002B3A0000456"
DAY = date(2026, 11, 20)


@pytest.mark.parametrize("kind", ["QRCode", "DataMatrix"])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_label_is_read(symbol, kind, file_format):
    photo = symbol(CODE, kind=kind, file_format=file_format)
    assert is_photo(photo)
    assert read_codes("label", photo, DAY) == (CODE,)


def test_a_code_inside_an_address_is_read_and_the_address_is_not_followed(symbol):
    assert read_codes("label", symbol(f"https://trace.example/b?c={CODE}&v=1"), DAY) == (CODE,)


def test_two_labels_give_two_codes(symbol):
    assert set(read_codes("label", symbol(CODE, SECOND_CODE, turn=0.0), DAY)) == {CODE, SECOND_CODE}


def test_a_text_that_is_no_code_is_handed_on_for_the_core_to_refuse(symbol):
    assert read_codes("label", symbol("GB12345-OLD"), DAY) == ("GB12345-OLD",)


def test_a_photo_without_a_symbol_is_reported():
    empty = io.BytesIO()
    Image.new("RGB", (300, 300), "white").save(empty, "PNG")
    with pytest.raises(PageRefusal) as caught:
        read_codes("label.png", empty.getvalue(), DAY)
    assert caught.value.key == "photo.empty"


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" + b"\x00" * 50, b"RIFF\x00\x00\x00\x00WEBP"]
)
def test_a_broken_photo_is_reported(content):
    with pytest.raises(PageRefusal) as caught:
        read_codes("label.png", content, DAY)
    assert caught.value.key == "photo.unreadable"


def test_a_photo_that_claims_too_many_pixels_is_not_unpacked():
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\x00" * 1000))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(PageRefusal) as caught:
        read_codes("label.png", bomb, DAY)
    assert caught.value.key == "photo.large"
