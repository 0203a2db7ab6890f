"""Import rules that import-linter cannot express."""

import ast
import importlib
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from types import FunctionType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGES = ["valuation", "models", "training", "service"]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
PURE = {  # modules of the standard library without clock, files or network
    "abc", "bisect", "calendar", "collections", "contextlib", "dataclasses", "datetime", "decimal", "enum", "fractions",
    "functools", "hashlib", "html", "itertools", "json", "math", "numbers", "operator", "re", "statistics", "string",
    "struct", "types", "typing", "unicodedata", "zlib", "__future__",
}  # fmt: skip


def imports(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0], node.lineno


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def test_valuation_imports_only_numpy_and_pure_standard_modules():
    ingest = ROOT / "valuation" / "ingest"
    forbidden = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules("valuation")
        if ingest not in path.parents
        for name, line in imports(path)
        if name not in PURE | {"numpy", "valuation"}
        and (path.name, name) != ("__init__.py", "importlib")  # public names are imported on first use
        and not (path.parent.name == "messages" and name in {"pathlib", "tomllib"})  # its own sentences
        and not (path.parent.name == "vehicle" and name in {"csv", "difflib", "pathlib"})  # its own table
    ]
    assert forbidden == []


@pytest.mark.parametrize(
    ("package", "above"),
    [
        ("valuation", {"models", "training", "service"}),
        ("models", {"training", "service"}),
        ("training", {"service"}),
        ("service", {"training"}),
    ],
)
def test_no_package_imports_a_higher_one_even_for_types(package, above):
    """import-linter ignores imports under TYPE_CHECKING, which are allowed within a package."""
    upward = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(package)
        for name, line in imports(path)
        if name in above
    ]
    assert upward == []


@pytest.mark.parametrize(("package", "name"), [("valuation", "appraise"), ("models", "load_model")])
def test_a_public_function_can_be_imported_again(package, name):
    """Importing a module `package.name` replaces the attribute `name`, which a lazy `__getattr__` then never sets."""
    for _ in range(2):
        assert isinstance(getattr(importlib.import_module(package), name), FunctionType)


@pytest.mark.parametrize("package", ["valuation", "models"])
def test_no_module_hides_a_lazily_imported_name(package):
    names = importlib.import_module(package).__all__
    assert not {path.stem for path in (ROOT / package).iterdir()}.intersection(names)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_import_is_a_declared_dependency(package):
    wishes = list(PROJECT["dependencies"])
    extras = PROJECT["optional-dependencies"]
    wishes += extras["train"] if package in {"models", "training"} else extras["report"] + extras["postgres"]
    wishes += [wish for wish in extras["spark"] if "pyspark" in wish and package in {"training", "service"}]
    declared = {canonicalize_name(Requirement(wish).name) for wish in wishes}
    owners = packages_distributions()
    undeclared = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(package)
        for name, line in imports(path)
        if name not in sys.stdlib_module_names
        and name not in PACKAGES
        and not declared & {canonicalize_name(owner) for owner in owners.get(name, [name])}
    ]
    assert undeclared == []


def test_no_module_uses_pickle():
    """Opening a pickle runs code from the file."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for package in PACKAGES
        for path in modules(package)
        for name, line in imports(path)
        if name in {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    ]
    assert found == []


def test_all_lists_of_packages_are_equal():
    tools = PYPROJECT["tool"]
    assert tools["hatch"]["build"]["targets"]["wheel"]["packages"] == PACKAGES
    assert tools["mypy"]["packages"] == [*PACKAGES, "benchmarks"]
    assert sorted(tools["importlinter"]["root_packages"]) == sorted(PACKAGES)
    assert sorted(path.parent.name for path in ROOT.glob("*/__init__.py")) == sorted(PACKAGES)


def test_tests_are_not_a_package():
    assert list((ROOT / "tests").rglob("__init__.py")) == []
