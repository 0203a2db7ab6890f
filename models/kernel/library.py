"""Loads the compiled kernel of this machine after verifying its recorded digest.

The libraries are built from ``source/`` by ``tools/kernel.py`` for all platforms, need no system library and have the
code for each processor level; all levels give the same bits. ``CANZHI_KERNEL`` chooses:
``auto`` (the default: the highest level this processor has), ``baseline``, ``v3``, ``v4``, or ``numpy`` for no compiled
code at all. Where there is no library for the machine, numpy answers, with the same bits.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import sys
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.kernel.layout import differences, stated_layout
from valuation.errors import SettingError
from valuation.messages import Message

LIBRARIES = Path(__file__).parent / "libraries"
RECORD = "libraries.json"
SETTING = "CANZHI_KERNEL"
NUMPY, AUTO = "numpy", "auto"
LEVELS = {1: "baseline", 3: "v3", 4: "v4"}
CHOICES = (AUTO, NUMPY, *LEVELS.values())
_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
_POINTER, _WHOLE = ctypes.c_void_p, ctypes.c_int64
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "room": (_WHOLE, [_POINTER, _WHOLE]),
    "predict": (None, [_POINTER, _WHOLE, _POINTER, _WHOLE, _WHOLE, _POINTER, _POINTER]),
    "explain": (None, [_POINTER, _WHOLE, _POINTER, _POINTER, _WHOLE, _WHOLE, _POINTER, _POINTER]),
    "price": (
        None,
        [_POINTER, _POINTER, _WHOLE, _WHOLE, _POINTER, _POINTER, _POINTER, _WHOLE, _POINTER, _POINTER, _POINTER],
    ),
    "explain_model": (
        None,
        [_POINTER, _WHOLE, _POINTER, _POINTER, _WHOLE, _POINTER, _WHOLE, _WHOLE, _POINTER, _POINTER, _POINTER],
    ),
    "elementary": (None, [_WHOLE, _POINTER, _WHOLE, _POINTER]),
    "prepare": (_WHOLE, [_POINTER, _POINTER, _WHOLE, _POINTER]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """The functions of the kernel at one processor level.

    ``gil_held`` keeps the GIL, for calls of microseconds; ``gil_released`` releases it.
    """

    level: str
    gil_held: dict[str, Any]
    gil_released: dict[str, Any]


class KernelUnavailableError(Exception):
    """The compiled kernel cannot be used on this machine; the message names the reason."""


@cache
def kernel() -> Kernel | None:
    """Return the kernel of this process, None if numpy is used."""
    try:
        return open_kernel(os.environ.get(SETTING) or AUTO)
    except KernelUnavailableError as reason:
        warnings.warn(Message("kernel.numpy_instead", reason=reason.args[0]), RuntimeWarning, stacklevel=2)
        return None


def engine() -> str:
    """Return the name of the engine of this process: ``compiled, x86_64 v4``, or ``numpy``."""
    opened = kernel()
    return NUMPY if opened is None else f"compiled, {_MACHINES[platform.machine().lower()]} {opened.level}"


def open_kernel(choice: str, folder: Path = LIBRARIES) -> Kernel | None:
    """Return the kernel for one of :data:`CHOICES`, None for numpy or a platform without a library.

    Raises
    ------
    SettingError
        The choice is unknown or asks for more than this processor has.
    KernelUnavailableError
        The library is damaged, cannot be opened, or has another layout than Python.

    """
    if choice not in CHOICES:
        raise SettingError("kernel.choice", field=SETTING, value=choice, choices=CHOICES)
    name = library_name(sys.platform, platform.machine())
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))["libraries"]
    if choice == NUMPY or name not in record:
        return None
    path = folder / name
    if hashlib.sha256(path.read_bytes()).hexdigest() != record[name]:
        raise KernelUnavailableError(Message("kernel.changed", name=name))
    try:
        gil_held, gil_released = ctypes.PyDLL(str(path)), ctypes.CDLL(str(path))
    except OSError as error:
        raise KernelUnavailableError(Message("kernel.not_opened", name=name, reason=str(error))) from error
    highest = int(gil_released.level())
    level = LEVELS[highest] if choice == AUTO else choice
    if level not in [LEVELS[number] for number in LEVELS if number <= highest]:
        raise SettingError("kernel.processor", field=SETTING, value=choice, highest=LEVELS[highest], auto=AUTO)
    if difference := next(differences(stated_layout(gil_released, level)), None):
        raise KernelUnavailableError(Message("kernel.layout", name=name, difference=difference))
    return Kernel(level=level, gil_held=_functions(gil_held, level), gil_released=_functions(gil_released, level))


def library_name(system: str, machine: str) -> str:
    """Return the name of a platform's library, from the platform as Python spells it.

    >>> library_name("linux", "x86_64"), library_name("darwin", "arm64")
    ('linux_x86_64.so', 'macos_aarch64.dylib')
    """
    suffix = {"darwin": "dylib", "win32": "dll"}.get(system, "so")
    return f"{_SYSTEMS.get(system, system)}_{_MACHINES.get(machine.lower(), machine.lower())}.{suffix}"


def _functions(library: ctypes.CDLL, level: str) -> dict[str, Any]:
    functions = {}
    for name, (answer, arguments) in _SIGNATURES.items():
        function = getattr(library, f"{name}_{level}")
        function.restype, function.argtypes = answer, arguments
        functions[name] = function
    return functions
