"""Run all quality checks; every check runs even if an earlier one failed, and the last line names the failed ones."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from start import PARALLEL

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent


def main(arguments: list[str]) -> int:
    """Run the checks; `--without-tests` skips pytest."""
    steps = _steps()
    if "--without-tests" in arguments:
        del steps["tests"]
    with tempfile.TemporaryDirectory() as folder:
        failed = [name for name, commands in steps.items() if not _step(name, commands, folder)]
    sys.stdout.write(f"check: {'failed: ' + ', '.join(failed) if failed else 'everything passed'}\n")
    return 1 if failed else 0


def _steps() -> dict[str, list[list[str]]]:
    tools = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tools").glob("*.py"))
    return {
        "format": [["ruff", "format", "--check", "."]],
        "lint": [["ruff", "check", "."]],
        "types": [["mypy"], ["mypy", *tools]],
        "layers": [["lint-imports", "--no-logo"]],
        "kernel": [["python", "tools/kernel.py", "--check"]],
        "tests": [["python", "-m", "pytest", *PARALLEL, "-q"]],
        "wheel": [
            ["hatchling", "build", "-t", "wheel", "-d", "{folder}"],
            ["check-wheel-contents", "{folder}"],
        ],
    }


def _step(name: str, commands: list[list[str]], folder: str) -> bool:
    begun = time.monotonic()
    sys.stdout.write(f"check: {name} …\n")
    sys.stdout.flush()
    passed = True
    for program, *rest in commands:
        command = [str(PROGRAMS / program), *(word.replace("{folder}", folder) for word in rest)]
        passed = subprocess.run(command, cwd=ROOT, check=False).returncode == 0 and passed
    outcome = "passed" if passed else "FAILED"
    sys.stdout.write(f"check: {name} {outcome} in {time.monotonic() - begun:.1f} s\n")
    return passed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
