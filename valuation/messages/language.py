"""Which language a reader asks for: by a tag, a locale or an Accept-Language header."""

from __future__ import annotations

import re

from valuation.messages import Language


def known_language(wish: str | None) -> Language | None:
    """Return the language of a tag, None if it is not supported.

    >>> known_language("zh-CN"), known_language("EN"), known_language("fr")
    ('zh', 'en', None)
    """
    match re.split("[-_.]", (wish or "").strip().lower())[0]:
        case "zh":
            return "zh"
        case "en":
            return "en"
        case _:
            return None


def preferred(accepted: str) -> Language:
    """Return the supported language with the highest weight in an Accept-Language header.

    >>> preferred("fr-FR,zh-CN;q=0.8,en;q=0.5"), preferred(""), preferred("en;q=0, zh;q=0.1")
    ('zh', 'en', 'zh')
    """
    best: Language = "en"
    best_weight = 0.0
    for item in accepted[:500].split(","):
        tag, _, quality = item.partition(";q=")
        language = known_language(tag)
        try:
            weight = float(quality or "1")
        except ValueError:
            weight = 0.0
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best
