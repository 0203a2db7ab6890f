"""MLflow's alias follows our own log, and its failing never fails a promotion."""

from __future__ import annotations

import pytest

from models.promotions import Decision
from models.registry import Publication, promote, publish


def test_a_failing_copy_is_a_warning_and_no_failure(tmp_path, estimator, monkeypatch):
    monkeypatch.setattr("models.mirror._mlflow", lambda _: 1 / 0)
    publish(
        estimator.fitted_, Publication(name="demo", created_on="2026-01-05", trained_through="2026-01-01"), tmp_path
    )
    decision = Decision(who="a valuer", why="first", at="2026-01-06T08:00:00+00:00")
    with pytest.warns(RuntimeWarning, match="MLflow was not told of the champion"):
        entry = promote("demo@1", decision, tmp_path)
    assert entry.after == "demo@1"
