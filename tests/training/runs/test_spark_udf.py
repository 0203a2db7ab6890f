"""The registered model as a Spark UDF gives bit-identical values."""

import json
import os
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from models.artifact.bundle import read_bundle
from models.artifact.predictor import Predictor
from models.artifact.pyfunc import SPARK_TYPE, Valuer, model_parts, write_data
from models.artifact.registry import Publication, publish
from training.fit_model import learn
from valuation.ingest import read_market

pytestmark = [
    pytest.mark.spark,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # MLflow's and Spark's own use of their libraries
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def saved(sales, augmentation, config, quotes, market_folder, tmp_path_factory):  # noqa: PLR0917 - fixtures
    """Folder of a model saved for MLflow, and its values on one machine."""
    import mlflow.pyfunc  # noqa: PLC0415 - 2.5 s; only where this test runs

    home = tmp_path_factory.mktemp("home")
    predicted = Publication(
        name="fleet", created_on="2026-01-05", trained_through="2026-01-01", summary={"market": quotes.digest}
    )
    version = publish(learn(sales, augmentation, config).fitted_, predicted, home)
    data = write_data(home / "data", version.folder, market_folder / "quotes.csv")
    mlflow.pyfunc.save_model(path=str(home / "saved"), **model_parts(data))
    return home / "saved", Valuer(Predictor(read_bundle(version.folder)), read_market(market_folder / "quotes.csv"))


def test_a_spark_udf_gives_the_same_values(saved, market_folder, monkeypatch):
    import mlflow.pyfunc  # noqa: PLC0415 - as above
    from pyspark.sql import SparkSession  # noqa: PLC0415 - only the Spark environment has it

    folder, valuer = saved
    packs = pq.read_table(market_folder / "packs.parquet", columns=["battery_code", "chemistry", "rated_energy_kwh"])
    rows = [json.dumps({name: value for name, value in row.items() if value is not None}) for row in packs.to_pylist()]
    asked = pd.DataFrame({"trace": [*rows[:200], '{"battery_code": "?"}'], "as_of": "2026-11-20"})
    expected = valuer.predict(asked)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    try:
        udf = mlflow.pyfunc.spark_udf(spark, folder.as_uri(), result_type=SPARK_TYPE, env_manager="local")
        frame = spark.createDataFrame(asked.reset_index().to_dict("records")).repartition(2)
        predicted = frame.withColumn("value", udf("trace", "as_of")).select("index", "value.*").toPandas()
    finally:
        spark.stop()
    predicted = predicted.sort_values("index").reset_index(drop=True)
    for name in ("point_cny", "lower_cny", "upper_cny"):
        np.testing.assert_array_equal(predicted[name].to_numpy(), expected[name].to_numpy())
    assert predicted["best_route"].tolist() == expected["best_route"].tolist()
    assert predicted["problem"].tolist() == expected["problem"].tolist()
