"""Memory settings of a process that values many batches: freed memory is kept for the next batch."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's mallopt(3)
_KEPT_BYTES = 1 << 30
_COLLECT_AFTER = 200_000


def rarely_collect() -> None:
    """Run Python's garbage collector rarely: there are almost no reference cycles, and it took 5 % of the time."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)


@contextmanager
def without_pandas() -> Iterator[None]:
    """Prevent Arrow from importing pandas, which takes a second and is not needed."""
    left_out = _PandasHider()
    sys.meta_path.insert(0, left_out)
    try:
        yield
    finally:
        sys.meta_path.remove(left_out)


class _PandasHider:
    """Import finder that hides pandas."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Raise for pandas; leave every other module to the next finder."""
        if name == "pandas":
            raise ModuleNotFoundError(name)


def keep_memory() -> None:
    """Keep the memory of a batch for the next one; only glibc has this setting.

    Thousands of arrays of a megabyte are allocated and freed; the system clearing their pages took a sixth of the time.
    Arrow uses the same allocator, so that it can reuse what numpy frees.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return
    library.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
    library.mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
    pa.set_memory_pool(pa.system_memory_pool())
