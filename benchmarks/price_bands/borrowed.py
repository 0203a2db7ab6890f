"""The rivals' libraries, which live in an environment of their own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

MODULES = {
    "MAPIE": "mapie",
    "crepes": "crepes",
    "NGBoost": "ngboost",
    "CatBoost": "catboost",
    "quantile-forest": "quantile_forest",
    "XGBoost": "xgboost",
}


def borrow(home: Path) -> None:
    """Let the rivals be imported from their own environment, behind everything of this one."""
    for packages in sorted(home.glob("lib/python3.*/site-packages")):
        sys.path.append(str(packages))


def present(name: str) -> bool:
    """Tell whether a rival's library is installed."""
    library = name.split(maxsplit=1)[0]
    return library not in MODULES or importlib.util.find_spec(MODULES[library]) is not None
