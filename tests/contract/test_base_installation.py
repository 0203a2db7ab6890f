"""The service works with only the base installation: no training, MLflow or PostgreSQL driver."""

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
    "psycopg",
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


def test_valuation_and_service_import_without_extras():
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


WEB = {"fastapi", "pydantic", "starlette", "uvicorn"}


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("valuation", EXTRAS | WEB),
        ("models", EXTRAS | WEB),
        ("service.cli", EXTRAS | WEB),
        ("service.valuation_service", EXTRAS | WEB),
        ("service.api.problems", EXTRAS | {"fastapi", "pydantic"}),
        ("service.app", EXTRAS | {"fastapi_offline", "jinja2"}),
    ],
)
def test_a_start_does_not_import_unneeded_modules(module, unwanted):
    """MLflow costs 2.5 s and 178 MB, LightGBM 2.4 s, FastAPI .2 s: neither a price nor a help text may pay for them."""
    done = python(f"import {module}, sys; print(*sorted({unwanted} & set(sys.modules)))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_a_pack_is_valued_in_the_terminal_without_a_web_framework(tmp_path):
    blocked = WITHOUT_EXTRAS.format(extras={"fastapi", "pydantic", "uvicorn"}, modules=["service.cli"])
    pack = ROOT / "data_samples" / "lfp_taxi.json"
    done = python(
        f"{blocked}\nimport os\nos.environ['CANZHI_HOME'] = {str(tmp_path)!r}\n"
        f"sys.argv[1:] = ['value', {str(pack)!r}, '--json']\nsys.modules['service.cli'].main()"
    )
    assert done.returncode == 0, done.stderr
    assert '"residual_value"' in done.stdout
