"""Memory of a process that values batch after batch: kept between them, not given back and asked for again."""

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
    """Let Python look for circles of references rarely: there are next to none, and the look took a twentieth."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)


@contextmanager
def without_pandas() -> Iterator[None]:
    """Keep Arrow from looking for pandas meanwhile, which takes it a second and serves nothing here."""
    left_out = _WithoutPandas()
    sys.meta_path.insert(0, left_out)
    try:
        yield
    finally:
        sys.meta_path.remove(left_out)


class _WithoutPandas:
    """Says that there is no pandas."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Say that there is no pandas, and leave every other module to those whose task it is."""
        if name == "pandas":
            raise ModuleNotFoundError(name)


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
