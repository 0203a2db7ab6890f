"""Loads functions of `training` by entry point, so that `service` does not import it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from valuation.errors import SettingError

GROUP = "canzhi.training_hooks"


def load_plugin(name: str) -> Any:  # noqa: ANN401 - each plugin has its own signature
    """Import and return a function of `training` by its entry-point name.

    Raises
    ------
    SettingError
        If the function or a package it needs is not installed.
    """
    found = entry_points(group=GROUP, name=name)
    try:
        for point in found:
            return point.load()
    except ModuleNotFoundError as missing:
        raise SettingError("setting.package_missing", package=missing.name) from missing
    raise SettingError("setting.plugin_missing", field=name, name=name)
