"""What the workshop lends the counter, found by the package's entry points; the counter imports nothing of it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from valuation.errors import SettingError

GROUP = "canzhi.workshop"


def load_plugin(name: str) -> Any:  # noqa: ANN401 - each part has its own shape
    """Return a part of the workshop by its name in the entry points, imported now.

    Raises
    ------
    SettingError
        If a package of the workshop is not installed.
    """
    found = entry_points(group=GROUP, name=name)
    try:
        for point in found:
            return point.load()
    except ModuleNotFoundError as missing:
        raise SettingError(
            f"this needs the workshop's package {missing.name}, which is not installed",
            hint="pip install 'canzhi[train]' brings everything",
        ) from missing
    raise SettingError(f"the workshop's part {name} is not installed", hint="install canzhi anew", field=name)
