"""The file systems of a Spark cluster as its Java side sees them: folders made, emptied, named once they are whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from valuation.errors import SettingError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Store:
    """Places that the cluster of a session reads and writes."""

    def __init__(self, session: SparkSession) -> None:
        self._hadoop = session._jvm.org.apache.hadoop.fs  # noqa: SLF001 - PySpark has no public access to Hadoop's file systems
        self._settings = session._jsc.hadoopConfiguration()  # noqa: SLF001 - as above

    def qualified(self, place: str) -> str:
        """Return a place as a URI with its scheme, told apart from a path of the local machine."""
        files, path = self._at(place)
        return str(files.makeQualified(path).toUri().toString())

    def make(self, place: str) -> None:
        """Make an empty folder, whatever lay there before."""
        self.remove(place)
        files, path = self._at(place)
        files.mkdirs(path)

    def remove(self, place: str) -> None:
        """Remove a folder with all that is in it, if it is there."""
        files, path = self._at(place)
        files.delete(path, True)  # noqa: FBT003 - Java knows no names of arguments

    def move_in(self, written: Iterable[str], place: str) -> None:
        """Move files into a folder as the parts of a table, and mark it as whole."""
        for number, one in enumerate(written):
            self._rename(one, f"{place}/part-{number:05d}.parquet")
        files, mark = self._at(f"{place}/_SUCCESS")
        files.create(mark).close()

    def publish(self, fresh: str, place: str) -> None:
        """Give a folder that is whole its name; what stood there before goes then.

        Raises
        ------
        SettingError
            If it cannot be given the name.
        """
        old = f"{place}.replaced"
        self.remove(old)
        files, path = self._at(place)
        if files.exists(path):
            self._rename(place, old)
        self._rename(fresh, place)
        self.remove(old)

    def _rename(self, one: str, other: str) -> None:
        files, path = self._at(one)
        if not files.rename(path, self._at(other)[1]):
            raise SettingError(f"{one} could not be renamed to {other}", hint="name an output on one file system")

    def _at(self, place: str) -> tuple[Any, Any]:
        path = self._hadoop.Path(place)
        return path.getFileSystem(self._settings), path
