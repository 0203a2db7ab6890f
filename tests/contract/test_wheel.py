"""The wheel installs four packages and one program, and nothing else."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # zip has no dates before 1980, whatever SOURCE_DATE_EPOCH is
    surroundings = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_top_level_has_four_packages(contents):
    top = {name.partition("/")[0] for name in contents}
    assert {name for name in top if not name.endswith(".dist-info")} == {"valuation", "models", "training", "service"}


def test_every_package_has_py_typed(contents):
    assert {f"{package}/py.typed" for package in ("valuation", "models", "training", "service")} <= set(contents)


def test_every_tracked_file_of_the_packages_is_included(contents):
    listed = subprocess.run(
        ["git", "ls-files", "valuation", "models", "training", "service"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    tracked = {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    assert tracked - set(contents) == set()


def test_the_wheel_has_one_program(contents):
    (name,) = [name for name in contents if name.endswith(".dist-info/entry_points.txt")]
    text = contents[name].decode()
    assert "[console_scripts]\ncanzhi = service.cli:main\n" in text
    assert text.count("[console_scripts]") == 1


def test_no_bytecode_or_temporary_files(contents):
    assert [name for name in contents if name.endswith((".pyc", ".db", ".lock", "~"))] == []


def test_compiled_libraries_are_those_of_the_record_and_named_in_the_metadata(contents):
    compiled = {name: content for name, content in contents.items() if name.endswith((".so", ".dylib", ".dll"))}
    compiled |= {name: content for name, content in contents.items() if content.startswith(b"\x7fELF")}
    record = json.loads(contents["models/kernel/libraries/libraries.json"])["libraries"]
    hashes = {name.rpartition("/")[2]: hashlib.sha256(content).hexdigest() for name, content in compiled.items()}
    assert hashes == record
    (told,) = [content for name, content in contents.items() if name.endswith("/extra_metadata/kernel.json")]
    assert json.loads(told)["libraries"] == record
    (wheel,) = [content for name, content in contents.items() if name.endswith(".dist-info/WHEEL")]
    assert b"Tag: py3-none-any" in wheel  # without a library for the platform numpy answers, with the same bits
