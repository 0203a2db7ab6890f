"""Routes of the web page: form, results, one valuation, its report."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from service.api.dependencies import caller_of, pools_of, service_of
from service.api.openapi_bodies import JSON
from service.api.problems import Refusal
from service.clock import today
from service.store.idempotency import Outcome
from service.valuation_service import Answer, ValuationService
from service.web.form import LEVELS, FormEntry, read_entry
from service.web.form_input import value_entry
from service.web.formatting import Formatter
from service.web.lot_view import view_lot
from service.web.page_refusal import PageRefusal
from service.web.pages import HEADERS, formatter_for, page
from service.web.problem_view import ProblemView, view_error, view_refusal
from service.web.report_view import find_valuation, view_report
from service.web.valuation_view import view_answer
from valuation.errors import CanzhiError, UnknownValuation
from valuation.ingest import Traces
from valuation.record.fields import CHEMISTRIES


async def start(request: Request) -> HTMLResponse:
    """Return the empty form."""
    return form_page(request, FormEntry())


async def value(request: Request) -> Response:
    """Value and store the submitted packs; redirect to the valuation, or show a table."""
    service = service_of(request)
    entry = FormEntry()
    try:
        entry = await read_entry(request, service.settings.body_limit_bytes)
        traces, results = await pools_of(request).batch(_value_and_keep, service, entry, caller_of(request))
        _count(request, results)
        if len(results) + len(traces.problems) != 1:
            return lot_page(request, traces, results)
        if traces.problems:
            raise traces.problems[0].error
        if isinstance(results[0], CanzhiError):
            raise results[0]
    except PageRefusal as refusal:
        return form_page(request, entry, view_refusal(refusal, formatter_for(request)))
    except CanzhiError as error:
        shown = view_error(error, formatter_for(request), entry, today())
        return form_page(request, entry, shown)
    except Refusal as refusal:
        return form_page(request, entry, _request_problem(refusal, formatter_for(request)))
    return RedirectResponse(f"/valuations/{results[0].valuation_id}", status_code=303, headers=dict(HEADERS))


async def form_or_value(request: Request) -> Response:
    """Handle GET and POST of the form in one route, so that 405 responses list both methods."""
    return await (value if request.method == "POST" else start)(request)


async def show(request: Request) -> HTMLResponse:
    """Return a stored valuation as a page."""
    try:
        kept = await pools_of(request).store(find_valuation, service_of(request), request.path_params["valuation_id"])
    except UnknownValuation as error:
        return _missing(request, error)
    view = view_answer(kept.answer, formatter_for(request))
    return page(request, "answer.html", view=view, entry=FormEntry())


async def answer_bytes(request: Request) -> Response:
    """Return the JSON of a stored valuation."""
    kept = await pools_of(request).store(find_valuation, service_of(request), request.path_params["valuation_id"])
    return Response(kept.answer, media_type=JSON, headers={"x-content-type-options": "nosniff"})


async def page_report(request: Request) -> HTMLResponse:
    """Return the report as a page, or the form if the id is unknown."""
    try:
        return await report(request, request.path_params["valuation_id"])
    except UnknownValuation as error:
        return _missing(request, error)


async def report(request: Request, valuation_id: str) -> HTMLResponse:
    """Return the report on a stored valuation as HTML, in Chinese or English."""
    service = service_of(request)
    formatter = formatter_for(request)
    kept = await pools_of(request).store(find_valuation, service, valuation_id)
    view = view_answer(kept.answer, formatter)
    more = await pools_of(request).store(view_report, service, kept, view.answer.market.quotes, formatter)
    return page(request, "report.html", view=view, report=more)


def form_page(request: Request, entry: FormEntry, problem: ProblemView | None = None) -> HTMLResponse:
    """Return the form with the submitted entries and the problem."""
    service = service_of(request)
    return page(
        request,
        "start.html",
        status=200 if problem is None else problem.status,
        entry=entry,
        problem=problem,
        chemistries=CHEMISTRIES,
        levels=LEVELS,
        default_day=today(),
        limit_mb=service.settings.body_limit_bytes // 1_000_000,
    )


def lot_page(request: Request, traces: Traces, results: list[Answer | CanzhiError]) -> HTMLResponse:
    """Return the table of several packs with links to their valuations."""
    view = view_lot(traces, results, formatter_for(request), today())
    return page(request, "lot.html", status=200 if view.valued else 422, lot=view)


def _value_and_keep(
    service: ValuationService, entry: FormEntry, caller: str
) -> tuple[Traces, list[Answer | CanzhiError]]:
    """Value the submitted packs and store the answers, in one thread and one transaction."""
    traces, results = value_entry(service, entry)
    given = [one for one in results if isinstance(one, Answer)]
    if given:
        service.save(given, Outcome(status=303, body=b""), recorded_by=caller)
    return traces, results


def _count(request: Request, results: list[Answer | CanzhiError]) -> None:
    """Record valued and refused packs for the metrics."""
    request.state.valued = [one.best_route for one in results if isinstance(one, Answer)]
    request.state.refused = [one.code for one in results if isinstance(one, CanzhiError)]


def _missing(request: Request, error: UnknownValuation) -> HTMLResponse:
    day = today()
    return form_page(request, FormEntry(), view_error(error, formatter_for(request), FormEntry(), day))


def _request_problem(refusal: Refusal, formatter: Formatter) -> ProblemView:
    """Return the view of a request that was refused unread, such as a too large body."""
    problem = refusal.problem(formatter.language)
    return ProblemView(
        status=problem.status,
        title=formatter.say(f"problem.{problem.code}"),
        detail=problem.detail,
        advice=formatter.say(f"advice.{problem.code}"),
    )


ROUTES = (
    Route("/", form_or_value, methods=["GET", "POST"]),
    Route("/valuations/{valuation_id}", show),
    Route("/valuations/{valuation_id}/answer.json", answer_bytes),
    Route("/valuations/{valuation_id}/report", page_report),
    Mount("/static", StaticFiles(packages=[("service.web", "static")])),
)
