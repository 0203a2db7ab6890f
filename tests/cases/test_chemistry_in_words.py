"""Chemistry in everyday words, at every entry point; several chemistries or a negation give none."""

from __future__ import annotations

from math import isnan

import pyarrow as pa
import pytest

from valuation.errors import CanzhiError
from valuation.ingest import read_tables, read_trace
from valuation.record.fields import CHEMISTRIES

CODE = "001PZ0A0000001A680000123"  # type Z: the code tells no chemistry

ROW = '电池编码,电池类型,额定能量(kWh)\n{code},"{text}",60\n'

TOLD = {
    "三元锂离子电池": "NMC",
    "三元聚合物锂离子电池": "NMC",
    "镍钴锰酸锂": "NMC",
    "磷酸铁锂蓄电池": "LFP",
    "磷酸铁锂动力电池包": "LFP",
    "铁锂": "LFP",
    "LiFePO4/C": "LFP",
    "Lithium Iron Phosphate (LFP)": "LFP",
    "NCM532": "NMC523",
    "NMC532": "NMC523",
    "Li-ion NMC 622": "NMC622",
    "NMC 6:2:2": "NMC622",
    "NCM(811)": "NMC811",
    "高镍811三元": "NMC811",
    "三元锂电池523": "NMC523",
    "Lithium nickel manganese cobalt oxides": "NMC",
    "NMC (part 811-22)": "NMC",
    "NMC 811-4502": "NMC",
    "NMC 280Ah": "NMC",
    "NMC622/811": "NMC",
    "CATL-LFP-811Ah": "LFP",
    "三元 NCA": "NCA",
    "免维护磷酸铁锂": "LFP",
    "Na-ion": "NAION",
    "磷酸锰铁锂": "OTHER",
}
NOT_TOLD = (
    "LFP, NMC, NCA",
    "LMO/NMC",
    "三元/铁锂",
    "cobalt free",
    "Lithium-ion, cobalt free",
    "LFP (no NMC)",
    "not LFP",
    "非三元",
    "无钴",
    "NMC?",
    "LFP or NMC",
    "锂离子电池",
    "Li-ion",
)
NO_CHEMISTRY = ("PN 48-811", "LR1865-811", "622", "gold")


def passport(chemistry: str) -> dict:
    """Return a small passport whose only code does not contain a chemistry."""
    return {
        "identification": {"chemistry": chemistry, "category": "EV", "idDmc": CODE},
        "performance": {
            "rated": {"energy": {"value": 60.0}, "capacity": {"value": 160.0}, "voltage": {"nominal": 375.0}},
            "dynamic": {},
        },
        "metadata": {"status": "approved"},
        "operation": {"manufacturer": {"manufacturingDate": "2020-03-15"}},
        "characteristics": {"physicalDimension": {"weight": {"value": 420.0, "unit": "unit:kilogram"}}},
        "commercial": {},
    }


def readings(text: str) -> dict[str, str | None]:
    """Return the chemistry found by each reader, None if there is none; errors by class."""
    record = {"battery_code": CODE, "chemistry": text, "rated_energy_kwh": 60.0}
    ways = {
        "record": lambda: read_trace(record).histories[0].chemistry,
        "row": lambda: read_trace(ROW.format(code=CODE, text=text).encode()).histories[0].chemistry,
        "columns": lambda: _of_column(read_tables(pa.table({name: [value] for name, value in record.items()}))),
        "passport": lambda: read_trace(passport(text)).histories[0].chemistry,
    }  # fmt: skip
    found = {}
    for way, read in ways.items():
        try:
            found[way] = read()
        except CanzhiError as error:
            found[way] = "error" if "chemistry" in str(error) else str(error)
    return found


def _of_column(traces) -> str | None:
    if traces.problems:
        raise traces.problems[0].error
    number = float(traces.table.packs["chemistry"][0])
    return None if isnan(number) else CHEMISTRIES[int(number)]


@pytest.mark.parametrize(("text", "chemistry"), TOLD.items(), ids=TOLD)
def test_all_readers_accept_common_field_names(text, chemistry):
    assert readings(text) == dict.fromkeys(("record", "row", "columns", "passport"), chemistry)


@pytest.mark.parametrize("text", NOT_TOLD)
def test_several_names_or_a_negation_give_no_chemistry(text):
    assert readings(text) == dict.fromkeys(("record", "row", "columns", "passport"), None)


@pytest.mark.parametrize("text", NO_CHEMISTRY)
def test_a_text_without_a_chemistry_is_an_error_in_a_record_and_not_used_in_a_passport(text):
    assert readings(text) == {"record": "error", "row": "error", "columns": "error", "passport": None}


@pytest.mark.parametrize("text", ["LFP, NMC, NCA", "LFP (no NMC)", "Lithium-ion, cobalt free", "811"])
def test_a_passport_without_code_and_chemistry_is_refused_by_name(entrances, text):
    document = passport(text)
    del document["identification"]["idDmc"]
    assert "the cell chemistry" in entrances.everywhere("passport", document).refusal


@pytest.mark.parametrize("told", ["三元锂离子电池", "NCM", "Li-ion NMC"])
def test_an_everyday_name_of_a_chemistry_gives_the_same_value(entrances, told):
    worth = entrances.everywhere("trace", {"battery_code": CODE, "chemistry": told, "rated_energy_kwh": 60.0}).worth
    assert worth == entrances.http("trace", {"battery_code": CODE, "chemistry": "NMC", "rated_energy_kwh": 60.0}).worth
    page = entrances.page(code=CODE, chemistry=told, rated_energy_kwh="60")
    assert page.worth["residual_value"] == worth["residual_value"]
