"""Starts the HTTP service (服务启动): the process that is called, and the processes that serve."""

from service.server.start import serve_http

__all__ = ["serve_http"]
