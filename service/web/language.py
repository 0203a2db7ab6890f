"""Chooses the language of a reader: by query, cookie, or Accept-Language header."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from valuation.messages import Language

COOKIE: Final = "canzhi_language"
COOKIE_AGE_S: Final = 31_536_000
DEFAULT: Final[Language] = "en"


def choose_language(request: Request) -> Language:
    """Return the language from `?lang=`, else the cookie, else the Accept-Language header."""
    for wish in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        known = known_language(wish)
        if known is not None:
            return known
    return preferred(request.headers.get("accept-language", ""))


def known_language(wish: str | None) -> Language | None:
    """Return the language of a tag, None if it is not supported.

    >>> known_language("zh-CN"), known_language("EN"), known_language("fr")
    ('zh', 'en', None)
    """
    match (wish or "").strip().lower().partition("-")[0]:
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
    best, best_weight = DEFAULT, 0.0
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
