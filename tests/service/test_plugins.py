"""The service loads functions of `training` by entry point, and reports what is missing."""

from __future__ import annotations

import importlib.metadata

import pytest

from service.plugins import GROUP, load_plugin
from valuation.errors import SettingError


def test_every_plugin_can_be_loaded():
    names = {point.name for point in importlib.metadata.entry_points(group=GROUP)}
    assert names == {"ledger-drift", "ledger-sales"}
    assert all(callable(load_plugin(name)) for name in names)


def test_a_missing_plugin_is_named():
    with pytest.raises(SettingError, match="unknown"):
        load_plugin("unknown")


def test_a_missing_package_is_named(monkeypatch):
    class Point:
        def load(self):
            raise ModuleNotFoundError("No module named 'lightgbm'", name="lightgbm")

    monkeypatch.setattr("service.plugins.entry_points", lambda **_: [Point()])
    with pytest.raises(SettingError, match="lightgbm, which is not installed"):
        load_plugin("ledger-drift")
