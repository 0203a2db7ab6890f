"""ARCHITECTURE.md lists every folder of a package, and lists nothing that does not exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("valuation", "models", "training", "service")
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
TREE = PAGE.split("## Where things live")[1].split("```")[1]
ENTRY = re.compile(r"^(  |    )((?:[\w.]+(?:\.py|/) )+) +\S")


def listed_paths(package):
    """Paths in the section of a package: two spaces before its own entries, four before entries of the folder above."""
    section = re.search(rf"^{package}/\n((?:  .*\n)+)", TREE, re.MULTILINE)
    assert section, f"ARCHITECTURE.md has no section {package}/"
    paths, folder = set(), package
    for line in section[1].splitlines():
        entry = ENTRY.match(line)
        assert entry, f"not an entry with a description: {line!r}"
        names = entry[2].split()
        if entry[1] == "  ":
            folder = f"{package}/{names[-1]}" if names[-1].endswith("/") else ""
            paths |= {f"{package}/{name}" for name in names}
        else:
            assert folder, f"an indented entry below a module: {line!r}"
            paths |= {f"{folder}{name}" for name in names}
    return paths


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_is_listed(package):
    folders = {
        f"{package}/{path.name}/"
        for path in (ROOT / package).iterdir()
        if path.is_dir() and any(child.is_file() and child.suffix != ".pyc" for child in path.rglob("*"))
    }
    assert folders - listed_paths(package) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_listed_exists(package):
    assert {path for path in listed_paths(package) if not (ROOT / path).exists()} == set()


def test_every_check_named_exists():
    named = re.findall(r"`((?:tests|benchmarks|tools|valuation|models|training|service)/[\w./]+)`", PAGE)
    assert len(named) > 8
    assert [path for path in named if not (ROOT / path).exists()] == []
