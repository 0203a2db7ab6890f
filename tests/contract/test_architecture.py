"""The page on the architecture names every room, and no room that is not there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("valuation", "models", "training", "service")
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
TREE = PAGE.split("## Where things live")[1].split("```")[1]


def told_of(package):
    section = re.search(rf"^{package}/\n((?:  .*\n)+)", TREE, re.MULTILINE)
    assert section, f"ARCHITECTURE.md has no section {package}/"
    return {name for line in section[1].splitlines() for name in re.findall(r"\b([a-z_]+(?:\.py|/))", line)}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_is_named(package):
    rooms = {f"{path.name}/" for path in (ROOT / package).iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms - told_of(package) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_is_named_that_is_not_there(package):
    missing = {name for name in told_of(package) if not (ROOT / package / name.rstrip("/")).exists()}
    assert missing == set()
