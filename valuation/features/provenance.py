"""Features of the quality of the traced history (溯源质量特征)."""

from __future__ import annotations

import numpy as np

from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray
from valuation.provenance.check_context import DAYS_PER_MONTH

STAGES = ("produced", "installed", "sold", "usage", "retired", "removed")
"""Stages in the complete history of a retired pack."""


def evidence_tier(dossier: Dossier) -> FloatArray:
    """Return the evidence tier, 0 code alone to 4 laboratory test (证据等级). [1]"""
    return dossier.findings.tier


def trust_grade(dossier: Dossier) -> FloatArray:
    """Return the trust grade, 0 for A to 3 for D (溯源等级). [1]"""
    return dossier.findings.grade


def warnings(dossier: Dossier) -> FloatArray:
    """Return the number of findings that warn (警示数). [1]"""
    return dossier.findings.count("warn")


def closures(dossier: Dossier) -> FloatArray:
    """Return the number of findings that close a route (阻断数). [1]"""
    return dossier.findings.count("block")


def widening(dossier: Dossier) -> FloatArray:
    """Return the factor of the findings on the width of the band (区间放大系数). [1]"""
    return dossier.findings.widen


def unexplained_rise(dossier: Dossier) -> FloatArray:
    """Return the unexplained rise of reported health, 0 without one (无因健康上升). [%]"""
    rise = dossier.findings.number("U05")
    return np.where(np.isnan(rise), 0.0, rise)


def longest_gap(dossier: Dossier) -> FloatArray:
    """Return the longest gap in service if it is a finding, else 0 (最长记录空白). [months]"""
    gap = dossier.findings.number("T03")
    return np.where(np.isnan(gap), 0.0, gap)


def late_reports(dossier: Dossier) -> FloatArray:
    """Return the number of late reports (逾期上报数). [1]"""
    late = dossier.findings.number("T04")
    return np.where(np.isnan(late), 0.0, late)


def events(dossier: Dossier) -> FloatArray:
    """Return the number of events on record (记录数). [1]"""
    return dossier.cases.count(np.ones(len(dossier.cases.row), dtype=np.bool_))


def completeness(dossier: Dossier) -> FloatArray:
    """Return the share of the stages of a complete history that are on record (溯源完整度). [1]"""
    cases = dossier.cases
    recorded = np.zeros(cases.rows)
    for stage in STAGES:
        recorded = recorded + (cases.count(cases.is_type(stage)) > 0.0)
    return recorded / float(len(STAGES))


def months_silent(dossier: Dossier) -> FloatArray:
    """Return the time since the last event (距最近记录时间). [months]"""
    return (dossier.cases.as_of_day - dossier.cases.last("on_day")) / DAYS_PER_MONTH


def last_reporter(dossier: Dossier) -> FloatArray:
    """Return the kind of the last reporter, usually the seller (最近上报方类型). [code of REPORTER_KINDS]"""
    return dossier.cases.last("reporter_kind")


def code_kind(dossier: Dossier) -> FloatArray:
    """Return the kind of the battery code (编码类型). [code of KINDS]"""
    return dossier.findings.code_kind


def has_modules(dossier: Dossier) -> FloatArray:
    """Return 1 if the modules are listed (有模块清单). [1]"""
    return (~np.isnan(dossier.cases.packs["module_count"])).astype(np.float64)
