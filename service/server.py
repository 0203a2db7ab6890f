"""Starts the HTTP service: checks settings, address, store and model, then runs one or several processes."""

from __future__ import annotations

import gc
import os
import socket
import sys
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from service.settings import Settings, variable
from valuation.errors import CanzhiError, SettingError

if TYPE_CHECKING:
    from uvicorn import Config

    from service.valuation_service import ValuationService

GRACE_S = 10
CANNOT_START = 3
"""Exit code of a server process that cannot start."""


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
    gc.disable()  # garbage collection during the imports would take a tenth of the start
    try:
        _serve(Settings.from_environment())
    finally:
        gc.enable()


def _serve(settings: Settings) -> None:
    import uvicorn  # noqa: PLC0415 - imported with the garbage collector disabled

    from service.telemetry import configure_log  # noqa: PLC0415 - as above

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
        with closing(service.database):
            uvicorn.run(partial(_create_app_with, service), **options)
    else:
        service.database.close()  # each server process opens its own
        _run_several(uvicorn.Config("service.server:create_worker_app", **options))


def _run_several(config: Config) -> None:
    """Serve with several processes until a signal ends them.

    Raises
    ------
    CanzhiError
        If no process could start.
    """
    from service.supervisor import Supervisor  # noqa: PLC0415 - as above

    with closing(config.bind_socket()) as listening:
        supervisor = Supervisor(config, [listening])
        supervisor.run()
    if supervisor.gave_up:
        raise CanzhiError(
            f"no server process can start: {supervisor.gave_up}",
            hint="mend what is named, then start the service again",
        )


def tune_garbage_collector() -> None:
    """Freeze the loaded objects, and collect garbage less often.

    A batch creates tens of thousands of short-lived objects without cycles; frequent collections cost more than they
    free.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


def create_worker_app() -> object:
    """Return the application in a server process; exit with a reported reason if it cannot be created."""
    gc.disable()
    from service.app import create_app  # noqa: PLC0415 - the parent process needs no application
    from service.store.upgrade import check_store_exists  # noqa: PLC0415 - as above
    from service.supervisor import report_problem  # noqa: PLC0415 - as above
    from service.telemetry import configure_log, log  # noqa: PLC0415 - as above
    from service.valuation_service import open_valuation_service  # noqa: PLC0415 - as above

    configure_log()
    try:
        settings = Settings.from_environment()
        check_store_exists(settings.store_url)  # created by the parent process
        service = open_valuation_service(settings)
        app = create_app(settings, service)
    except CanzhiError as error:
        report_problem(error.message)
        log().error("server process cannot start", problem=error.message, hint=error.hint)
        sys.exit(CANNOT_START)
    tune_garbage_collector()
    return app


def _create_app_with(service: ValuationService) -> object:
    """Return the application of a single server process with an opened service."""
    from service.app import create_app  # noqa: PLC0415 - as above

    app = create_app(service.settings, service)
    tune_garbage_collector()
    return app


def open_checked_service(settings: Settings) -> ValuationService:
    """Check API keys and address, then return the opened service.

    Raises
    ------
    CanzhiError
        If the service cannot start.
    """
    from service.security import LOCAL_NAMES, read_keys  # noqa: PLC0415 - as above
    from service.valuation_service import open_valuation_service  # noqa: PLC0415 - as above

    keys = read_keys(settings.api_keys)
    if not keys and settings.host not in LOCAL_NAMES:
        raise SettingError(
            f"listening on {settings.host} without API keys would let anybody in",
            hint="set up keys with CANZHI_API_KEYS, or listen on 127.0.0.1",
            field="CANZHI_API_KEYS",
        )
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
                f"cannot listen on {host} port {port}: {getattr(reason, 'strerror', None) or reason}",
                hint="another program may listen there; choose another with --port",
                field="CANZHI_PORT",
                value=port,
            ) from reason
