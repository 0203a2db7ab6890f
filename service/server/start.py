"""Starts the HTTP service: checks settings, address, store and model, then runs one or several processes."""

from __future__ import annotations

import gc
import os
import socket
from contextlib import closing
from functools import partial
from typing import Any

import uvicorn

from service.api.security import LOCAL_NAMES, read_keys
from service.server.supervisor import Supervisor
from service.settings import Settings, variable
from service.telemetry import configure_log
from service.valuation_service import ValuationService, open_valuation_service
from valuation.errors import CanzhiError, SettingError

GRACE_S = 10


def serve_http(*, host: str | None = None, port: int | None = None, workers: int | None = None) -> None:
    """Serve until a signal ends the process; the arguments override the settings.

    Raises
    ------
    SettingError
        If the address is not available, or other machines would be served without API keys.
    CanzhiError
        If store, market or model cannot be used.
    """
    for name, value in {"host": host, "port": port, "workers": workers}.items():
        if value is not None:
            os.environ[variable(name)] = str(value)  # server processes read the environment
    gc.disable()  # garbage collection while the application is made would take a tenth of the start
    try:
        _serve(Settings.from_environment())
    finally:
        gc.enable()


def _serve(settings: Settings) -> None:
    service = open_checked_service(settings)
    configure_log()
    alone = settings.workers <= 1
    options: dict[str, Any] = {
        "factory": True,
        "host": settings.host,
        "port": settings.port,
        "workers": settings.workers,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": GRACE_S,
    }
    if alone:
        from service.server.process import create_app_with  # noqa: PLC0415 - a parent of several needs no application

        with closing(service.database):
            uvicorn.run(partial(create_app_with, service), **options)
    else:
        service.database.close()  # each server process opens its own
        _run_several(uvicorn.Config("service.server.process:create_worker_app", **options))


def _run_several(config: uvicorn.Config) -> None:
    """Serve with several processes until a signal ends them.

    Raises
    ------
    CanzhiError
        If no process could start.
    """
    with closing(config.bind_socket()) as listening:
        supervisor = Supervisor(config, [listening])
        supervisor.run()
    if supervisor.gave_up:
        raise CanzhiError("setting.no_process", reason=supervisor.gave_up)


def open_checked_service(settings: Settings) -> ValuationService:
    """Check API keys and address, then return the opened service.

    Raises
    ------
    CanzhiError
        If the service cannot start.
    """
    keys = read_keys(settings.api_keys)
    if not keys and settings.host not in LOCAL_NAMES:
        raise SettingError("setting.open_to_all", field="CANZHI_API_KEYS", host=settings.host)
    _check_address_free(settings.host, settings.port)
    return open_valuation_service(settings)


def _check_address_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as reason:
            raise SettingError(
                "setting.port",
                field="CANZHI_PORT",
                value=port,
                host=host,
                port=port,
                reason=getattr(reason, "strerror", None) or reason,
            ) from reason
