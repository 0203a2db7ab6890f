"""The lock files satisfy pyproject.toml, with versions and hashes and without addresses."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
BASE = PYPROJECT["project"]["dependencies"]
OPTIONAL = PYPROJECT["project"]["optional-dependencies"]
EXTRAS = [wish for name, wishes in OPTIONAL.items() if name != "spark" for wish in wishes]
DEV = PYPROJECT["dependency-groups"]["dev"]
WISHES = {"base": BASE, "full": [*BASE, *EXTRAS, *DEV], "spark": [*BASE, *OPTIONAL["spark"]]}


def locked(name):
    text = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
    entries = re.findall(r"^([a-z0-9][\w.-]*)==([^\s;\\]+)(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return [(package, Version(version), rest) for package, version, rest in entries]


@pytest.mark.parametrize("name", ["base", "full", "spark"])
def test_each_requirement_has_a_matching_locked_version(name):
    versions = {}
    for package, version, _ in locked(name):
        versions.setdefault(canonicalize_name(package), []).append(version)
    for wish in map(Requirement, WISHES[name]):
        found = versions.get(canonicalize_name(wish.name), [])
        assert found, f"{wish.name} is missing: run ./canzhi lock"
        assert all(version in wish.specifier for version in found), f"{wish} against {found}: run ./canzhi lock"


@pytest.mark.parametrize("name", ["base", "full", "spark", "kernel", "benchmarks"])
def test_every_package_is_pinned_and_hashed(name):
    entries = locked(name)
    text = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
    assert len(entries) == len(re.findall(r"^[^\s#]", text, re.MULTILINE))
    assert all("--hash=sha256:" in rest for _, _, rest in entries)


@pytest.mark.parametrize("name", ["base", "full", "spark", "kernel", "benchmarks"])
def test_no_lock_contains_an_address(name):
    text = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
    assert not re.findall(r"\w+://|@ |file:|--(?:extra-)?index|--find-links|--trusted|#.*", text)


def test_the_base_lock_is_a_subset_of_the_full_one_without_training_libraries():
    base = {(package, version) for package, version, _ in locked("base")}
    full = {(package, version) for package, version, _ in locked("full")}
    assert base <= full
    assert not {"lightgbm", "mlflow", "scikit-learn", "pandas", "pytest"} & {package for package, _ in base}


def test_the_benchmark_lock_has_the_versions_of_the_full_lock():
    full = {package: version for package, version, _ in locked("full")}
    rivals = locked("benchmarks")
    assert {"mapie", "crepes", "ngboost", "catboost", "quantile-forest", "xgboost-cpu"} <= {
        name for name, _, _ in rivals
    }
    assert all(full.get(package, version) == version for package, version, _ in rivals)


def test_no_lock_contains_a_deep_learning_framework():
    packages = {package for name in ("full", "benchmarks") for package, _, _ in locked(name)}
    assert not {"torch", "tensorflow", "jax"} & packages
