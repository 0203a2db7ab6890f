"""`./canzhi kernel`: build the compiled kernel for every platform, with the same bytes on every machine.

The compiler is Zig's C compiler from the package index, in an environment of its own under `build/`: it builds for all
platforms from one, and is needed by nobody who only uses what was built. `--check` builds and compares, and writes
nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "models" / "kernel" / "source"
LIBRARIES = ROOT / "models" / "kernel" / "libraries"
RECORD = "libraries.json"
LOCK = ROOT / "requirements" / "kernel.lock"
COMPILER_HOME = ROOT / "build" / "kernel-compiler"

# Code compiled for a level has no instruction above it; dispatch.c is compiled for the lowest level.
X86_LEVELS = {"baseline": ["-mcpu=x86_64"], "v3": ["-mcpu=x86_64_v3"], "v4": ["-mcpu=x86_64_v4"]}
PLATFORMS = {
    "linux_x86_64.so": ("x86_64-linux-none", X86_LEVELS),
    "linux_aarch64.so": ("aarch64-linux-none", {"baseline": ["-mcpu=generic"]}),
}
FLAGS = [
    "-std=c11", "-O3", "-fPIC", "-ffreestanding", "-fvisibility=hidden", "-fno-stack-protector", "-fno-sanitize=all",
    "-fno-math-errno", "-ffp-contract=off", "-fno-fast-math",  # a fused or reordered operation would change bits
    "-Wall", "-Wextra", "-Werror",
]  # fmt: skip


def main(arguments: list[str]) -> int:
    """Build every library; return 1 if something differs or fails."""
    python = _compiler()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        try:
            built = {name: _build(python, scratch, name) for name in PLATFORMS}
        except subprocess.CalledProcessError as failure:
            sys.stderr.write(f"canzhi: the kernel does not compile: {failure}\n")
            return 1
        record = {
            "source": source_digest(),
            "compiler": LOCK.read_text(encoding="utf-8").partition(" ")[0],
            "libraries": {name: hashlib.sha256(content).hexdigest() for name, content in built.items()},
        }
    if "--check" in arguments:
        kept = json.loads((LIBRARIES / RECORD).read_text(encoding="utf-8"))
        sys.stdout.write("kernel: " + ("the same bytes\n" if kept == record else "differs from what is kept\n"))
        return int(kept != record)
    LIBRARIES.mkdir(exist_ok=True)
    for name, content in built.items():
        (LIBRARIES / name).write_bytes(content)
        sys.stdout.write(f"kernel: {name}, {len(content)} bytes\n")
    (LIBRARIES / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


def source_digest() -> str:
    """Return one hash of all sources, names included."""
    digest = hashlib.sha256()
    for path in sorted(SOURCE.iterdir()):
        digest.update(f"{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _compiler() -> Path:
    """Return the Python of the compiler's environment, made on first use."""
    python = COMPILER_HOME / "bin" / "python"
    stamp = COMPILER_HOME / "lock"
    if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
        shutil.rmtree(COMPILER_HOME, ignore_errors=True)
        venv.create(COMPILER_HOME, with_pip=True)
        command = [str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(LOCK)]
        subprocess.run(command, check=True)
        shutil.copyfile(LOCK, stamp)
    return python


def _build(python: Path, scratch: Path, name: str) -> bytes:
    target, levels = PLATFORMS[name]
    compile_ = [str(python), "-m", "ziglang", "cc", "-target", target]
    parts = []
    for level, choice in levels.items():
        part = f"{name}.{level}.o"
        _run(scratch, [*compile_, *choice, *FLAGS, f"-DLEVEL={level}", "-c", "kernel.c", "-o", part])
        parts.append(part)
    _run(scratch, [*compile_, *FLAGS, "-c", "dispatch.c", "-o", f"{name}.dispatch.o"])
    _run(scratch, [*compile_, "-shared", "-nostdlib", "-s", *parts, f"{name}.dispatch.o", "-o", name])
    return (scratch / name).read_bytes()


def _run(scratch: Path, command: list[str]) -> None:
    """Compile in a folder with only the sources, so that the library contains no path of this machine."""
    for path in SOURCE.iterdir():
        shutil.copyfile(path, scratch / path.name)
    surroundings = os.environ | {"ZIG_GLOBAL_CACHE_DIR": str(COMPILER_HOME / "cache"), "SOURCE_DATE_EPOCH": "0"}
    subprocess.run(command, cwd=scratch, check=True, env=surroundings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
