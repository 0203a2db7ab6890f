"""State of health with its uncertainty (健康状态), from all readings and from age and use.

Each reading is extrapolated to the valuation day by the expected ageing, and its variance grows with its age. Readings
of one source share the systematic error of the source. Sources and the ageing prior are weighted by their precision.
The weights do not depend on the readings, so a better reading never lowers the estimate. If sources contradict each
other, the uncertainty grows (R. T. Birge, Phys. Rev. 40 (1932) 207). The prior is a mixture with a share of unusual
packs, so a precise reading far from the expectation is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation.condition.age_and_use import DAYS_PER_YEAR, Life, calendar_age, life_of, reported_cycles
from valuation.condition.ageing import of_ternary_fleet
from valuation.condition.readings import NOISE, SOURCES, Readings, read_health, source_code
from valuation.condition.service_record import read_service
from valuation.numeric.columns import FloatArray, coalesce, last, total, unknown
from valuation.numeric.exact_math import exp, log
from valuation.pack.chemistry import CHEMISTRY_CODE
from valuation.pack.nameplate import Nameplate
from valuation.record.cases import Cases

__all__ = ["HIGHEST_SOH", "LOWEST_SOH", "SOURCES", "StateOfHealth", "assess_health"]

LOWEST_SOH, HIGHEST_SOH = 0.02, 1.15
_NOT_READ = ("ageing_prior", "modules")
"""Sources that are not readings in events."""
UNKNOWN_AGE_SD = 0.07  # judged: added to the prior if the age is unknown
# Spread of similar packs, from the quartiles of 8,000 tests (Generational UK 2026): sd .036 at 4-5 years with .065
# lost, .059 at 8-12 years with .150 lost, of which the gap of a new pack to its plate is one part.
PRIOR_RELATIVE_SD = 0.35
PRIOR_FLOOR_SD = 0.020
# Gap of a new pack to its plate. Logs of Chinese NCM fleets begin at .92-.93 of nominal (20 BAIC EU500: 132-135 of 145
# Ah, Applied Energy 339 (2023) 120954, figure 2): .079, of which .006 is settling of the first month; seven tenths of
# the rest are taken, as it is one fleet (judged). Others: .00 +- .02 (judged).
# Chemistries for which no figure of a fleet is known here: their ageing factor is judged, so is this.
NOT_FITTED, NOT_FITTED_SD = ("LCO", "LTO", "NIMH", "NAION", "OTHER"), 0.035
NEW_GAP, NEW_GAP_SD = 0.0, 0.020
TERNARY_FLEET_GAP, TERNARY_FLEET_GAP_SD = 0.052, 0.035
UNKNOWN_CYCLES_SD = 0.5  # judged: uncertain share of the cycle fade if cycles are assumed
DRIFT_RELATIVE_SD = 0.5  # judged: uncertainty of the ageing since a reading, relative to it
DRIFT_SD_PER_A = 0.010  # judged: and independent of it, per year since
# Retired packs are not a random sample of the fleet: crash and warranty .86-.99, age .70-.88, commercial .62-.82,
# failed or abused .30-.70 (shares assumed 25, 40, 28, 7 %). How many of them age and use do not explain follows from
# the record of their service (valuation.condition.service_record). Judged from that mixture.
ODD_LOSS, ODD_SD = 0.10, 0.14
ODD_SHARE_MEASURED = 0.10  # judged: least share if there is a reading, so that the estimate follows it without a jump
MOST_EXPECTED_LOSS = 0.5  # judged: a higher loss is accepted from measurements only


@dataclass(frozen=True, slots=True, kw_only=True)
class StateOfHealth:
    """Health of each pack on its valuation day, one row per pack.

    Attributes
    ----------
    soh, soh_sd : never NaN
        Remaining over rated capacity in (0, 1.2), and one standard deviation. [1]
    source : code into :data:`SOURCES`
        Source with the largest weight.
    measured_day : days since 1970-01-01
        Day of that source's latest reading; NaN for the prior and for modules.
    full_cycles : equivalent full cycles, NaN if neither cycles nor throughput were reported. [1]
    cycles_assumed : the same, from distance or usual for the duty if not reported; never NaN. [1]
    calendar_age_a : years since production, else since first use; NaN if both are unknown. [a]
    expected_soh, expected_sd : expectation from age and use alone (老化先验). [1]
    bms_soh, tested_soh, tested_sd : estimate on the day from BMS readings alone, and from all other readings with its
        standard deviation; NaN without readings. [1]
    resistance_growth, cell_spread : latest known values; the spread is that of SOH between cells or modules. [1]
    """

    soh: FloatArray
    soh_sd: FloatArray
    source: FloatArray
    measured_day: FloatArray
    full_cycles: FloatArray
    cycles_assumed: FloatArray
    calendar_age_a: FloatArray
    expected_soh: FloatArray
    expected_sd: FloatArray
    bms_soh: FloatArray
    tested_soh: FloatArray
    tested_sd: FloatArray
    resistance_growth: FloatArray
    cell_spread: FloatArray


def assess_health(cases: Cases, nameplate: Nameplate) -> StateOfHealth:
    """Estimate the health of each pack on its valuation day from all evidence (健康状态评估)."""
    known_cycles = reported_cycles(cases, nameplate)
    life = life_of(cases, nameplate, known_cycles)
    service = read_service(cases, nameplate)
    expected, expected_sd = _prior(cases, nameplate, life, known_cycles, service.fade)
    means, variances, days = _by_source(cases, _carried(cases, read_health(cases, nameplate), life))
    modules = cases.packs["module_lowest_soh"]
    means["modules"] = modules
    variances["modules"] = np.where(
        np.isnan(modules), np.nan, NOISE["modules"].single ** 2 + NOISE["modules"].shared ** 2
    )
    days["modules"] = unknown(cases.rows)
    read, variance, conflict = _weigh(means, variances)
    others = {name: mean for name, mean in means.items() if name not in {"bms", "undated"}}
    tested, tested_variance, tested_conflict = _weigh(others, variances)
    soh, soh_variance = _posterior(expected, expected_sd, service.odd_share, read, variance)
    source = _weightiest(variances, expected_sd)
    return StateOfHealth(
        soh=np.minimum(np.maximum(soh, LOWEST_SOH), HIGHEST_SOH),
        soh_sd=np.sqrt(soh_variance * conflict),
        source=source,
        measured_day=_pick(source, days),
        full_cycles=known_cycles,
        cycles_assumed=life.cycles,
        calendar_age_a=calendar_age(cases, nameplate),
        expected_soh=expected,
        expected_sd=expected_sd,
        bms_soh=means["bms"],
        tested_soh=tested,
        tested_sd=np.sqrt(tested_variance * tested_conflict),
        resistance_growth=cases.last("resistance_growth"),
        cell_spread=coalesce(cases.last("cell_soh_spread"), cases.packs["module_soh_spread"]),
    )


def _prior(
    cases: Cases, nameplate: Nameplate, life: Life, known_cycles: FloatArray, fade: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the expected health from age and use alone, with one standard deviation."""
    lost = np.minimum(fade * life.loss_by(cases.as_of_day), MOST_EXPECTED_LOSS)
    of_fleet = of_ternary_fleet(nameplate.chemistry, cases.packs["duty"])
    gap = np.where(of_fleet, TERNARY_FLEET_GAP, NEW_GAP)
    gap_sd = np.where(of_fleet, TERNARY_FLEET_GAP_SD, NEW_GAP_SD)
    of_cycles = life.ageing.cycle_rate * life.cycles
    cycles_sd = np.where(np.isnan(known_cycles), UNKNOWN_CYCLES_SD * np.minimum(of_cycles, 0.3), 0.0)
    age = calendar_age(cases, nameplate)
    of_day = cases.packs["made_on_sd_days"] / DAYS_PER_YEAR * lost / np.maximum(age, 1.0)
    age_sd = np.where(np.isnan(age), UNKNOWN_AGE_SD, np.where(np.isnan(of_day), 0.0, of_day))
    spread = PRIOR_RELATIVE_SD * np.minimum(lost, 0.4)
    not_fitted = np.isin(nameplate.chemistry, [CHEMISTRY_CODE[name] for name in NOT_FITTED])
    chemistry_sd = np.where(not_fitted, NOT_FITTED_SD, 0.0)
    floor = PRIOR_FLOOR_SD * PRIOR_FLOOR_SD + gap_sd * gap_sd + chemistry_sd * chemistry_sd
    return 1.0 - lost - gap, np.sqrt(spread * spread + cycles_sd * cycles_sd + age_sd * age_sd + floor)


def _carried(cases: Cases, readings: Readings, life: Life) -> Readings:
    """Return the readings extrapolated to the valuation day: less the ageing since, with a larger variance."""
    lives = life.of_events(readings.row)
    as_of = cases.as_of_day[readings.row]
    since = np.maximum(life.loss_by(cases.as_of_day)[readings.row] - lives.loss_by(readings.day), 0.0)
    years = (as_of - readings.day) / DAYS_PER_YEAR
    drift, wear = DRIFT_SD_PER_A * years, DRIFT_RELATIVE_SD * since
    return Readings(
        value=readings.value - since,
        variance=readings.variance + drift * drift + wear * wear,
        source=readings.source,
        day=readings.day,
        row=readings.row,
    )


def _by_source(
    cases: Cases, readings: Readings
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], dict[str, FloatArray]]:
    """Return mean, variance (with the shared error) and latest day of each source, NaN without readings."""
    means, variances, days = {}, {}, {}
    for name in SOURCES:
        if name in _NOT_READ:
            continue
        of_source = readings.source == source_code(name)
        row = readings.row[of_source]
        weight = 1.0 / readings.variance[of_source]
        precision = total(row, weight, cases.rows)
        has_reading = precision > 0.0
        divisor = np.where(has_reading, precision, 1.0)
        mean = total(row, weight * readings.value[of_source], cases.rows) / divisor
        means[name] = np.where(has_reading, mean, np.nan)
        variances[name] = np.where(has_reading, 1.0 / divisor + NOISE[name].shared * NOISE[name].shared, np.nan)
        days[name] = last(row, readings.day[of_source], cases.rows)
    return means, variances, days


def _weigh(means: dict[str, FloatArray], variances: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the precision-weighted mean of the readings, its variance, and their Birge ratio, at least 1.

    Mean and variance are NaN without readings.
    """
    rows = len(means["modules"])
    precision, weighted, sources = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    for name, mean in means.items():
        weight = np.where(np.isnan(mean), 0.0, 1.0 / variances[name])
        precision = precision + weight
        weighted = weighted + weight * np.where(np.isnan(mean), 0.0, mean)
        sources = sources + (weight > 0.0)
    has_reading = precision > 0.0
    fused = np.where(has_reading, weighted / np.where(has_reading, precision, 1.0), np.nan)
    conflict = np.zeros(rows)
    for name, mean in means.items():
        gap = mean - fused
        conflict = conflict + np.where(np.isnan(gap), 0.0, gap * gap / variances[name])
    ratio = np.maximum(conflict / np.maximum(sources - 1.0, 1.0), 1.0)
    return fused, np.where(has_reading, 1.0 / np.where(has_reading, precision, 1.0), np.nan), ratio


def _posterior(
    expected: FloatArray, expected_sd: FloatArray, odd_share: FloatArray, reading: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of health, given the prior expectation and the combined reading.

    The prior is a mixture of usual and unusual packs, so a precise reading far from the expectation is accepted. For a
    reading with normal error the mean rises with the reading for any mixture.
    """
    no_reading = np.isnan(reading)
    precision = np.where(no_reading, 0.0, 1.0 / np.where(no_reading, 1.0, variance))
    read = np.where(no_reading, 0.0, reading)
    odd_share = np.where(no_reading, odd_share, np.maximum(odd_share, ODD_SHARE_MEASURED))
    kinds = (
        (log(1.0 - odd_share), expected, expected_sd),
        (log(odd_share), expected - ODD_LOSS, np.sqrt(expected_sd * expected_sd + ODD_SD * ODD_SD)),
    )
    shares: list[FloatArray] = []
    means: list[FloatArray] = []
    spreads: list[FloatArray] = []
    for log_share, centre, sd in kinds:
        own = 1.0 / (sd * sd)
        total_variance = sd * sd + np.where(no_reading, 0.0, variance)
        gap = read - centre
        likelihood = np.where(no_reading, 0.0, -0.5 * gap * gap / total_variance - 0.5 * log(total_variance))
        shares.append(likelihood + log_share)
        means.append((own * centre + precision * read) / (own + precision))
        spreads.append(1.0 / (own + precision))
    top = np.maximum(shares[0], shares[1])
    weights = exp(np.stack(shares) - top)
    both = weights[0] + weights[1]
    mean = (weights[0] * means[0] + weights[1] * means[1]) / both
    apart = means[0] - means[1]
    between = weights[0] * weights[1] / (both * both) * apart * apart
    return mean, (weights[0] * spreads[0] + weights[1] * spreads[1]) / both + between


def _weightiest(variances: dict[str, FloatArray], expected_sd: FloatArray) -> FloatArray:
    """Return the source with the largest weight, as an index of SOURCES."""
    heaviest = 1.0 / (expected_sd * expected_sd)
    source = np.zeros(len(expected_sd))
    for name, variance in variances.items():
        weight = np.where(np.isnan(variance), 0.0, 1.0 / np.where(np.isnan(variance), 1.0, variance))
        source = np.where(weight > heaviest, source_code(name), source)
        heaviest = np.maximum(heaviest, weight)
    return source


def _pick(source: FloatArray, days: dict[str, FloatArray]) -> FloatArray:
    """Return the day of the chosen source of each row."""
    result = unknown(len(source))
    for name, day in days.items():
        result = np.where(source == source_code(name), day, result)
    return result
