"""Handle `./canzhi WORD …`: run `test`, `golden`, `check`, `kernel`, `lock` and `add spark`, pass on other words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import environment

DISABLED_REPORTING = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
PARALLEL = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
"""Options of pytest: one process a core, all tests of a file in the same one; ``-n 0`` after them uses one process."""


def main(root: str, arguments: list[str]) -> int:
    """Prepare the environment and replace this process by the command; return only on failure."""
    try:
        if arguments == ["lock"]:
            return _lock(Path(root))
        if arguments == ["add", "spark"]:
            environment.add_spark(Path(root))
            return 0
        _become(Path(root), arguments)
    except environment.NotPossibleError as reason:
        sys.stderr.write(f"canzhi: {reason}\n")
        return 1
    except OSError as reason:
        sys.stderr.write(f"canzhi: the environment cannot be used: {reason}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("canzhi: interrupted; the next start begins the environment afresh if it was not finished\n")
        return 130


def _become(root: Path, arguments: list[str]) -> NoReturn:
    home = environment.ready(root)
    python = str(home / "bin" / "python")
    word, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if word == "test":
        os.chdir(root)
        command = [python, "-m", "pytest", *PARALLEL, *rest]
    elif word == "golden":
        os.chdir(root)
        command = [python, str(root / "tests" / "golden" / "golden.py"), *rest]
    elif word == "kernel":
        os.chdir(root)
        command = [python, str(root / "tools" / "kernel.py"), *rest]
    elif arguments == ["check"]:
        os.chdir(root)
        command = [python, str(root / "tools" / "quality.py")]
    else:
        command = [str(home / "bin" / "canzhi"), *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, _surroundings(home))  # noqa: S606 - to become the command costs no second process


def _surroundings(home: Path) -> dict[str, str]:
    """Return the environment variables for the command: no usage reporting, and the path of a linked libgomp."""
    surroundings = DISABLED_REPORTING | dict(os.environ)
    linked = home / environment.GOMP_FOLDER
    folders = [folder for folder in surroundings.get("LD_LIBRARY_PATH", "").split(":") if folder]
    if linked.is_dir() and str(linked) not in folders:
        surroundings["LD_LIBRARY_PATH"] = ":".join([*folders, str(linked)])
    return surroundings


def _lock(root: Path) -> int:
    """Write the lock files from the requirements with uv; keep locked versions that still satisfy them."""
    common = ["uv", "pip", "compile", "--universal", "--python-version", "3.11", "--quiet"]
    # One version for all Pythons if possible: fewer differences between machines.
    common += ["--fork-strategy", "fewest", "--generate-hashes"]
    # A lock contains only packages and hashes; the installing machine configures the package index.
    common += ["--no-config", "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"]
    # A folder of local wheels would add hashes that exist only on this machine.
    surroundings = {name: value for name, value in os.environ.items() if name != "UV_FIND_LINKS"}
    for name, selection in environment.LOCKS.items():
        command = [*common, *selection, "--output-file", f"requirements/{name}.lock"]
        try:
            subprocess.run(command, cwd=root, check=True, env=surroundings)
        except FileNotFoundError:
            raise environment.NotPossibleError("the locks are made with uv, which is not on PATH") from None
        except subprocess.CalledProcessError as failure:
            return failure.returncode
    return 0
