"""Results are those of their jobs, wherever they run."""

import math
import sys

import pytest

from training.parallel import Workers, iter_results
from valuation.errors import TrainingError


def run_all(function, jobs, workers=None):
    """Return the results in the order of the jobs."""
    return [result for _, result in sorted(iter_results(function, jobs, workers))]


def test_each_result_has_the_index_of_its_job():
    jobs = [25.0, 4.0, 9.0, 16.0]
    assert (
        run_all(math.sqrt, jobs, Workers(processes=2)) == run_all(math.sqrt, jobs, Workers(processes=1)) == [5, 2, 3, 4]
    )


def test_a_failed_job_raises():
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        run_all(math.sqrt, [1.0, -1.0], Workers(processes=2))


def test_no_jobs_give_no_results():
    assert run_all(math.sqrt, []) == []


def test_without_spark_the_error_has_a_hint(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(TrainingError, match="Spark is not installed"):
        run_all(math.sqrt, [1.0], Workers(spark="local[2]"))


@pytest.mark.spark
def test_spark_gives_the_same_results():
    assert run_all(math.sqrt, [25.0, 4.0, 9.0], Workers(spark="local[2]")) == [5.0, 2.0, 3.0]


@pytest.mark.spark
def test_a_failed_job_on_spark_raises():
    with pytest.raises(TrainingError, match="a job failed on the cluster"):
        run_all(math.sqrt, [-1.0], Workers(spark="local[2]"))
