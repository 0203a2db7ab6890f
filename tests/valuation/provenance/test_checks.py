"""Every check with a minimal record that triggers it and a near miss that does not."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from valuation.condition.health import assess_health
from valuation.messages import find
from valuation.pack.nameplate import read_nameplate
from valuation.provenance.catalogue import CHECKS, ELSEWHERE, IDS
from valuation.provenance.run_checks import run_checks
from valuation.record.cases import cut
from valuation.record.history import Module, PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate

AS_OF = date(2026, 6, 1)
CODE = "001PB0A0000001A680000123"  # pack, LFP, made 2020-06-08


def event(event_type, on, /, *, reported=None, reporter=None, by=None, **facts):
    """Return an event; days are ISO texts."""
    day = date.fromisoformat(on)
    reported_on = None if reported is None else date.fromisoformat(reported)
    return TraceEvent(
        type=event_type, on=day, reported_on=reported_on, reporter=reporter, reporter_kind=by, facts=facts
    )


def pack(*events, **plate):
    """Return an LFP pack with some events."""
    usual = {"battery_code": CODE, "chemistry": "LFP", "rated_energy_kwh": 52.5, "made_on": date(2020, 6, 8)}
    return PackHistory(**{**usual, **plate}, events=events)


def usage(on, soh=None, **facts):
    """Return a usage summary with a BMS reading."""
    return event("usage", on, **facts, **({} if soh is None else {"soh": soh, "soh_source": "bms"}))


def modules(*codes, soh=()):
    """Return modules with these codes, or with these states of health."""
    return tuple(Module(battery_code=code) for code in codes) + tuple(Module(soh=value) for value in soh)


def findings_of(history, as_of=AS_OF):
    table = tabulate([history])
    cases = cut(table, np.array([day_number(as_of)]))
    nameplate = read_nameplate(cases)
    return run_checks(cases, nameplate, assess_health(cases, nameplate))


OWN, OTHER = "001MB0A0000001A680000001", "03UMB0A0000001A680000001"
REPLACED = event("maintained", "2023-05-01", work="module_replaced")
INSTALLED = event("installed", "2020-07-01", vin="A")
LEAD = {"duty": "private"}

# id -> (a record that triggers the check, the number it shows, a near miss)
EXAMPLES = {
    "R01": (pack(event("recycled_done", "2026-05-02")), 30.0, pack(event("recycled_done", "2026-06-02"))),
    "T02": (
        pack(event("recycled_done", "2025-05-01"), usage("2025-06-01")),
        1.0,
        pack(event("recycled_done", "2025-05-01"), usage("2025-05-01")),
    ),
    "R02": (PackHistory(battery_code="junk", chemistry="LFP"), 1.0, PackHistory(chemistry="LFP", rated_energy_kwh=5.0)),
    "R03": (
        PackHistory(chemistry="LFP", rated_energy_kwh=5.0, made_on=date(2026, 7, 3)),
        32.0,
        PackHistory(chemistry="LFP", rated_energy_kwh=5.0, made_on=date(2026, 7, 2)),
    ),
    "R04": (pack(life_cycle_status="recycled"), 1.0, pack(life_cycle_status="waste")),
    "T17": (pack(life_cycle_status="waste"), 1.0, pack(life_cycle_status="original")),
    "T18": (pack(life_cycle_status="repurposed"), 1.0, pack(life_cycle_status="reused")),
    "C01": (pack(battery_code=CODE[:-1]), 23.0, pack()),
    "C02": (pack(battery_code="001PB0A0000001B2Y0000123"), 1.0, pack(battery_code="001PB0A0000001B2T0000123")),
    "C03": (pack(made_on=date(2026, 6, 11)), 10.0, pack(made_on=date(2026, 6, 1))),
    "C06": (pack(chemistry="NMC622"), 1.0, pack(chemistry="NMC622", battery_code="001PE0A0000001A680000123")),
    "C07": (pack(battery_code="001MB0A0000001A680000123"), 1.0, pack()),
    "C08": (
        pack(battery_code="660050GMHF3A041X0", made_on=date(2019, 8, 2)),
        1.0,
        pack(battery_code="660050GMHF3A041X0", made_on=date(2019, 8, 1)),
    ),
    "C09": (
        pack(battery_code="T03PB07E5S0000042RP"),
        1.0,
        pack(battery_code="T03PB07E5S0000042RP", parent_code=CODE),
    ),
    "C10": (pack(battery_code=CODE.lower()), 1.0, pack()),
    "C11": (pack(battery_code=CODE[:-7] + "00FTY45"), 1.0, pack()),
    "C12": (pack(battery_code="T03PB07E5S0000042RM"), 1.0, pack(battery_code="T03PB07E5S0000042RP")),
    "C13": (pack(battery_code="--"), 1.0, pack(battery_code="660050GMHF3A041X0")),
    "H01": (pack(modules=modules(OWN, OWN)), 1.0, pack(modules=modules(OWN, OWN[:-1] + "2"))),
    "H03": (
        pack(modules=modules("001MB0A0000001A6D0000001")),
        1.0,
        pack(modules=modules("001MB0A0000001A6B0000001")),
    ),
    "H04": (pack(modules=modules(OWN, OTHER)), 1.0, pack(modules=modules(OWN))),
    "H06": (pack(modules=modules(OWN, OTHER)), 1.0, pack(REPLACED, modules=modules(OWN, OTHER))),
    "H07": (pack(modules=modules(soh=(0.85, 0.81))), 4.0, pack(modules=modules(soh=(0.85, 0.83)))),
    "H08": (pack(), 1.0, pack(modules=modules(OWN))),
    "H09": (pack(modules=modules(soh=(0.90, 0.88, 0.60))), 1.0, pack(modules=modules(soh=(0.90, 0.88, 0.82)))),
    "T01": (
        pack(INSTALLED, event("removed", "2020-06-20")),
        11.0,
        pack(INSTALLED, event("removed", "2020-06-29")),
    ),
    "T03": (
        pack(INSTALLED, usage("2022-01-01")),
        549.0 / 30.4375,
        pack(INSTALLED, usage("2021-12-20")),
    ),
    "T04": (
        pack(event("installed", "2025-01-01", reported="2025-02-02")),
        1.0,
        pack(event("installed", "2025-01-01", reported="2025-02-01")),
    ),
    "T05": (
        pack(INSTALLED, event("installed", "2023-07-01", vin="B")),
        1.0,
        pack(INSTALLED, event("removed", "2023-06-01"), event("installed", "2023-07-01", vin="B")),
    ),
    "T07": (
        pack(event("vehicle_scrapped", "2026-01-01")),
        151.0,
        pack(event("vehicle_scrapped", "2026-01-01"), event("removed", "2026-01-05")),
    ),
    "T09": (
        pack(event("recycled_in", "2026-01-01", by="owner")),
        1.0,
        pack(event("recycled_in", "2026-01-01", by="recycler")),
    ),
    "T10": (pack(made_on=date(2020, 8, 8)), 61.0, pack(made_on=date(2020, 8, 7))),
    "T11": (pack(event("retired", "2026-01-01")), 1.0, pack(event("retired", "2026-01-01", reason="age"))),
    "T12": (
        pack(event("removed", "2025-05-31")),
        366.0 / 30.4375,
        pack(event("removed", "2025-05-31"), event("installed", "2025-09-01")),
    ),
    "T13": (pack(event("dismantled", "2026-05-22")), 10.0, pack(event("removed", "2026-05-22"))),
    "T14": (pack(event("recycled_in", "2026-05-22")), 10.0, pack(event("collected_in", "2026-05-22"))),
    "T15": (pack(event("second_life_out", "2026-05-22")), 10.0, pack(event("removed", "2026-05-22"))),
    "T16": (pack(usage("2026-01-01")), 1.0, pack(INSTALLED, usage("2026-01-01"))),
    "U01": (
        pack(usage("2024-01-01", odometer_km=50_000.0), usage("2025-01-01", odometer_km=49_000.0)),
        1000.0,
        pack(usage("2024-01-01", odometer_km=50_000.0), usage("2025-01-01", odometer_km=49_950.0)),
    ),
    "U02": (
        pack(usage("2025-01-01", odometer_km=0.0), usage("2025-01-11", odometer_km=13_000.0)),
        1300.0,
        pack(usage("2025-01-01", odometer_km=0.0), usage("2025-01-11", odometer_km=11_000.0)),
    ),
    "U03": (
        pack(usage("2026-01-01", full_cycles=400.0, energy_throughput_kwh=10_500.0)),
        50.0,
        pack(usage("2026-01-01", full_cycles=120.0, energy_throughput_kwh=10_500.0)),
    ),
    "U04": (
        pack(usage("2026-01-01", full_cycles=1000.0, odometer_km=100_000.0), **LEAD),
        0.525,
        pack(usage("2026-01-01", full_cycles=400.0, odometer_km=100_000.0), **LEAD),
    ),
    "U05": (
        pack(usage("2024-01-01", 0.80), usage("2025-01-01", 0.86)),
        6.0,
        pack(usage("2024-01-01", 0.80), event("maintained", "2024-06-01", work="balancing"), usage("2025-01-01", 0.86)),
    ),
    "U06": (
        pack(usage("2025-01-01", 0.80), usage("2026-05-20", 0.835)),
        3.5,
        pack(usage("2025-01-01", 0.80), usage("2026-01-20", 0.835)),
    ),
    "U07": (
        pack(usage("2023-01-01", 0.91), usage("2025-01-01", 0.91)),
        731.0 / 365.25,
        pack(usage("2023-01-01", 0.91), usage("2025-01-01", 0.90)),
    ),
    "U18": (pack(usage("2025-06-08", 1.0)), 1826.0 / 365.25, pack(usage("2025-06-08", 0.99))),
    "U08": (pack(usage("2026-01-01", 0.60)), None, pack(usage("2026-01-01", 0.90))),
    "U09": (pack(usage("2021-01-01", 1.05)), 105.0, pack(usage("2021-01-01", 1.02))),
    "U10": (
        pack(event("negative", "2025-01-01", kind="water")),
        1.0,
        pack(event("negative", "2025-01-01", kind="accident")),
    ),
    "U11": (
        pack(event("tested", "2026-01-01", method="lab", remaining_capacity_ah=30.0), rated_capacity_ah=150.0),
        0.2,
        pack(event("tested", "2026-01-01", method="lab", remaining_capacity_ah=120.0), rated_capacity_ah=150.0),
    ),
    "U12": (pack(usage("2025-05-31")), 366.0 / 30.4375, pack(usage("2025-06-01"))),
    "U13": (
        pack(event("negative", "2025-01-01", kind="accident", severity=0.6)),
        1.0,
        pack(event("negative", "2025-01-01", kind="accident", severity=0.2)),
    ),
    "U14": (
        pack(event("negative", "2025-01-01", kind="overcharge")),
        1.0,
        pack(event("negative", "2025-01-01", kind="other")),
    ),
    "U15": (
        pack(event("negative", "2025-01-01", kind="recall")),
        1.0,
        pack(event("negative", "2025-01-01", kind="recall"), event("maintained", "2025-02-01", work="bms")),
    ),
    "U16": (
        pack(usage("2025-01-01", full_cycles=0.0), usage("2025-01-11", full_cycles=90.0)),
        9.0,
        pack(usage("2025-01-01", full_cycles=0.0), usage("2025-01-11", full_cycles=70.0)),
    ),
    "U17": (
        pack(event("negative", "2025-01-01", kind="accident", severity=0.6)),
        1.0,
        pack(
            event("negative", "2025-01-01", kind="accident", severity=0.6),
            event("maintained", "2025-02-01", work="inspection"),
        ),
    ),
    "P01": (
        pack(event("removed", "2026-01-01", condition="opened")),
        1.0,
        pack(event("maintained", "2025-01-01", work="seal"), event("removed", "2026-01-01", condition="opened")),
    ),
    "P02": (
        pack(event("dismantled", "2026-01-01", mass_kg=320.0), mass_kg=400.0),
        20.0,
        pack(event("dismantled", "2026-01-01", mass_kg=350.0), mass_kg=400.0),
    ),
    "P03": (pack(missing_modules=2.0), 2.0, pack(missing_modules=0.0)),
    "P04": (
        pack(event("removed", "2026-01-01", condition="swollen")),
        1.0,
        pack(event("removed", "2026-01-01", condition="intact")),
    ),
    "P06": (pack(mass_kg=105.0), 500.0, pack(mass_kg=350.0)),
    "P07": (
        pack(rated_capacity_ah=150.0, nominal_voltage_v=280.0),
        25.0,
        pack(rated_capacity_ah=150.0, nominal_voltage_v=350.0),
    ),
    "P08": (
        pack(event("removed", "2026-01-01", condition="damaged")),
        1.0,
        pack(event("removed", "2026-01-01", condition="intact")),
    ),
    "P09": (
        pack(
            event("negative", "2026-01-01", kind="fire", severity=0.9),
            event("removed", "2026-01-02", condition="burned"),
        ),
        0.9,
        pack(
            event("negative", "2026-01-01", kind="fire", severity=0.89),
            event("removed", "2026-01-02", condition="burned"),
        ),
    ),
    "S01": (
        pack(event("collected_out", "2026-01-01", reporter="x"), event("recycled_in", "2026-01-09", reporter="x")),
        1.0,
        pack(event("collected_out", "2026-01-01", reporter="x"), event("recycled_in", "2026-01-09", reporter="y")),
    ),
    "S02": (
        pack(replace(usage("2026-01-01", 0.9), reporter_kind="owner")),
        1.0,
        pack(replace(usage("2026-01-01", 0.9), reporter_kind="repair_shop")),
    ),
    "S03": (
        pack(event("sold", "2020-07-01", reported="2021-01-01")),
        1.0,
        pack(event("sold", "2020-07-01", reported="2020-12-20")),
    ),
    "S05": (pack(battery_code="001PB0A00000018150000123", made_on=None), 1.0, pack()),
    "S06": (pack(usage("2026-01-01")), 1.0, pack(replace(usage("2026-01-01"), reporter="x"))),
}


def test_every_check_has_an_example():
    assert set(EXAMPLES) == set(IDS)
    assert len(set(IDS)) == len(IDS)
    assert not set(IDS) & set(ELSEWHERE)


@pytest.mark.parametrize(
    ("on", "late"), [("2018-07-31", False), ("2018-08-01", True), ("2026-03-31", True), ("2026-04-01", False)]
)
def test_a_deadline_is_that_of_the_rules_in_force_on_the_day(on, late):
    """Events from 2026-04-01 on were judged by the rules of 2018."""
    reported = date.fromisoformat(on).replace(year=date.fromisoformat(on).year + 1).isoformat()
    history = pack(event("installed", on, reported=reported), made_on=date(2018, 1, 8), battery_code=None)
    number = findings_of(history, date(2027, 6, 1)).number("T04")[0]
    assert (number == 1.0) if late else np.isnan(number)


@pytest.mark.parametrize(
    ("on", "duty", "warned"),
    [
        ("2026-03-31", "swap", True),
        ("2026-04-01", "swap", False),
        ("2026-04-01", "private", True),
        ("2026-03-31", "private", True),
    ],
)
def test_the_vehicle_of_a_swapped_pack_may_be_scrapped_without_it_since_the_measures(on, duty, warned):
    number = findings_of(pack(event("vehicle_scrapped", on), duty=duty), date(2026, 9, 1)).number("T07")[0]
    assert np.isnan(number) != warned


@pytest.mark.parametrize("check_id", IDS)
def test_each_check_finds_its_fault(check_id):
    history, number, _ = EXAMPLES[check_id]
    shown = findings_of(history).number(check_id)[0]
    assert not np.isnan(shown)
    assert number is None or shown == pytest.approx(number)


@pytest.mark.parametrize("check_id", IDS)
def test_check_finds_nothing_just_below_its_limit(check_id):
    assert np.isnan(findings_of(EXAMPLES[check_id][2]).number(check_id)[0])


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_check_has_a_message_in_both_languages(check):
    caution = check.caution(3.0)
    assert "{" not in caution.message_en + caution.message_zh
    assert caution.message_en.endswith(".")
    assert caution.message_zh.endswith("。")
    assert caution.effect
    assert check.function.__doc__.strip().splitlines()[0].startswith("Return ")


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_effects_agree_with_severity(check):
    assert check.widen >= 1.0
    assert (check.severity == "block") == bool(check.blocks or check.refuses)
    assert (find(f"caution.{check.id}.effect") is not None) == check.refuses
    if check.severity == "warn":
        assert check.widen > 1.0


@pytest.mark.parametrize("check", [check for check in CHECKS if check.blocks], ids=lambda check: check.id)
def test_closures_name_their_evidence_and_recycling_closes_last(check):
    """A pack that cannot be recycled has no other route either; the price is then the cost of disposal."""
    assert check.evidence is not None
    assert "recycling" not in check.blocks or set(check.blocks) == {"recycling", "second_life", "reuse"}
