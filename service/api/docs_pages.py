"""The pages `/docs` (Swagger UI) and `/redoc` (Redoc), without requests to other hosts.

Scripts and styles come from the package fastapi-offline. The Content-Security-Policy of these pages allows scripts by a
nonce per response.
"""

from __future__ import annotations

import secrets
from functools import cache
from importlib.resources import files
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

DESCRIPTION: Final = "/openapi.json"
_ASSETS: Final = "/docs/assets/"
_FILES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
}
_ICON: Final = "/static/canzhi.svg"
_LOGO_ELSEWHERE: Final = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
"""The only image that Redoc loads from another host; it is replaced by the icon of this service."""

_POLICY: Final = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Both viewers insert styles into the page, and Redoc searches in a web worker; other scripts are blocked."""

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>canzhi: {viewer}</title>
<link rel="icon" href="{icon}">
{style}
</head>
<body>
<div id="viewer"></div>
<script nonce="{nonce}" src="{script}"></script>
<script nonce="{nonce}">{start}</script>
</body>
</html>
"""
_SWAGGER_UI: Final = (
    'SwaggerUIBundle({url: "%s", dom_id: "#viewer", deepLinking: true, validatorUrl: null, docExpansion: "list"});'
)
_REDOC: Final = 'Redoc.init("%s", {}, document.getElementById("viewer"));'


async def _docs(_request: Request) -> Response:
    style = f'<link rel="stylesheet" href="{_ASSETS}swagger-ui.css">'
    return _page("Swagger UI", "swagger-ui-bundle.js", _SWAGGER_UI % DESCRIPTION, style)


async def _redoc(_request: Request) -> Response:
    return _page("Redoc", "redoc.standalone.js", _REDOC % DESCRIPTION, "<style>body { margin: 0 }</style>")


def _page(viewer: str, script: str, start: str, style: str) -> Response:
    """Return the page of one viewer with its security headers."""
    nonce = secrets.token_urlsafe(16)
    content = _PAGE.format(viewer=viewer, icon=_ICON, style=style, nonce=nonce, script=_ASSETS + script, start=start)
    headers = {
        "content-security-policy": _POLICY.format(nonce=nonce),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
    return HTMLResponse(content, headers=headers)


async def _asset(request: Request) -> Response:
    """Return a static file of the viewers.

    Raises
    ------
    HTTPException
        With status 404 for an unknown file.
    """
    name = request.path_params["name"]
    if name not in _FILES:
        raise HTTPException(404)
    headers = {"x-content-type-options": "nosniff", "cache-control": "private, max-age=86400"}
    return Response(_content(name), media_type=_FILES[name], headers=headers)


@cache
def _content(name: str) -> bytes:
    """Return a file of fastapi-offline, read on first use."""
    content = files("fastapi_offline").joinpath("static", name).read_bytes()
    return content.replace(_LOGO_ELSEWHERE, _ICON.encode())


ROUTES: Final = (
    Route("/docs", _docs, include_in_schema=False),
    Route("/redoc", _redoc, include_in_schema=False),
    Route(f"{_ASSETS}{{name}}", _asset, include_in_schema=False),
)
