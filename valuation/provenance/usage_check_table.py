"""Checks of family U: the effect and message of each finding on use and health."""

from __future__ import annotations

from typing import Final

from valuation.provenance import usage_checks
from valuation.provenance.check import Check, Evidence

CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="U01",
        function=usage_checks.odometer_falls,
        severity="warn",
        widen=1.10,
        grade="D",
    ),
    Check(
        id="U02",
        function=usage_checks.impossible_distance,
        severity="warn",
        widen=1.10,
        grade="C",
    ),
    Check(
        id="U03",
        function=usage_checks.cycles_against_throughput,
        severity="warn",
        widen=1.05,
        grade="C",
    ),
    Check(
        id="U04",
        function=usage_checks.distance_against_cycles,
        severity="warn",
        widen=1.05,
        grade="C",
    ),
    Check(
        id="U05",
        function=usage_checks.health_rises,
        severity="warn",
        widen=1.20,
        haircut={"reuse": 0.05, "second_life": 0.05},
        grade="D",
        weakens_readings=True,
    ),
    Check(
        id="U06",
        function=usage_checks.health_rises_before_sale,
        severity="warn",
        widen=1.20,
        haircut={"reuse": 0.05, "second_life": 0.05},
        grade="D",
        weakens_readings=True,
    ),
    Check(
        id="U07",
        function=usage_checks.health_stuck,
        severity="warn",
        widen=1.10,
        grade="C",
        weakens_readings=True,
    ),
    Check(  # only a remark: the reading counts as one below the cap, and one of .99 must not be worth more
        id="U18",
        function=usage_checks.perfect_when_aged,
        severity="info",
    ),
    Check(
        id="U08",
        function=usage_checks.outside_expectation,
        severity="warn",
        widen=1.10,
        grade="C",
    ),
    Check(
        id="U09",
        function=usage_checks.above_rating,
        severity="warn",
        widen=1.05,
        grade="C",
    ),
    Check(
        id="U10",
        function=usage_checks.ruinous_event,
        severity="block",
        widen=1.15,
        blocks=("reuse", "second_life"),
        evidence=Evidence(kinds=usage_checks.RUINOUS),
        grade="C",
    ),
    Check(
        id="U11",
        function=usage_checks.other_unit,
        severity="warn",
        widen=1.25,
        grade="D",
    ),
    Check(
        id="U12",
        function=usage_checks.stale_condition,
        severity="info",
        widen=1.05,
    ),
    Check(
        id="U13",
        function=usage_checks.accident,
        severity="block",
        widen=1.10,
        haircut={"second_life": 0.10},
        blocks=("reuse",),
        evidence=Evidence(kinds=usage_checks.HARMFUL, from_severity=usage_checks.SEVERE),
        grade="C",
    ),
    Check(
        id="U17",
        function=usage_checks.uninspected_accident,
        severity="block",
        blocks=("second_life",),
        evidence=Evidence(kinds=usage_checks.HARMFUL, from_severity=usage_checks.SEVERE),
        grade="C",
    ),
    Check(
        id="U14",
        function=usage_checks.electrical_abuse,
        severity="warn",
        widen=1.05,
        haircut={"reuse": 0.10, "second_life": 0.05},
        grade="C",
    ),
    Check(
        id="U15",
        function=usage_checks.open_recall,
        severity="warn",
        widen=1.05,
        haircut={"reuse": 0.10},
        grade="C",
    ),
    Check(
        id="U16",
        function=usage_checks.impossible_cycling,
        severity="warn",
        widen=1.05,
        grade="C",
    ),
)
