"""Health from history against published figures, and the benchmark without its sets."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.health_from_history import PUBLISHED, best_fit_error, published_rows, report

OFF_BY_MORE = {"Nissan Leaf of 2014 in New Zealand", "36 cells of 3 modules retired from cars"}
"""Published figures that ours misses by more than four points, as the page says."""


def test_published_figures_are_in_the_band_and_within_four_points():
    rows = published_rows()
    assert len(rows) >= 12
    assert all(row[4] == "yes" for row in rows)
    assert {row[0] for row in rows if row[5] != "yes"} == OFF_BY_MORE


def test_every_published_figure_names_source_and_use():
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row["source"] and row["reliability"] and row["used_to_set_a_constant"] in {"yes", "no"} for row in rows)


def test_sets_that_are_absent_are_named(tmp_path):
    real, published = report(tmp_path)
    assert "Not there, so not measured: tesla_model3_owner_field" in real
    assert "| ---" not in real
    assert "| ---" in published


def test_a_set_that_is_there_is_measured(tmp_path: Path):
    folder = tmp_path / "changan_300ev_field"
    folder.mkdir()
    noise = np.random.default_rng(1)
    km = noise.uniform(0.0, 200_000.0, 200)
    soh = 0.92 - 0.03 * km / 100_000.0 + noise.normal(0.0, 0.03, 200)
    lines = "\n".join(f"{a:.1f},{b:.4f}" for a, b in zip(km, soh, strict=True))
    (folder / "soh_vs_mileage.csv").write_text("mileage_km,soh\n" + lines, encoding="utf-8")
    real, _ = report(tmp_path)
    assert "| Changan 300 EV, distance | 200 |" in real
    assert "Pooled over 200 cars" in real


def test_the_best_fit_finds_a_curve_up_to_its_noise():
    noise = np.random.default_rng(2)
    age = noise.uniform(0.0, 8.0, 400)
    error = best_fit_error(age[:, None], 1.0 - 0.03 * np.sqrt(age) + noise.normal(0.0, 0.02, 400))
    assert error == pytest.approx(0.02, rel=0.15)
