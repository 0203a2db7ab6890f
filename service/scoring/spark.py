"""A fleet valued on a Spark cluster (集群批量评估): the same function over Arrow batches.

Packs and events are dealt into shares by a hash of the code, whatever their order and partitioning; a share is one
group of work. Quotes, model and terms travel as broadcast bytes, so workers need canzhi installed and nothing else.
What a lost worker had done is worked out again; the answer appears under its name once it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from service.scoring.answers import PLACE, REJECTED, values_schema
from service.scoring.chunks import gathered, pieces_of, shares_for, together
from service.scoring.codes import code_column
from service.scoring.hadoop_fs import Store
from service.scoring.job_context import JobContext
from service.scoring.reading import no_events
from service.scoring.scoring import Batch, score
from service.scoring.spark_direct import Files, OutOfReach, Places, score_places
from service.scoring.spool import ODD, repeated_names, respelled_names
from valuation.errors import SettingError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_SHARE, _PIECE, _ASIDE = "canzhi_share", "canzhi_piece", "canzhi_set_aside"
_SHARES_A_FILE_ASIDE = 32
_BLANKS = r"(?U)^\s+|\s+$"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRequest:
    """A job on a cluster: places that the cluster can read and write, its master, and into how many shares to deal."""

    packs: str
    events: str
    out: str
    master: str | None = None
    shares: int | None = None

    @property
    def rejected(self) -> str:
        """Where the packs go that are not valued."""
        return f"{self.out.removesuffix('.parquet')}.rejected.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOutcome:
    """Packs valued and set aside, and where the latter lie."""

    valued: int
    rejected: int
    rejected_place: str


def score_on_cluster(request: ClusterRequest, kit: JobContext) -> ClusterOutcome:
    """Value all packs of a table into another, on the cluster of the session.

    Raises
    ------
    SettingError
        If PySpark or Java is not there, or the cluster cannot do the work.
    """
    session = open_session(request.master)
    try:
        return score_tables(session, request, kit)
    except Exception as error:
        if type(error).__module__.startswith(("pyspark", "py4j")):
            raise _cluster_error(error) from error
        raise
    finally:
        session.stop()


def open_session(master: str | None = None) -> SparkSession:
    """Return the Spark session of this process, begun if there is none.

    Raises
    ------
    SettingError
        If PySpark or Java is not there.
    """
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - the extra spark
    except ModuleNotFoundError as missing:
        raise SettingError("Spark is not installed", hint="pip install 'canzhi[spark]'", field="--engine") from missing
    builder = SparkSession.builder.appName("canzhi score").config("spark.ui.showConsoleProgress", "true")
    if master is not None:
        builder = builder.master(master)
    try:
        return builder.getOrCreate()
    except Exception as error:
        raise SettingError(
            f"Spark does not start: {str(error).splitlines()[0][:200]}",
            hint="install Java 17 (JAVA_HOME), and see that the master can be reached",
            field="--master",
        ) from error


def score_tables(session: SparkSession, request: ClusterRequest, kit: JobContext) -> ClusterOutcome:
    """Value all packs in a session that is there already.

    The workers read and write Parquet with Arrow where it reaches the files as Spark does, else Java does it for them.
    """
    try:
        return _score_directly(session, request, kit)
    except Exception as error:
        if not _is_out_of_reach(error):
            raise
        return _score_by_java(session, request, kit)


def _is_out_of_reach(error: Exception) -> bool:
    """Tell whether Arrow could not do what Java perhaps can, here or on a worker."""
    return isinstance(error, OutOfReach) or OutOfReach.__qualname__ in str(error)


def _score_directly(session: SparkSession, request: ClusterRequest, kit: JobContext) -> ClusterOutcome:
    """Value all packs, the workers reading and writing Parquet themselves.

    Raises
    ------
    OutOfReach
        If Arrow cannot read or write the places, or would not read them as Spark does.
    """
    files = {}
    for name in ("packs", "events"):
        frame = session.read.parquet(getattr(request, name))
        code_column(frame.columns, name)  # refused here, not on a worker, where it has no codes
        files[name] = Files(places=tuple(frame.inputFiles()), columns=frozenset(frame.columns))
    store = Store(session)
    folder = store.qualified(f"{request.out}.attempts")
    store.make(folder)
    try:
        found = score_places(session.sparkContext, kit, Places(**files, folder=folder), request.shares)
        for kind, place in (("rejected", request.rejected), ("values", request.out)):
            store.make(f"{place}.writing")
            store.move_in([file.place for file in found if file.kind == kind], f"{place}.writing")
            store.publish(f"{place}.writing", place)
    finally:
        store.remove(folder)
    valued, aside = (sum(file.rows for file in found if file.kind == kind) for kind in ("values", "rejected"))
    return ClusterOutcome(valued=valued, rejected=aside, rejected_place=request.rejected)


def _score_by_java(session: SparkSession, request: ClusterRequest, kit: JobContext) -> ClusterOutcome:
    """Value all packs, Spark reading and writing."""
    from pyspark import StorageLevel  # noqa: PLC0415 - the extra spark
    from pyspark.sql import functions as f  # noqa: PLC0415 - the extra spark

    packs, events = session.read.parquet(request.packs), session.read.parquet(request.events)
    result = score_frames(packs, events, kit, request.shares).persist(StorageLevel.DISK_ONLY)
    try:
        aside = result.where(f.col(_ASIDE)).select("battery_code", "reason", "hint")
        names = [name for name in values_schema(kit).names if name != PLACE]
        valued = result.where(~f.col(_ASIDE)).select([f"`{name}`" for name in names])
        counted = {bool(row[_ASIDE]): int(row["count"]) for row in result.groupBy(_ASIDE).count().collect()}
        few = max(1, result.rdd.getNumPartitions() // _SHARES_A_FILE_ASIDE)
        _publish(Store(session), aside.coalesce(few), request.rejected)
        _publish(Store(session), valued, request.out)
        return ClusterOutcome(
            valued=counted.get(False, 0), rejected=counted.get(True, 0), rejected_place=request.rejected
        )
    finally:
        result.unpersist()


def score_frames(packs: DataFrame, events: DataFrame, kit: JobContext, shares: int | None = None) -> DataFrame:
    """Return the values and what is set aside in one frame, worked out where it lies.

    Parameters
    ----------
    packs, events : DataFrame
        In any order and partitioning.
    kit : Kit
        Quotes, model and terms.
    shares : int, optional
        Into how many groups of work packs and events are dealt; some hundred thousand events each by default.
    """
    from pyspark.sql import functions as f  # noqa: PLC0415 - the extra spark
    from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415 - as above

    session = packs.sparkSession
    codes = f.regexp_replace(f.col(f"`{code_column(packs.columns, 'packs')}`").cast("string"), _BLANKS, "")
    code_column(events.columns, "events")  # refused here, not on a worker, where it has no codes
    if shares is None:
        shares = shares_for(packs.count(), events.count(), session.sparkContext.defaultParallelism)
    repeated = _repeated(packs.select(codes.alias("code")))
    carried = session.sparkContext.broadcast((kit.quotes, kit.parcel, kit.terms))
    schema = from_arrow_schema(_result_schema(kit))
    return _dealt(packs, shares).cogroup(_dealt(events, shares)).applyInArrow(_scorer(carried, repeated), schema=schema)


def _dealt(frame: DataFrame, shares: int) -> Any:  # noqa: ANN401 - pyspark's own grouped data
    """Return the rows dealt into shares, those of one share and some batches as one piece.

    Spark then moves a few pieces instead of every row with all its cells, which is where most of its time went.
    """
    pieces = frame.mapInArrow(_dealer(shares), f"{_SHARE} int, {_PIECE} binary")
    return pieces.repartition(shares, _SHARE).groupBy(_SHARE)


def _dealer(shares: int) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return the function that deals the rows of one partition into shares."""

    def deal(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pa.set_cpu_count(1)
        for table in gathered(batches):
            dealt = pieces_of(table, shares)
            yield pa.record_batch(
                {
                    _SHARE: pa.array([share for share, _ in dealt], type=pa.int32()),
                    _PIECE: pa.array([piece for _, piece in dealt], type=pa.binary()),
                }
            )

    return deal


def _repeated(codes: DataFrame) -> frozenset[str]:
    """Return the codes that several packs carry in different spellings; packs of one spelling fall into one share."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - the extra spark

    odd = [row.code for row in codes.where(f.col("code").rlike(ODD)).collect()]
    names = respelled_names(odd)
    if not names:
        return frozenset()
    plain = codes.where(f.col("code").isin(sorted(set(names)))).collect()
    return repeated_names(names, [row.code for row in plain])


def _scorer(carried: Any, repeated: frozenset[str]) -> Callable[[pa.Table, pa.Table], pa.Table]:  # noqa: ANN401 - broadcast
    """Return the function that values one share; what it needs travels with it."""

    def score_share(packs: pa.Table, events: pa.Table) -> pa.Table:
        kit = _opened(*carried.value)
        plates = together(packs.column(_PIECE).to_pylist(), no_events())
        scored = score(
            Batch(
                packs=plates,
                events=together(events.column(_PIECE).to_pylist(), no_events()),
                places=np.arange(plates.num_rows),
                repeated=repeated,
            ),
            kit,
        )
        schema = _result_schema(kit)
        valued = scored.values.drop_columns([PLACE]).append_column(
            _ASIDE, pa.repeat(pa.scalar(value=False), scored.values.num_rows)
        )
        aside = scored.rejected.drop_columns([PLACE]).append_column(
            _ASIDE, pa.repeat(pa.scalar(value=True), scored.rejected.num_rows)
        )
        both = pa.concat_tables([schema.empty_table(), valued, aside], promote_options="default")
        return both.select(schema.names).combine_chunks()

    return score_share


@lru_cache(maxsize=1)
def _opened(quotes: bytes, parcel: bytes | None, terms: bytes) -> JobContext:
    """Return the kit that came with the work, opened once in each process."""
    pa.set_cpu_count(1)
    return JobContext(quotes=quotes, parcel=parcel, terms=terms)


def _result_schema(kit: JobContext) -> pa.Schema:
    fields = [field for field in values_schema(kit) if field.name != PLACE]
    fields += [field for field in REJECTED if field.name in {"reason", "hint"}]
    return pa.schema([*fields, pa.field(_ASIDE, pa.bool_())])


def _publish(store: Store, frame: DataFrame, place: str) -> None:
    """Write a frame beside its place and give it its name when it is whole."""
    fresh = f"{place}.writing"
    frame.write.mode("overwrite").option("compression", "zstd").parquet(fresh)
    store.publish(fresh, place)


def _cluster_error(error: Exception) -> SettingError:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return SettingError(
        f"the cluster could not do the work: {(lines or [type(error).__name__])[0][:300]}",
        hint="Spark's log tells more; workers need canzhi of this version, and memory for a share (see --shares)",
        field="--engine",
    )
