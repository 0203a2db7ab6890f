"""Renders templates as HTML pages with restrictive security headers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from service.web.formatting import Formatter
from service.web.language import COOKIE, COOKIE_AGE_S, choose_language
from valuation.messages import LANGUAGES
from valuation.messages.language import known_language
from valuation.version import __version__

POLICY: Final = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
"""Only files of this service; no inline scripts or styles, no framing."""

HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # With `no-referrer` browsers send the form with origin "null", which the admission refuses.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
    "vary": "accept-language, cookie",
}


@cache
def templates() -> Environment:
    """Return the Jinja environment with automatic escaping."""
    environment = Environment(
        loader=PackageLoader("service.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["version"] = __version__
    return environment


def formatter_for(request: Request) -> Formatter:
    """Return the formatter in the language of a request."""
    return Formatter(choose_language(request))


def page(request: Request, template: str, status: int = 200, **context: object) -> HTMLResponse:
    """Return a rendered page; a language in the query is stored in a cookie."""
    formatter = formatter_for(request)
    here = request.url.path
    content = (
        templates()
        .get_template(template)
        .render(
            s=formatter,
            t=formatter.say,
            other=next(one for one in LANGUAGES if one != formatter.language),
            here=here,
            posted=request.method == "POST",
            **context,
        )
    )
    response = HTMLResponse(content, status_code=status, headers={**HEADERS, "content-language": formatter.language})
    if known_language(request.query_params.get("lang")) is not None:
        response.set_cookie(COOKIE, formatter.language, max_age=COOKIE_AGE_S, samesite="lax", httponly=True)
    return response
