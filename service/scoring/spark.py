"""A fleet valued on a Spark cluster (集群批量评估): Spark reads, shuffles and writes, and groups of packs are valued.

Packs and events are grouped by a hash bucket of the battery code, whatever their order and partitioning. Quotes, model
and terms are broadcast, so workers need canzhi installed and nothing else. The work of a lost worker is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from service.scoring.code_join_key import UNUSUAL_CODE, code_column, normal_spellings
from service.scoring.job_context import JobContext
from service.scoring.memory_settings import keep_memory, rarely_collect
from service.scoring.output_tables import PLACE, REJECTED, values_schema
from service.scoring.score_batch import Batch, score
from valuation.errors import SettingError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, GroupedData, SparkSession

_BUCKET, _REJECTED = "canzhi_bucket", "canzhi_rejected"
_WRITTEN, _NORMAL = "canzhi_written", "canzhi_normal"
_EVENTS_PER_SHARE = 200_000
_PACKS_PER_SHARE = 25_000
_SHARES_PER_REJECTED_FILE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRequest:
    """A job on a cluster: paths that the cluster can read and write, its master, and the number of groups."""

    packs: str
    events: str
    out: str
    master: str | None = None
    shares: int | None = None

    @property
    def rejected(self) -> str:
        """The folder of the packs that are not valued."""
        return f"{self.out.removesuffix('.parquet')}.rejected.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOutcome:
    """Packs valued and rejected, and the folder of the latter."""

    valued: int
    rejected: int
    rejected_folder: str


def score_on_cluster(request: ClusterRequest, context: JobContext) -> ClusterOutcome:
    """Value all packs of a table on a cluster and write the result.

    Raises
    ------
    SettingError
        If PySpark or Java is missing, or the cluster fails.
    """
    session = open_session(request.master)
    try:
        return score_tables(session, request, context)
    except Exception as error:
        if type(error).__module__.startswith(("pyspark", "py4j")):
            raise _cluster_error(error) from error
        raise
    finally:
        session.stop()


def open_session(master: str | None = None) -> SparkSession:
    """Return the Spark session of this process; start one if there is none.

    Raises
    ------
    SettingError
        If PySpark or Java is missing.
    """
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - the extra spark
    except ModuleNotFoundError as missing:
        raise SettingError("fleet.no_spark", field="--engine") from missing
    builder = SparkSession.builder.appName("canzhi score").config("spark.ui.showConsoleProgress", "true")
    if master is not None:
        builder = builder.master(master)
    try:
        return builder.getOrCreate()
    except Exception as error:
        raise SettingError("fleet.spark_start", field="--master", reason=str(error).splitlines()[0][:200]) from error


def score_tables(session: SparkSession, request: ClusterRequest, context: JobContext) -> ClusterOutcome:
    """Value all packs in an existing session."""
    result = score_frames(
        session.read.parquet(request.packs), session.read.parquet(request.events), context, request.shares
    )
    result = result.persist()  # valued once, written to two places
    try:
        rejected = result.where(f"`{_REJECTED}`").select("battery_code", "reason", "hint")
        names = [name for name in values_schema(context).names if name != PLACE]
        valued = result.where(f"NOT `{_REJECTED}`").select([f"`{name}`" for name in names])
        outcome = ClusterOutcome(valued=valued.count(), rejected=rejected.count(), rejected_folder=request.rejected)
        few = max(1, result.rdd.getNumPartitions() // _SHARES_PER_REJECTED_FILE)
        rejected.coalesce(few).write.mode("overwrite").parquet(request.rejected, compression="zstd")
        valued.write.mode("overwrite").parquet(request.out, compression="zstd")
    finally:
        result.unpersist()
    return outcome


def score_frames(packs: DataFrame, events: DataFrame, context: JobContext, shares: int | None = None) -> DataFrame:
    """Return the values and the rejected packs in one frame.

    Parameters
    ----------
    packs, events : DataFrame
        In any order and partitioning.
    context : JobContext
        Quotes, model and terms.
    shares : int, optional
        Number of groups that are valued; by default about 200,000 events each.
    """
    from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415 - the extra spark

    cluster = packs.sparkSession.sparkContext
    if shares is None:
        wanted = 1 + max(events.count() // _EVENTS_PER_SHARE, packs.count() // _PACKS_PER_SHARE)
        shares = max(wanted, cluster.defaultParallelism)
    grouped = [_grouped(frame, name, shares) for name, frame in (("packs", packs), ("events", events))]
    broadcast = cluster.broadcast(astuple(context))
    return (
        grouped[0]
        .cogroup(grouped[1])
        .applyInArrow(_scorer(broadcast), schema=from_arrow_schema(_result_schema(context)))
    )


def _code_of(frame: DataFrame, name: str) -> str:
    """Return the SQL expression of a table's battery codes, without blanks around them.

    Raises
    ------
    FieldError
        If the table has none.
    """
    return rf"regexp_replace(CAST(`{code_column(frame.columns, name)}` AS STRING), r'(?U)^\s+|\s+$', '')"


def _grouped(frame: DataFrame, name: str, shares: int) -> GroupedData:
    """Return the rows of a table grouped by a hash bucket of their normalised codes."""
    columns, code = frame.columns, _code_of(frame, name)
    normal = _normal_spellings(frame, code)
    if normal is not None:
        frame = frame.selectExpr("*", f"{code} AS {_WRITTEN}").join(normal, on=_WRITTEN, how="left")
        code = f"COALESCE({_NORMAL}, {_WRITTEN})"
    bucket = f"CAST(pmod(xxhash64({code}), {shares}) AS INT) AS {_BUCKET}"
    frame = frame.selectExpr(*[f"`{column}`" for column in columns], bucket)
    return frame.repartition(shares, _BUCKET).groupBy(_BUCKET)


def _normal_spellings(frame: DataFrame, code: str) -> DataFrame | None:
    """Return the codes of a table that are written in another than their normal spelling, with that spelling."""
    codes = frame.selectExpr(f"{code} AS code")
    unusual = codes.where(codes["code"].rlike(UNUSUAL_CODE)).distinct().collect()
    spellings = normal_spellings(row.code for row in unusual)
    if not spellings:
        return None
    from pyspark.sql.functions import broadcast  # noqa: PLC0415 - the extra spark

    return broadcast(frame.sparkSession.createDataFrame(list(spellings.items()), [_WRITTEN, _NORMAL]))


def _scorer(broadcast: Any) -> Callable[[pa.Table, pa.Table], pa.Table]:  # noqa: ANN401 - PySpark's broadcast
    """Return the function that values one group on a worker."""

    def score_group(packs: pa.Table, events: pa.Table) -> pa.Table:
        context = _opened(*broadcast.value)
        batch = Batch(
            packs=packs.drop_columns([_BUCKET]),
            events=events.drop_columns([_BUCKET]),
            places=np.arange(packs.num_rows),
        )
        scored, schema = score(batch, context), _result_schema(context)
        both = [
            table.append_column(_REJECTED, pa.repeat(pa.scalar(rejected), table.num_rows))
            for table, rejected in ((scored.values, False), (scored.rejected, True))
        ]
        result = pa.concat_tables([schema.empty_table(), *both], promote_options="default")
        return result.select(schema.names).combine_chunks()

    return score_group


@lru_cache(maxsize=1)
def _opened(*fields: Any) -> JobContext:  # noqa: ANN401 - those of a job context
    """Return the context that was broadcast, opened once per process."""
    pa.set_cpu_count(1)
    keep_memory()
    rarely_collect()
    return JobContext(*fields)


def _result_schema(context: JobContext) -> pa.Schema:
    fields = [field for field in values_schema(context) if field.name != PLACE]
    fields += [field for field in REJECTED if field.name in {"reason", "hint"}]
    return pa.schema([*fields, pa.field(_REJECTED, pa.bool_())])


def _cluster_error(error: Exception) -> SettingError:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return SettingError("fleet.cluster", field="--engine", reason=(lines or [type(error).__name__])[0][:300])
