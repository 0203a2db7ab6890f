"""Import the libraries of the other methods from their separate environment."""

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
    """Append the packages of the separate environment to the import path."""
    for packages in sorted(home.glob("lib/python3.*/site-packages")):
        sys.path.append(str(packages))


def present(name: str) -> bool:
    """Return whether the library of a method is installed."""
    library = name.split(maxsplit=1)[0]
    return library not in MODULES or importlib.util.find_spec(MODULES[library]) is not None
