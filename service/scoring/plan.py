"""How a job is cut into parts: by the codes where both files stand in their order, else by a hash of the code.

The parts follow from the files alone, so any number of processes, and a job taken up again, makes the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from service.scoring.source import Source
from service.scoring.spool import BATCH_ROWS, Spooled, rows_up_to

EVENTS_A_PART = 1_048_576
PACKS_A_PART = 32_768
MOST_SHARES = 512
EVENTS_A_SHARE = 262_144
PORTIONS = 8
"""Into how many portions the events are cut that are dealt out at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One stretch of the packs in order, with the row groups that hold events of their codes.

    `low` is the last code before it, `high` its own last code; None where it is open on that side.
    """

    start: int
    stop: int
    low: str | None
    high: str | None
    groups: tuple[int, ...]


def plan_in_order(staged: Spooled, path: Path, packs: Source, events: Source | None) -> list[Part] | None:
    """Return the parts of files that stand in the order of the codes, as far as the files state; None if they do not.

    That the events of a row group stand in order too is seen when they are read.
    """
    spans = [] if events is None else events.spans()
    if not staged.in_order or spans is None:
        return None
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        return None
    ends = _ends(staged, spans, 0 if events is None else events.rows)
    for _ in range(2):  # once by the events, and again where packs without events pile up
        stops = rows_up_to(path, packs.codes, ends)
        edges: list[tuple[int, str | None]] = [(0, None), *zip(stops, ends, strict=True), (packs.rows, None)]
        ends = _with_piles_cut(staged, edges)
    parts = []
    for (start, low), (stop, high) in pairwise(edges):
        groups = tuple(
            place
            for place, (first, last) in enumerate(spans)
            if (low is None or last > low) and (high is None or first <= high)
        )
        parts.append(Part(start=start, stop=stop, low=low, high=high, groups=groups))
    return parts


def _ends(staged: Spooled, spans: list[tuple[str, str]], events: int) -> list[str]:
    """Return the codes with which parts end: where enough row groups of the events end."""
    step = max(1, round(EVENTS_A_PART * len(spans) / max(events, 1)))
    newest = max([*staged.marks[-1:], *(last for _, last in spans[-1:])], default="")
    return sorted({last for _, last in spans[step - 1 :: step]} - {newest})


def _with_piles_cut(staged: Spooled, edges: list[tuple[int, str | None]]) -> list[str]:
    """Return the codes with which parts end, more of them where a part holds too many packs."""
    ends = [code for _, code in edges if code is not None]
    every = PACKS_A_PART // BATCH_ROWS
    for (start, _), (stop, _) in pairwise(edges):
        if stop - start > 2 * PACKS_A_PART:
            ends.extend(staged.marks[start // BATCH_ROWS + 1 : stop // BATCH_ROWS - 1 : every])
    return sorted(set(ends))


def shares_of(packs: Source, events: Source | None) -> int:
    """Return into how many shares packs and events are dealt where they stand in no order."""
    wanted = max((0 if events is None else events.rows) // EVENTS_A_SHARE, packs.rows // PACKS_A_PART)
    return min(max(wanted + 1, 1), MOST_SHARES)


def portions_of(events: Source | None) -> list[tuple[int, ...]]:
    """Return which row groups of the events each process deals out at a time."""
    groups = 0 if events is None else events.groups
    size = max(1, -(-groups // PORTIONS))
    return [tuple(range(start, min(start + size, groups))) for start in range(0, groups, size)]
