"""Checks of a traced history without a price (溯源核验)."""

from __future__ import annotations

from datetime import date

import msgspec
import numpy as np

from valuation.answer.late_reports import late_report_cautions, not_used
from valuation.condition.health import assess_health
from valuation.ingest import Traces
from valuation.pack.nameplate import read_nameplate
from valuation.provenance.run_checks import run_checks
from valuation.record.cases import cut
from valuation.record.to_columns import day_number, tabulate
from valuation.record.unused_events import NotUsed
from valuation.result import GRADES, TIERS, Caution, Grade, Tier


class CheckAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """Evidence tier, trust grade, findings and refusal of one history.

    `not_used` counts the reports after the day.
    """

    battery_code: str | None
    as_of: date
    tier: Tier
    grade: Grade
    refused: bool
    cautions: tuple[Caution, ...]
    not_used: NotUsed

    @property
    def blocks(self) -> bool:
        """Whether a finding refuses the pack or closes a route."""
        return self.refused or any(caution.severity == "block" for caution in self.cautions)


def check_traces(traces: Traces, as_of: date) -> list[CheckAnswer]:
    """Return the findings on each history, as known on a day."""
    table = tabulate(traces.histories)
    cases = cut(table, np.full(table.rows, day_number(as_of)))
    nameplate = read_nameplate(cases)
    findings = run_checks(cases, nameplate, assess_health(cases, nameplate))
    left_out = not_used(cases)
    late: list[list[Caution]] = [[] for _ in left_out]
    for row, caution in late_report_cautions(left_out):
        late[row].append(caution)
    answers = []
    for row, history in enumerate(traces.histories):
        refusal = findings.refusal(row)
        found = (*(() if refusal is None else (refusal,)), *findings.cautions(row))
        unique = {caution.id: caution for caution in found}
        answers.append(
            CheckAnswer(
                battery_code=history.battery_code,
                as_of=as_of,
                tier=TIERS[int(findings.tier[row])],
                grade=GRADES[int(findings.grade[row])],
                refused=refusal is not None,
                cautions=(*unique.values(), *late[row], *traces.cautions(row, as_of)),
                not_used=left_out[row],
            )
        )
    return answers
