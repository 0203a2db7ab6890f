"""Chooses the language of a reader: by query, cookie, or Accept-Language header."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from valuation.messages import Language
from valuation.messages.language import known_language, preferred

COOKIE: Final = "canzhi_language"
COOKIE_AGE_S: Final = 31_536_000


def choose_language(request: Request) -> Language:
    """Return the language from `?lang=`, else the cookie, else the Accept-Language header."""
    for wish in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        known = known_language(wish)
        if known is not None:
            return known
    return preferred(request.headers.get("accept-language", ""))
