"""Creates the application in a process that serves, then tunes the garbage collector."""

from __future__ import annotations

import gc
import sys

from service.app import create_app
from service.server.supervisor import report_problem
from service.settings import Settings
from service.store.upgrade import check_store_exists
from service.telemetry import configure_log, log
from service.valuation_service import ValuationService, open_valuation_service
from valuation.errors import CanzhiError

CANNOT_START = 3
"""Exit code of a server process that cannot start."""


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


def create_app_with(service: ValuationService) -> object:
    """Return the application of a single server process with an opened service."""
    app = create_app(service.settings, service)
    tune_garbage_collector()
    return app
