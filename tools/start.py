"""What `./canzhi WORD …` does: `test`, `golden`, `check`, `kernel`, `lock`, `add spark` are its own; others go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import environment

DISABLED_REPORTING = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def main(root: str, arguments: list[str]) -> int:
    """Make the environment ready and become the command; returns only when that was not possible."""
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
        command = [python, "-m", "pytest", *rest]
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
    """Return the process environment for the command: no usage reporting, and libgomp where we had to link it."""
    surroundings = DISABLED_REPORTING | dict(os.environ)
    linked = home / environment.GOMP_FOLDER
    folders = [folder for folder in surroundings.get("LD_LIBRARY_PATH", "").split(":") if folder]
    if linked.is_dir() and str(linked) not in folders:
        surroundings["LD_LIBRARY_PATH"] = ":".join([*folders, str(linked)])
    return surroundings


def _lock(root: Path) -> int:
    """Write the locks again from what is asked for; needs uv, and keeps what is locked where it still fits."""
    common = ["uv", "pip", "compile", "--universal", "--python-version", "3.11", "--quiet"]
    # One version for every Python where one exists: fewer differences between two machines.
    common += ["--fork-strategy", "fewest", "--generate-hashes"]
    # A lock names packages and hashes only: where they come from is the business of the machine that installs.
    common += ["--no-config", "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"]
    # A folder of local wheels would add hashes that nobody else can have.
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
