"""Tables on a person's terminal; into a file they are wide enough for a whole line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH_OF_A_FILE = 160


def terminal() -> Console:
    """Return standard output as rich writes it."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
    return console


def new_table(title: str, columns: Sequence[str], *, numbers: Sequence[int] = ()) -> Table:
    """Return an empty table; the columns whose places are in `numbers` are aligned to the right."""
    table = Table(title=Text(title, "bold"), title_justify="left")
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place in numbers else "left", overflow="fold")
    return table
