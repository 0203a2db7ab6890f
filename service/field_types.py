"""Request field types with bounds, shared by several requests."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Region = Annotated[str, Meta(min_length=2, max_length=16, description="Region whose quotes are preferred.")]
CodeText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1000,
        description="Battery code (GB/T 34014), or the label, QR text or cell that holds it.",
    ),
]
ShortText = Annotated[str, Meta(min_length=1, max_length=128)]
