"""An opened table (已打开的表格): its columns, and facts stated around it in the file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final

from valuation.errors import FieldError, UnreadableRecord
from valuation.ingest.fields.days import read_day
from valuation.ingest.fields.headings import is_field_heading, recognised
from valuation.ingest.notes import RecordProblem
from valuation.messages import Message
from valuation.numeric.columns import BoolArray, IntArray

if TYPE_CHECKING:
    import pyarrow as pa

HEADING_WITHIN: Final = 30
"""Number of first rows among which the heading row is searched."""

_TOTALS: Final = frozenset({"合计", "总计", "小计", "total", "totals", "sum", "grandtotal", "subtotal"})
_STATED_DAY: Final = re.compile(
    r"(?:导出|截至|截止|统计|数据|export(?:ed)?|as\s+of)\D{0,16}?(\d{4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTable:
    """An opened table with facts stated around it in the file.

    Attributes
    ----------
    name : name of the file, and of the sheet if there are several.
    table : the columns; in a table of texts, an empty cell is null.
    from_text : whether all its cells are texts.
    row : number of each row as a spreadsheet shows it.
    broken : the rows that were left out because they have too many cells, each with the number of its cells.
    blank : how many empty rows were left out.
    stated_day : day of export stated above the headings.
    """

    name: str
    table: pa.Table
    from_text: bool
    row: IntArray
    broken: tuple[tuple[int, int], ...] = ()
    blank: int = 0
    stated_day: date | None = None

    @property
    def problems(self) -> tuple[RecordProblem, ...]:
        """Why rows were left out."""
        return tuple(
            RecordProblem(
                where=Message("file.row", name=self.name, number=row),
                battery_code=None,
                error=UnreadableRecord("table.cells", cells=cells, wanted=len(self.table.column_names)),
            )
            for row, cells in self.broken
        )

    def rows_where(self, keep: BoolArray) -> OpenTable:
        """Return the table with only some of its rows."""
        import pyarrow as pa  # noqa: PLC0415 - slow to load; records are read without Arrow

        return self if keep.all() else replace(self, table=self.table.filter(pa.array(keep)), row=self.row[keep])


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The first rows of a sheet as texts, from which its heading row is found."""

    name: str
    heads: Sequence[Sequence[str]]

    def heading_row(self, scope: tuple[str, ...]) -> tuple[int, int]:
        """Return the number of known headings in the heading row, and its index."""
        scores = [0]
        for row in self.heads:
            scores.append(recognised(row, scope))
            if 2 * scores[-1] > max(2, sum(cell.strip() != "" for cell in row)):
                break  # a title or a row of data has fewer
        return max(scores), max(0, scores.index(max(scores)) - 1)

    def headings(self, start: int, scope: tuple[str, ...]) -> list[str]:
        """Return the headings of a row; where the row above gives them a known name, they are completed by it.

        >>> heads = [["编码", "剩余", ""], ["", "容量(Ah)", "备注"]]
        >>> Grid(name="x", heads=heads).headings(1, ("battery_code", "remaining_capacity_ah"))
        ['编码', '剩余容量(Ah)', '备注']
        """
        names = [one_line(cell) for cell in self.heads[start]]
        group = ""
        for place, cell in enumerate(self.heads[start - 1][: len(names)] if start else ()):
            group = one_line(cell) or group  # the cells of a merged heading are empty behind the first
            both = group + names[place] if names[place] else one_line(cell)
            if group and is_field_heading(both, scope):
                names[place] = both
        return names

    def stated_day(self, start: int) -> date | None:
        """Return the day of export stated above the headings."""
        found = _STATED_DAY.search(" ".join(cell for row in self.heads[:start] for cell in row))
        try:
            return None if found is None else read_day(found[1], "the day of export")
        except FieldError:
            return None


def is_total(cell: object) -> bool:
    """Return whether the first cell marks a row of totals.

    >>> is_total("合 计"), is_total("T01PB0A0000001A680000123")
    (True, False)
    """
    return isinstance(cell, str) and "".join(cell.split()).casefold() in _TOTALS


def one_line(text: str) -> str:
    """Return a heading on one line."""
    return re.sub(r"\s+", " ", text.replace("\ufeff", "")).strip()


def column_names(opened: OpenTable) -> list[str]:
    """Return the column names, which must be unique.

    Raises
    ------
    FieldError
        When two columns have the same name.
    """
    names = [str(name) for name in opened.table.column_names]
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise FieldError("table.column_twice", field=repeated[0], name=opened.name, column=repeated[0])
    return names
