"""View of several packs: a table with the valuation or the problem of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from service.valuation_service import Answer
from service.web.form import FormEntry
from service.web.formatting import Formatter
from service.web.problem_view import ProblemView, view_error
from service.web.valuation_view import AnswerView, view_answer
from valuation.errors import CanzhiError
from valuation.ingest import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class LotLine:
    """One row of the table, with either `view` or `problem`."""

    pack: str | None
    view: AnswerView | None = None
    problem: ProblemView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotView:
    """The table, the number of valued packs and the sum of their values. [CNY]"""

    lines: tuple[LotLine, ...]
    valued: int
    total: float
    demonstration: str | None


def view_lot(traces: Traces, results: Sequence[Answer | CanzhiError], formatter: Formatter, day: date) -> LotView:
    """Return the table in the order of the packs; unreadable records come last."""
    lines = [
        LotLine(pack=history.battery_code, view=view_answer(result.body, formatter))
        if isinstance(result, Answer)
        else LotLine(pack=history.battery_code, problem=view_error(result, formatter, FormEntry(), day))
        for history, result in zip(traces.histories, results, strict=True)
    ]
    lines += [
        LotLine(pack=one.battery_code or one.where, problem=view_error(one.error, formatter, FormEntry(), day))
        for one in traces.problems
    ]
    views = [line.view for line in lines if line.view is not None]
    return LotView(
        lines=tuple(lines),
        valued=len(views),
        total=math.fsum(view.answer.residual_value.point for view in views),
        demonstration=views[0].demonstration if views else None,
    )
