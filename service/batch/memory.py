"""Memory of a process that values batch after batch: kept between them, not given back and asked for again."""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's mallopt(3)
_KEPT_BYTES = 1 << 30


def keep_memory() -> None:
    """Let this process keep the memory of a batch for the next one, where its C library can be told to (glibc).

    Arrays of a megabyte come and go by the thousand; a sixth of the work was the system's, clearing pages anew. Arrow
    takes its memory from the same place, so that what one frees the other uses.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return
    library.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
    library.mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
    pa.set_memory_pool(pa.system_memory_pool())
