"""State of health with its uncertainty (健康状态), from every reading that there is and from age and use.

Each reading is carried forward to the valuation day by the ageing expected since, and widened for the time it has lain.
Readings of one source share that source's systematic error; sources and the ageing prior are then weighed by their
precision. Their weights never depend on what is read, so a better reading never lowers the answer. Where sources
contradict each other the answer widens (R. T. Birge, Phys. Rev. 40 (1932) 207). A sure reading far from what age and
use tell is believed: some packs are odd.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation.condition.life import DAYS_PER_YEAR, Life, calendar_age, life_of, reported_cycles
from valuation.condition.readings import NOISE, SOURCES, Readings, read_health, source_code
from valuation.numeric.columns import FloatArray, coalesce, last, total, unknown
from valuation.numeric.exact_math import exp, log
from valuation.pack.nameplate import Nameplate
from valuation.record.cases import Cases

__all__ = ["HIGHEST_SOH", "LOWEST_SOH", "SOURCES", "StateOfHealth", "assess_health"]

LOWEST_SOH, HIGHEST_SOH = 0.02, 1.15
UNKNOWN_AGE_SD = 0.07  # judged: what not knowing the age adds to the prior
PRIOR_RELATIVE_SD = 0.42  # spread of fade among like packs: log-normal .35 of the fleets, plus climate not known
PRIOR_FLOOR_SD = 0.030  # judged: faults and cell spread that age does not tell
UNKNOWN_CYCLES_SD = 0.5  # judged: share of the cycle fade that is uncertain where cycles are assumed
DRIFT_RELATIVE_SD = 0.5  # judged: uncertainty of the ageing since a reading, relative to it
DRIFT_SD_PER_A = 0.010  # judged: and apart from it, for each year since
# Packs that come to sale are no sample of the fleet: crash and warranty .86-.99, age .70-.88, commercial .62-.82,
# failed or abused .30-.70 (shares assumed 25, 40, 28, 7 %). Judged after that mixture: they have faded a quarter more
# than like packs in service, and one in five has fared otherwise than age and use tell.
SELECTION = 1.25
ODD_SHARE, ODD_LOSS, ODD_SD = 0.2, 0.10, 0.14
MOST_EXPECTED_LOSS = 0.5  # judged: what has faded more is not expected, only measured
LOG_SHARES = (-0.2231435513142097, -1.6094379124341003)  # natural logarithms of 1 - ODD_SHARE and ODD_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class StateOfHealth:
    """Health of each pack on its valuation day, one row a pack.

    Attributes
    ----------
    soh, soh_sd : never NaN
        Remaining over rated capacity in (0, 1.2), and one standard deviation. [1]
    source : code into :data:`SOURCES`
        The source that weighs most.
    measured_day : days since 1970-01-01
        Day of that source's latest reading; NaN for the prior and for modules.
    full_cycles : equivalent full cycles, NaN if neither cycles nor throughput were reported. [1]
    cycles_assumed : the same, from distance or the duty's habit where not reported; never NaN. [1]
    calendar_age_a : years since production, else since first use; NaN if neither is known. [a]
    expected_soh, expected_sd : what age and use alone would say (老化先验). [1]
    bms_soh, tested_soh, tested_sd : what the battery's own readings alone say on the day, and all others together with
        their spread; NaN where there are none. [1]
    resistance_growth, cell_spread : latest known; the spread of SOH between cells or modules. [1]
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
    """Fuse all that is known of each pack's health on its valuation day (健康状态评估)."""
    known_cycles = reported_cycles(cases, nameplate)
    life = life_of(cases, nameplate, known_cycles)
    expected, expected_sd = _prior(cases, nameplate, life, known_cycles)
    means, variances, days = _by_source(cases, _carried(cases, read_health(cases, nameplate), life))
    modules = cases.packs["module_lowest_soh"]
    means["modules"] = modules
    variances["modules"] = np.where(
        np.isnan(modules), np.nan, NOISE["modules"].single ** 2 + NOISE["modules"].shared ** 2
    )
    days["modules"] = unknown(cases.rows)
    read, variance, conflict = _weigh(means, variances)
    others = {name: mean for name, mean in means.items() if name != "bms"}
    tested, tested_variance, tested_conflict = _weigh(others, variances)
    soh, soh_variance = _posterior(expected, expected_sd, read, variance)
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


def _prior(cases: Cases, nameplate: Nameplate, life: Life, known_cycles: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what age and use alone say of health, and how far that may be off."""
    loss = np.minimum(SELECTION * life.loss_by(cases.as_of_day), MOST_EXPECTED_LOSS)
    of_cycles = life.ageing.cycle_rate * life.cycles
    unsure = np.where(np.isnan(known_cycles), UNKNOWN_CYCLES_SD * np.minimum(of_cycles, 0.3), 0.0)
    ageless = np.where(np.isnan(coalesce(nameplate.made_day, nameplate.in_service_day)), UNKNOWN_AGE_SD, 0.0)
    spread = PRIOR_RELATIVE_SD * np.minimum(loss, 0.4)
    sd = np.sqrt(spread * spread + unsure * unsure + ageless * ageless + PRIOR_FLOOR_SD * PRIOR_FLOOR_SD)
    return 1.0 - loss, sd


def _carried(cases: Cases, readings: Readings, life: Life) -> Readings:
    """Return the readings as of the valuation day: less the ageing since, and less sure."""
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
    """Return each source's mean, variance (with what its readings share) and latest day, NaN where it is silent."""
    means, variances, days = {}, {}, {}
    for code, name in enumerate(SOURCES[1:-1], start=1):
        of_source = readings.source == float(code)
        row = readings.row[of_source]
        weight = 1.0 / readings.variance[of_source]
        precision = total(row, weight, cases.rows)
        heard = precision > 0.0
        divisor = np.where(heard, precision, 1.0)
        mean = total(row, weight * readings.value[of_source], cases.rows) / divisor
        means[name] = np.where(heard, mean, np.nan)
        variances[name] = np.where(heard, 1.0 / divisor + NOISE[name].shared * NOISE[name].shared, np.nan)
        days[name] = last(row, readings.day[of_source], cases.rows)
    return means, variances, days


def _weigh(means: dict[str, FloatArray], variances: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the precision-weighted mean of the readings, its variance, and how far they contradict each other.

    Mean and variance are NaN where there is no reading; the contradiction is Birge's ratio, at least 1.
    """
    rows = len(means["modules"])
    precision, weighted, voices = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    for name, mean in means.items():
        weight = np.where(np.isnan(mean), 0.0, 1.0 / variances[name])
        precision = precision + weight
        weighted = weighted + weight * np.where(np.isnan(mean), 0.0, mean)
        voices = voices + (weight > 0.0)
    heard = precision > 0.0
    fused = np.where(heard, weighted / np.where(heard, precision, 1.0), np.nan)
    conflict = np.zeros(rows)
    for name, mean in means.items():
        gap = mean - fused
        conflict = conflict + np.where(np.isnan(gap), 0.0, gap * gap / variances[name])
    ratio = np.maximum(conflict / np.maximum(voices - 1.0, 1.0), 1.0)
    return fused, np.where(heard, 1.0 / np.where(heard, precision, 1.0), np.nan), ratio


def _posterior(
    expected: FloatArray, expected_sd: FloatArray, reading: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of health, given what to expect of the pack and what was read.

    What to expect is a mixture of usual packs and odd ones, so a sure reading far from the usual is believed. For a
    reading with normal error the mean rises with the reading whatever the mixture is.
    """
    silent = np.isnan(reading)
    precision = np.where(silent, 0.0, 1.0 / np.where(silent, 1.0, variance))
    read = np.where(silent, 0.0, reading)
    kinds = (
        (LOG_SHARES[0], expected, expected_sd),
        (LOG_SHARES[1], expected - ODD_LOSS, np.sqrt(expected_sd * expected_sd + ODD_SD * ODD_SD)),
    )
    shares: list[FloatArray] = []
    means: list[FloatArray] = []
    spreads: list[FloatArray] = []
    for log_share, centre, sd in kinds:
        own = 1.0 / (sd * sd)
        total_variance = sd * sd + np.where(silent, 0.0, variance)
        gap = read - centre
        likelihood = np.where(silent, 0.0, -0.5 * gap * gap / total_variance - 0.5 * log(total_variance))
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
    """Return the source that weighs most, as a code of SOURCES."""
    heaviest = 1.0 / (expected_sd * expected_sd)
    source = np.zeros(len(expected_sd))
    for name, variance in variances.items():
        weight = np.where(np.isnan(variance), 0.0, 1.0 / np.where(np.isnan(variance), 1.0, variance))
        source = np.where(weight > heaviest, source_code(name), source)
        heaviest = np.maximum(heaviest, weight)
    return source


def _pick(source: FloatArray, days: dict[str, FloatArray]) -> FloatArray:
    """Return, row by row, the day of the source chosen."""
    result = unknown(len(source))
    for name, day in days.items():
        result = np.where(source == source_code(name), day, result)
    return result
