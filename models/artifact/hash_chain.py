"""A chain of hashes (哈希链): each entry holds the hash of the one before it, so that a change shows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Link(NamedTuple):
    """One entry: its number, the hash it gives for the one before, its own hash, and the hash of its content."""

    number: int
    previous: str
    stated: str
    expected: str


def broken_links(links: Iterable[Link], beginning: str) -> Iterator[int]:
    """Yield the number of each entry that was changed, or that does not follow the one before it.

    >>> list(broken_links([Link(1, "start", "a", "a"), Link(2, "a", "b", "c"), Link(4, "b", "d", "d")], "start"))
    [2, 4]
    """
    before, previous = 0, beginning
    for link in links:
        if link.number != before + 1 or link.previous != previous or link.stated != link.expected:
            yield link.number
        before, previous = link.number, link.stated


def digest(content: bytes) -> str:
    """Return the SHA-256 hash of some bytes, by which they are named.

    >>> digest(b"")[:15]
    'sha256:e3b0c442'
    """
    return "sha256:" + hashlib.sha256(content).hexdigest()
