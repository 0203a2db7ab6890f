"""Rich tables on standard output; wide enough for whole lines if it is not a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_FILE_WIDTH = 160


def terminal() -> Console:
    """Return a rich console on standard output."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    return console


def new_table(title: str, columns: Sequence[str], *, numbers: Sequence[int] = ()) -> Table:
    """Return an empty table; the columns with indices in `numbers` are right-aligned."""
    table = Table(title=Text(title, "bold"), title_justify="left")
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place in numbers else "left", overflow="fold")
    return table
