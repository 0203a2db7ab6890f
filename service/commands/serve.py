"""`canzhi serve`: serve the HTTP API and the web page."""

from __future__ import annotations

import click

from service.server import serve_http


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: CANZHI_HOST, else 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on.  [default: CANZHI_PORT, else 8000]")
@click.option("--workers", type=click.IntRange(1, 256), help="Server processes.  [default: CANZHI_WORKERS, else 1]")
def serve(*, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the HTTP API and the web page (服务)."""
    serve_http(host=host, port=port, workers=workers)
