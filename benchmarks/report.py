"""Format Markdown tables, and replace the generated sections of documentation pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path


def table_of(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def replace_section(page: Path, name: str, text: str) -> None:
    """Replace the text between the markers of one section of a page.

    Raises
    ------
    ValueError
        If the page has no such section.
    """
    start, end = f"<!-- {name}: written by its benchmark -->", f"<!-- end of {name} -->"
    content = page.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(content):
        raise ValueError(f"{page} has no section {name}")
    page.write_text(pattern.sub(lambda _: f"{start}\n\n{text}\n\n{end}", content), encoding="utf-8")
