"""`./canzhi` on a new machine, with a stub of uv that creates a small environment and logs its calls."""

import ast
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
STAND_IN = """#!{python} -S
import os, pathlib, sys, time
here = pathlib.Path(__file__).parent
def note(text):
    with open(here / "log", "a") as log:
        log.write(text + "\\n")
words = sys.argv[1:]
step = words[0] if words[0] != "pip" else words[1]
note(step)
home = pathlib.Path(words[-1]) if step == "venv" else pathlib.Path(words[words.index("--python") + 1]).parent.parent
packages = home / "lib" / "python{version}" / "site-packages"
print("chatter of the installer")
time.sleep({pause})
if step == "venv":
    (home / "bin").mkdir(parents=True)
    packages.mkdir(parents=True)
    (home / "bin" / "python").symlink_to("{python}")
if step == "sync":
    (packages / "numpy").mkdir()
if step == "install":
    (home / "bin" / "canzhi").write_text('#!/bin/sh\\necho "$MLFLOW_DISABLE_TELEMETRY $PWD $*"\\n')
    (home / "bin" / "canzhi").chmod(0o755)
note(step + " ended")
"""


@pytest.fixture
def fresh(tmp_path):
    """Return a checkout without an environment, with a function that starts canzhi in it."""
    root, programs = tmp_path / "checkout", tmp_path / "programs"
    for folder in (root / "requirements", root / "valuation", programs):
        folder.mkdir(parents=True)
    for name in ("canzhi", "pyproject.toml", "requirements/full.lock", "valuation/version.py"):
        shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    base = getattr(sys, "_base_executable", sys.executable)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"

    def uv(pause=0.0):
        (programs / "uv").write_text(STAND_IN.format(python=base, version=version, pause=pause))
        (programs / "uv").chmod(0o755)

    def start(*words, **more):
        surroundings = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(tmp_path)} | more
        command = [base, str(root / "canzhi"), *words]
        return subprocess.Popen(
            command, env=surroundings, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(*words, **more):
        process = start(*words, **more)
        out, err = process.communicate(timeout=60)
        return SimpleNamespace(out=out, err=err, code=process.returncode)

    def log():
        return (programs / "log").read_text().split("\n") if (programs / "log").exists() else []

    uv()
    home = root / ".venv"
    packages = home / "lib" / f"python{version}" / "site-packages"
    return SimpleNamespace(
        root=root, home=home, packages=packages, programs=programs, uv=uv, start=start, run=run, log=log
    )


def test_add_spark_installs_spark(fresh):
    done = fresh.run("add", "spark")
    assert done.code == 0, done.err
    assert fresh.log()[-3:] == ["install", "install ended", ""]
    assert [step for step in fresh.log() if step == "install"] == ["install"] * 2
    assert fresh.run("--version").code == 0
    assert fresh.log().count("venv") == 1


def test_the_first_start_creates_the_environment_and_prints_nothing_to_standard_output(fresh, tmp_path):
    first = fresh.run("value", "pack 1.json", "--json")
    assert (first.code, first.out) == (0, f"true {tmp_path} value pack 1.json --json\n")
    assert "making the environment" in first.err
    assert "chatter" in first.err


def test_the_second_start_is_silent_and_takes_less_than_0_3_seconds(fresh):
    fresh.run("value")
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        again = fresh.run("value")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # time of the processor, not of the clock: on a busy machine a start waits for others
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert (again.code, again.err) == (0, "")
    assert min(times) < 0.3
    assert fresh.log().count("venv") == 1


def test_two_simultaneous_starts_create_one_environment(fresh):
    fresh.uv(pause=0.3)
    both = [fresh.start("value"), fresh.start("check", "pack.json")]
    for process in both:
        process.communicate(timeout=60)
    assert [process.returncode for process in both] == [0, 0]
    assert fresh.log().count("venv") == 1


def test_after_a_killed_start_the_next_one_waits_for_its_orphan_and_starts_again(fresh):
    fresh.uv(pause=1.0)
    first = fresh.start("value")
    while "sync" not in fresh.log():
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait(timeout=60)  # its pipes stay open, because the orphaned step inherits them and the lock
    second = fresh.run("value")
    first.communicate(timeout=60)
    assert second.code == 0
    assert "waiting for another start" in second.err
    assert [step for step in fresh.log() if step] == [
        "venv", "venv ended", "sync", "sync ended",
        "venv", "venv ended", "sync", "sync ended", "install", "install ended",
    ]  # fmt: skip


def lose_a_package(fresh):
    (fresh.packages / "numpy").rmdir()


def lose_the_program(fresh):
    (fresh.home / "bin" / "canzhi").unlink()


def lose_python(fresh):
    (fresh.home / "bin" / "python").unlink()
    (fresh.home / "bin" / "python").symlink_to("/nowhere/python3")


def change_python(fresh):
    """Let python3 be another version than the one that the packages were installed for."""
    (fresh.home / "bin" / "python").unlink()
    (fresh.home / "bin" / "python").symlink_to("/bin/sh")


def change_lock(fresh):
    (fresh.root / "requirements" / "full.lock").write_text("numpy==2.4.7 --hash=sha256:0\n")


def lose_the_stamp(fresh):
    (fresh.home / "canzhi-stamp.json").unlink()


def cut_the_stamp(fresh):
    stamp = fresh.home / "canzhi-stamp.json"
    stamp.write_bytes(stamp.read_bytes()[:40])


def empty_folder(fresh):
    shutil.rmtree(fresh.home)
    fresh.home.mkdir()


def a_file_instead(fresh):
    shutil.rmtree(fresh.home)
    fresh.home.write_text("")


@pytest.mark.parametrize(
    "damage",
    [
        lose_a_package, lose_the_program, lose_python, change_python, change_lock, lose_the_stamp, cut_the_stamp,
        empty_folder, a_file_instead,
    ],
)  # fmt: skip
def test_a_damaged_environment_is_created_again(fresh, damage):
    fresh.run("value")
    damage(fresh)
    again = fresh.run("value")
    assert again.code == 0
    assert "again" in again.err
    assert fresh.log().count("venv") == 2
    assert fresh.run("value").err == ""


def test_a_checkout_that_has_moved_gets_a_new_environment(fresh):
    """Programs in an environment contain its path."""
    fresh.run("value")
    moved = fresh.root.with_name("elsewhere")
    fresh.root.rename(moved)
    base = getattr(sys, "_base_executable", sys.executable)
    surroundings = {"PATH": f"{fresh.programs}:/usr/bin:/bin"}
    subprocess.run([base, str(moved / "canzhi"), "value"], env=surroundings, check=True, capture_output=True)
    assert fresh.log().count("venv") == 2


def test_a_new_command_is_registered_without_a_new_environment(fresh):
    fresh.run("value")
    pyproject = fresh.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('code = "service', 'coding = "service'))
    assert fresh.run("value").code == 0
    assert (fresh.log().count("venv"), fresh.log().count("install")) == (1, 2)


def test_a_linter_setting_needs_no_new_installation(fresh):
    fresh.run("value")
    pyproject = fresh.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("line-length = 120", "line-length = 121"))
    assert fresh.run("value").err == ""


@pytest.mark.parametrize("failing_uv", [False, True])
def test_without_venv_the_message_names_the_package(fresh, tmp_path, failing_uv):
    """As on a Debian with only python3: ensurepip and pip cannot be imported."""
    if failing_uv:
        (fresh.programs / "uv").write_text("#!/bin/sh\nexit 3\n")
    else:
        (fresh.programs / "uv").unlink()
    for name in ("ensurepip", "pip"):
        (tmp_path / f"{name}.py").write_text("raise ImportError\n")
    refused = fresh.run("value", PYTHONPATH=str(tmp_path))
    assert refused.code == 1
    assert "apt-get install python3-venv" in refused.err.splitlines()[-1]
    assert "Traceback" not in refused.err
    assert failing_uv or len(refused.err.splitlines()) == 1
    assert not fresh.home.exists()


def test_an_old_python_can_parse_the_start_file():
    ast.parse((ROOT / "canzhi").read_text("utf-8"), feature_version=(3, 6))


@pytest.fixture
def tools(monkeypatch):
    """Return the modules environment and start of tools/, which is not a package."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import environment  # noqa: PLC0415 - found only after the line above
    import start  # noqa: PLC0415 - same

    yield SimpleNamespace(environment=environment, start=start)
    for name in ("environment", "start"):
        del sys.modules[name]


def test_libgomp_of_scikit_learn_is_linked_if_the_system_has_none(tools, tmp_path, monkeypatch):
    bundled = tools.environment._packages(tmp_path) / "scikit_learn.libs" / "libgomp-e985bcbb.so.1.0.0"
    bundled.parent.mkdir(parents=True)
    bundled.write_bytes(b"library")
    monkeypatch.setattr(tools.environment, "_system_has_gomp", lambda _home: False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/own")
    tools.environment._link_gomp(tmp_path)
    assert (tmp_path / "lib" / "gomp" / "libgomp.so.1").read_bytes() == b"library"
    assert tools.start._surroundings(tmp_path)["LD_LIBRARY_PATH"] == f"/opt/own:{tmp_path}/lib/gomp"


def test_libgomp_of_the_system_is_used(tools, tmp_path, monkeypatch):
    monkeypatch.setattr(tools.environment, "_system_has_gomp", lambda _home: True)
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    tools.environment._link_gomp(tmp_path)
    assert not (tmp_path / "lib").exists()
    assert "LD_LIBRARY_PATH" not in tools.start._surroundings(tmp_path)


def test_usage_reporting_is_off_by_default(tools, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    surroundings = tools.start._surroundings(tmp_path)
    assert (surroundings["MLFLOW_DISABLE_TELEMETRY"], surroundings["DO_NOT_TRACK"]) == ("true", "0")


def test_pip_settings_are_passed_to_uv(tools, monkeypatch, capfd):
    monkeypatch.setenv("PIP_INDEX_URL", "file:///mirror/simple")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    lock = os.open(os.devnull, os.O_RDONLY)
    tools.environment._call(["/bin/sh", "-c", "echo $UV_DEFAULT_INDEX >&2"], lock)
    os.close(lock)
    assert capfd.readouterr().err == "file:///mirror/simple\n"
