"""Create the environment in `.venv` on first use, check it at every start, create it again if it is incomplete."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = ".venv"
STAMP = "canzhi-stamp.json"
GOMP_FOLDER = "lib/gomp"
LOCKS = {
    "full": ["pyproject.toml", *(f"--extra={name}" for name in ("train", "postgres", "report")), "--group", "dev"],
    "base": ["pyproject.toml", "--constraints", "requirements/full.lock"],  # only the service, with the tested versions
    # ./canzhi installs "full"; ./canzhi add spark installs Spark (450 MB)
    "spark": ["pyproject.toml", "--extra", "spark", "--constraints", "requirements/full.lock"],
    "kernel": ["requirements/kernel.in"],  # the C compiler of models/kernel, apart
    "benchmarks": ["requirements/benchmarks.in", "--constraints", "requirements/full.lock"],  # the rivals, apart
}
UV_NAMES = {  # uv uses the package index that the user has configured for pip
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CERT": "SSL_CERT_FILE",
    "PIP_DEFAULT_TIMEOUT": "UV_HTTP_TIMEOUT",
}


class NotPossibleError(Exception):
    """The environment cannot be created; the message is one sentence with a way to solve the problem."""


def ready(root: Path) -> Path:
    """Return the environment for this checkout and this Python; create it if necessary."""
    home = root / HOME
    wanted = _wanted(root)
    if _kept(home) == wanted:
        return home
    with _alone(root) as lock:
        kept = _kept(home)
        if kept == wanted:
            return home  # another process created it while this one waited
        if kept is not None and kept | {"project": ""} == wanted | {"project": ""}:
            _stamp(home, None)
            _install_project(root, home, lock)
        else:
            _make(root, home, lock)
        _stamp(home, wanted)
    return home


def add_spark(root: Path) -> None:
    """Install Spark at the locked version; it is published as source only."""
    home = ready(root)
    with _alone(root) as lock:
        locked = str(root / "requirements" / "spark.lock")
        _call([*_installer(home), "--require-hashes", "--no-deps", "--requirement", locked], lock)


def _wanted(root: Path) -> dict[str, str]:
    """Return the inputs that a current environment was created from."""
    described = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    project = [described.get("build-system"), described.get("project"), described.get("tool", {}).get("hatch")]
    version = (root / "valuation" / "version.py").read_bytes()
    return {
        "lock": hashlib.sha256((root / "requirements" / "full.lock").read_bytes()).hexdigest(),
        "project": hashlib.sha256(json.dumps(project, sort_keys=True).encode() + version).hexdigest(),
        "place": str(root),
        "python": f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}",
    }


def _kept(home: Path) -> dict[str, str] | None:
    """Return the recorded inputs of the environment, or None if it is unfinished or incomplete."""
    try:
        stamp = json.loads((home / STAMP).read_bytes())
        present = set(os.listdir(_packages(home)))  # noqa: PTH208 - names alone, 300 of them, at every start
        whole = present.issuperset(stamp["packages"])
        same_python = str((home / "bin" / "python").resolve(strict=True)) == stamp["interpreter"]
        whole = whole and (home / "bin" / "canzhi").exists()
        made_from: dict[str, str] = stamp["made_from"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return made_from if whole and same_python else None


def _stamp(home: Path, made_from: dict[str, str] | None) -> None:
    """Record that the environment is complete (the last step), or with None that it is not."""
    if made_from is None:
        (home / STAMP).unlink(missing_ok=True)
        return
    stamp: dict[str, Any] = {
        "made_from": made_from,
        "interpreter": str((home / "bin" / "python").resolve(strict=True)),
        "packages": sorted(name.name for name in _packages(home).iterdir() if name.name != "__pycache__"),
    }
    unfinished = home / f"{STAMP}.{os.getpid()}"
    unfinished.write_text(json.dumps(stamp, indent=1), "utf-8")
    unfinished.replace(home / STAMP)


def _packages(home: Path) -> Path:
    return home / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[int]:
    """Allow one start at a time to change the environment; the lock is on the checkout's folder, so no file remains."""
    lock = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another start that is making the environment")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def _make(root: Path, home: Path, lock: int) -> None:
    """Create the environment with uv or, if uv is missing or fails, with venv and pip."""
    begun = time.monotonic()
    uv = shutil.which("uv")
    host_pip = uv is None and _must_use_host_pip()
    again = "again, because it is unfinished, broken or out of date" if home.exists() else "once"
    _say(f"making the environment {home} for Python {sys.version_info[0]}.{sys.version_info[1]} ({again}) …")
    wheels = ["--require-hashes", "--only-binary", ":all:"]
    locked = str(root / "requirements" / "full.lock")
    if uv is not None:
        try:
            _clear(home)
            _call([uv, "venv", "--quiet", "--no-project", "--python", _base_python(), str(home)], lock)
            python = str(home / "bin" / "python")
            _call([uv, "pip", "sync", *_quietly("--quiet"), "--python", python, *wheels, locked], lock)
            _finish(root, home, lock, begun)
        except NotPossibleError as reason:
            _say(f"{reason}; trying venv and pip instead")
        else:
            return
        host_pip = _must_use_host_pip()
    _clear(home)
    _call([_base_python(), "-m", "venv", *(["--without-pip"] if host_pip else []), str(home)], lock)
    _call([*_installer(home), *wheels, "--requirement", locked], lock)
    _finish(root, home, lock, begun)


def _must_use_host_pip() -> bool:
    """Return whether venv cannot install its own pip, so that the pip of this machine is needed."""
    own_pip = _has_module("ensurepip")
    host_pip = not own_pip and _has_module("pip")
    if not _has_module("venv") or not (own_pip or host_pip):
        raise NotPossibleError(
            "Python's venv module is incomplete here; install the Debian package python3-venv "
            "(apt-get install python3-venv) and start again"
        )
    return host_pip


def _finish(root: Path, home: Path, lock: int, begun: float) -> None:
    _link_gomp(home)
    _install_project(root, home, lock)
    _say(f"the environment is ready after {time.monotonic() - begun:.0f} s")


def _install_project(root: Path, home: Path, lock: int) -> None:
    """Install the four packages in editable mode."""
    _call([*_installer(home), "--no-deps", "--no-build-isolation", "--editable", str(root)], lock)


def _installer(home: Path) -> list[str]:
    """Return the command that installs into the environment: its own pip, uv, or the pip of this machine."""
    python = str(home / "bin" / "python")
    uv = shutil.which("uv")
    if (home / "bin" / "pip").exists():
        return [python, "-m", "pip", "install", *_quietly("-qq")]
    if uv is not None:
        return [uv, "pip", "install", *_quietly("--quiet"), "--python", python]
    return [_base_python(), "-m", "pip", "--python", python, "install", *_quietly("-qq")]


def _quietly(option: str) -> list[str]:
    """Return options that show progress on a terminal, and only errors in a log."""
    return [] if sys.stderr.isatty() else [option]


def _base_python() -> str:
    """Return the Python outside any environment, because the current one may be the environment to replace."""
    return getattr(sys, "_base_executable", None) or sys.executable


def _has_module(name: str) -> bool:
    return subprocess.run([_base_python(), "-c", f"import {name}"], capture_output=True, check=False).returncode == 0


def _clear(home: Path) -> None:
    if home.is_symlink() or home.is_file():
        home.unlink()
    elif home.exists():
        _stamp(home, None)  # first, so that an interrupted removal does not look complete
        shutil.rmtree(home)


def _call(command: list[str], lock: int) -> None:
    """Run one step; it inherits the lock, so that other starts also wait for an orphaned step."""
    surroundings = dict(os.environ)
    for pip_name, uv_name in UV_NAMES.items():
        if pip_name in surroundings:
            surroundings.setdefault(uv_name, surroundings[pip_name])
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"):
        surroundings.pop(name, None)  # they would install the packages elsewhere
    try:
        # Standard output is reserved for the command that is started afterwards.
        done = subprocess.run(command, check=False, stdout=sys.stderr, env=surroundings, pass_fds=[lock])
    except OSError as reason:
        raise NotPossibleError(f"{command[0]} cannot be started: {reason}") from None
    if done.returncode != 0:
        tool = "uv" if Path(command[0]).name == "uv" else f"{Path(command[0]).name} {' '.join(command[1:3])}"
        raise NotPossibleError(
            f"the environment could not be made: {tool} ended with {done.returncode}, its own words are above"
        )


def _link_gomp(home: Path) -> None:
    """Link OpenMP from scikit-learn's wheel for LightGBM, whose wheel lacks it, if the system has none."""
    if sys.platform != "linux" or _system_has_gomp(home):
        return
    for bundled in sorted(_packages(home).glob("scikit_learn.libs/libgomp-*.so*")):
        folder = home / GOMP_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "libgomp.so.1").symlink_to(bundled)
        return
    _say("no libgomp found; LightGBM will ask for it: apt-get install libgomp1")


def _system_has_gomp(home: Path) -> bool:
    if str(home / GOMP_FOLDER) in os.environ.get("LD_LIBRARY_PATH", ""):
        return False  # the only candidate is the link that was just removed
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        return False
    return True


def _say(sentence: str) -> None:
    sys.stderr.write(f"canzhi: {sentence}\n")
    sys.stderr.flush()
