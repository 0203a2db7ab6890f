"""The counter works where only the base is installed: no training, no tracking, no report, no PostgreSQL driver."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT_EXTRAS = """
import importlib, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {extras}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
for name in {modules}:
    importlib.import_module(name)
"""
EXTRAS = {
    "lightgbm", "mlflow", "sklearn", "scipy", "pandas", "openpyxl", "joblib", "threadpoolctl", "matplotlib", "typst",
    "psycopg", "fastapi", "pydantic",
}  # fmt: skip


def modules(*packages):
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts
    )


def python(code, *options):
    return subprocess.run(
        [sys.executable, *options, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_profession_and_the_counter_import_without_any_extra():
    done = python(WITHOUT_EXTRAS.format(extras=EXTRAS, modules=modules("valuation", "service")))
    assert done.returncode == 0, done.stderr


def test_a_trained_model_opens_without_any_extra():
    names = [
        "models",
        "models.inference.forest",
        "models.inference.band",
        "models.artifact.bundle",
        "models.artifact.predictor",
    ]
    done = python(WITHOUT_EXTRAS.format(extras=EXTRAS, modules=names))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["valuation", "models", "service.cli", "service.app"])
def test_a_start_does_not_wait_for_what_it_does_not_need(module):
    """MLflow costs 2.5 s and 178 MB, LightGBM 2.4 s: neither a price nor a help text may pay for them."""
    done = python(f"import {module}, sys; print(*sorted({EXTRAS} & set(sys.modules)))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
