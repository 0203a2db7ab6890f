"""The life-cycle status in a text (生命周期状态): a word of a passport, a column of a yard's table."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WORDS: Final[tuple[tuple[str, str], ...]] = (
    (r"recycled|再生利用", "recycled"),
    (r"waste|scrapped|discarded|disposed|end[ _-]?of[ _-]?life|\beol\b|废", "waste"),
    (r"repurpos|re-purpos|second[ _-]?(life|use)|梯次", "repurposed"),
    (r"remanufact|re-manufact|refurbish|repair|再制造|翻新", "remanufactured"),
    (r"re-?used?\b", "reused"),
    (r"original|first[ _-]?(life|use)", "original"),
)
_DENIED: Final = re.compile(r"\b(not|no|never|un)\b|未|非|不")
_INTENDED: Final = re.compile(r"\b(to be|will be|for|being|awaiting|pending)\b|待|拟|将|可")
"""Words of a step that is not done: a pack to be recycled is waste, not recycled."""


@lru_cache(maxsize=1024)
def status_named(spelled: str) -> str | None:
    """Return the life-cycle status in a text, None if it names none or several, or negates one.

    >>> status_named("Repurposed"), status_named("first life/ waste"), status_named("not waste")
    ('repurposed', None, None)
    >>> status_named("waste, to be recycled"), status_named("待再生利用"), status_named("secondLife")
    ('waste', 'waste', 'repurposed')
    """
    text = spelled.casefold()
    if _DENIED.search(text):
        return None
    named = {name for words, name in _WORDS if re.search(words, text)}
    if _INTENDED.search(text):
        named = {"waste"} if named <= {"recycled", "waste"} and named else set()
    return named.pop() if len(named) == 1 else None
