"""Run commands in a clean clone in a minimal Debian of another suite, with another Python.

    python3 .ci/debian.py SUITE PYTHON COMMAND…      for example: trixie 3.13 './canzhi test'

debootstrap creates the tree from the Debian mirror of this machine, with only Python's venv and git. pip reads the same
settings in the tree as here, and the local folders that they name are visible there. All mounts are in a separate
namespace: the kernel removes them and ends every process inside when this program ends for any reason. Only the
standard library is used. Needs root and the package debootstrap.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLONE = "/srv/canzhi"
ALONE = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child")
REAPER = ("bash", "-c", '"$@" & wait $!', "reaper")
"""The first process of a namespace inherits orphans and must wait for them; bash does."""
INSIDE = "CANZHI_CI_INSIDE"
"""Environment variable that is set inside the namespace."""
SCRIPTS = Path("/usr/share/debootstrap/scripts")
NETWORK = re.compile(r"PIP_\w+|\w+_proxy|SSL_CERT_FILE|REQUESTS_CA_BUNDLE", re.IGNORECASE)
LOCAL_PATH = re.compile(r"(?:^|[\s=]|file://)(/[^\s'\"]+)", re.MULTILINE)


def main(suite: str, python: str, commands: list[str]) -> int:
    """Create the tree and run each command in it; return 1 after the first failure."""
    if os.geteuid() != 0:
        raise SystemExit("debian: a Debian tree needs root")
    if shutil.which("debootstrap") is None:
        raise SystemExit("debian: debootstrap is missing: apt-get install debootstrap")
    if INSIDE not in os.environ:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the folder is also removed then
        again = [*ALONE, *REAPER, sys.executable, __file__, suite, python, *commands]
        with tempfile.TemporaryDirectory(prefix="canzhi-debian-") as folder:
            return subprocess.run(again, env={**os.environ, INSIDE: folder}, check=False).returncode
    tree = Path(os.environ[INSIDE]) / "tree"
    _make(tree, suite, python)
    surroundings = _furnish(tree)
    _call(["git", "clone", "--quiet", str(ROOT), f"{tree}{CLONE}"])
    chroot = shutil.which("chroot") or "/usr/sbin/chroot"
    for command in ("python3 --version", *commands):
        begun = time.monotonic()
        inside = [chroot, str(tree), "sh", "-c", f"cd {CLONE} && {command}"]
        code = subprocess.run(inside, env=surroundings, stdin=subprocess.DEVNULL, check=False).returncode
        print(f"debian: {suite}: {command!r} ended with {code} after {time.monotonic() - begun:.0f} s", flush=True)
        if code:
            return 1
    return 0


def _make(tree: Path, suite: str, python: str) -> None:
    """Unpack the suite from the mirror of this machine, with the wanted Python as python3."""
    begun = time.monotonic()
    script = SCRIPTS / suite
    packages = f"--include=python3-venv,python{python}-venv,git"
    newest = SCRIPTS / "sid"  # debootstrap can be older than the suite; all current suites use the same script
    arguments = ["--variant=minbase", packages, suite, str(tree), _mirror(), str(script if script.exists() else newest)]
    log = tree.with_suffix(".log")
    with log.open("wb") as said:
        done = subprocess.run(["debootstrap", *arguments], stdout=said, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise SystemExit(f"debian: debootstrap cannot make {suite}:\n{log.read_text(errors='replace')[-2000:]}")
    (tree / "usr/local/bin/python3").symlink_to(f"/usr/bin/python{python}")
    print(f"debian: {suite} was made in {time.monotonic() - begun:.0f} s", flush=True)


def _mirror() -> str:
    """Return the package mirror of apt on this machine."""
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    listed = _call(["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)"]).splitlines()
    mirrors = [uri for release, _, uri in (line.partition(" ") for line in listed) if release == suite]
    if not mirrors:
        raise SystemExit(f"debian: apt of this machine names no mirror for its own suite {suite!r}")
    return mirrors[0]


def _furnish(tree: Path) -> dict[str, str]:
    """Mount devices, processes, host names and the settings of pip; return the environment variables."""
    for source in ("/dev", "/proc"):
        (tree / source[1:]).mkdir(exist_ok=True)
    _call(["mount", "--rbind", "/dev", f"{tree}/dev"])
    _call(["mount", "-t", "proc", "proc", f"{tree}/proc"])
    home = Path.home()
    settings = [path for path in _pip_settings(home) if path.is_file()]
    for path in (Path("/etc/resolv.conf"), Path("/etc/hosts"), *settings):
        target = tree / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    kept = {name: value for name, value in os.environ.items() if NETWORK.fullmatch(name)}
    for shown in local_folders([*kept.values(), *(path.read_text("utf-8") for path in settings)]):
        _show(shown, tree)
    return {**kept, "HOME": str(home), "LC_ALL": "C.UTF-8", "CI": "true", "PATH": "/usr/local/bin:/usr/bin:/bin"}


def _pip_settings(home: Path) -> list[Path]:
    """Return the configuration files of pip (pip's documentation, "Configuration")."""
    folders = os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
    chosen = os.environ.get("PIP_CONFIG_FILE")
    return [
        *(Path(folder) / "pip/pip.conf" for folder in folders),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        Path(os.environ.get("XDG_CONFIG_HOME", home / ".config")) / "pip/pip.conf",
        *([Path(chosen)] if chosen else []),
    ]


def local_folders(settings: list[str]) -> list[Path]:
    """Return the files and folders of this machine that the settings name, without duplicates.

    An index in a folder points to the packages beside it, so the folder above is what is needed.
    """
    named = [Path(path) for text in settings for path in LOCAL_PATH.findall(text)]
    needed = [path.parent if path.name == "simple" else path for path in named]
    return [path for path in dict.fromkeys(needed) if path.exists()]


def _show(source: Path, tree: Path) -> None:
    """Mount a file or folder of this machine in the tree under the same path, read-only."""
    target = tree / source.relative_to("/")
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    _call(["mount", "--bind", "--options", "ro", str(source), str(target)])


def _call(command: list[str]) -> str:
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"debian: {' '.join(command)} ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
