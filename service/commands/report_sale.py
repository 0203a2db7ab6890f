"""`canzhi report-sale`: record, confirm and void sales, which recentre the model (成交上报)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import click
import msgspec
from msgspec.structs import replace

from models.language import command_language
from service.cli import print_line
from service.commands.console.opened_service import open_service, settings_with
from service.plugins import load_plugin
from service.sale_reports.reporting import enter_filed_sales, hold_reason
from service.sales.record_sales import StepKind, check_sale, step_on_sale
from service.sales.sale_types import FiledSale
from service.sales.selection import reason_text
from service.sales.serving_models import DatedModel
from service.valuation_service import ValuationService
from valuation.answer.cautions import FAR_IN_A_WEEK
from valuation.errors import FieldError, UnreadableLedger, UnreadableRecord
from valuation.ingest import decode_bytes
from valuation.market.snapshot import MarketHistory
from valuation.messages import Message, say

_SHOWN = 20
_CALLER = "canzhi report-sale"


@click.command("report-sale")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--sale-id", help="Sale id, to report one sale by options.")
@click.option("--code", "battery_code", help="Battery code of that sale.")
@click.option("--sold-on", type=click.DateTime(["%Y-%m-%d"]), help="Day of that sale.")
@click.option("--price", "price_cny", type=float, help="Price of that sale in CNY; a gate fee is negative.")
@click.option(
    "--vat/--no-vat", "vat_included", default=None, help="Whether prices include VAT, if FILE does not state it."
)
@click.option("--region", default="CN", show_default=True, help="Region of that sale.")
@click.option(
    "--route",
    type=click.Choice(["recycling", "second_life", "reuse"]),
    help="Route of that sale; a sale into a closed route is not used.",
)
@click.option("--corrects", metavar="ID", help="Id of a wrong sale that it replaces.")
@click.option("--reporter", help="Reporter of the sales, if FILE does not state one.  [default: canzhi report-sale]")
@click.option("--confirm", multiple=True, metavar="ID", help="Confirm a held sale; may be repeated.")
@click.option("--void", multiple=True, metavar="ID", help="Void a wrong sale; may be repeated.")
@click.option("--note", help="Reason for --confirm and --void.")
def report_sale(
    file: Path | None,
    *,
    confirm: tuple[str, ...],
    void: tuple[str, ...],
    note: str | None,
    **asked: str | float | datetime | None,
) -> None:
    """Record the sales of FILE, or one given by options, and print how far they shift the model (成交上报).

    FILE is a sales ledger as for `canzhi train` (CSV, Excel or Parquet, English or Chinese headings), or JSON or JSONL
    as for the HTTP API. Invalid rows are listed and skipped. A sale reported again with the same content changes
    nothing. A sale with a price far outside the band of its pack is held until --confirm. A running service uses the
    recentred band within two seconds.
    """
    steps: list[tuple[StepKind, str]] = [("sale_confirmed", one) for one in confirm]
    steps += [("sale_voided", one) for one in void]
    given = _sale_of_options(file, asked)
    if bool(steps) == (file is not None or given is not None):
        raise click.UsageError(say(command_language(), "command.sale_or_step"))
    service = click.get_current_context().with_resource(open_service(settings_with()))
    if steps:
        _change_states(service, steps, note)
    else:
        vat = None if asked["vat_included"] is None else bool(asked["vat_included"])
        sales = (
            _sales([given], Message("command.the_options"))
            if file is None
            else _read(file, service.market.history, vat)
        )
        _enter(service, _with_reporter(sales, asked["reporter"]))
    for line in _recentring_lines(service.models.refreshed().current):
        click.echo(line.in_language(command_language()))


def _sale_of_options(file: Path | None, asked: Mapping[str, str | float | datetime | None]) -> dict[str, object] | None:
    """Return the sale described by the options, None without any."""
    needed = ("sale_id", "battery_code", "sold_on", "price_cny")
    given = [asked[name] is not None for name in needed]
    if not any(given) and (file is not None or asked["vat_included"] is None):
        return None
    sold_on = asked["sold_on"]
    if file is not None or not all(given) or not isinstance(sold_on, datetime) or asked["vat_included"] is None:
        raise click.UsageError(say(command_language(), "command.whole_sale"))
    return {**asked, "sold_on": sold_on.date()}


def _with_reporter(sales: Sequence[FiledSale], reporter: object) -> list[FiledSale]:
    """Return the sales, with a reporter for those without one."""
    return [sale if sale.reporter else replace(sale, reporter=reporter) for sale in sales]


def _enter(service: ValuationService, sales: Sequence[FiledSale]) -> None:
    """Record sales, and print the number of new, known and held ones."""
    entered = enter_filed_sales(service, sales, _CALLER)
    known = entered.count("known")
    print_line("command.sales.entered", count=len(sales) - known, known=known)
    held = [(one.sale_id, one.hold) for one in entered.sales if one.state == "held" and one.hold is not None]
    for sale_id, hold in held[:_SHOWN]:
        print_line("command.sales.held", sale=sale_id, reason=hold_reason(hold))
    if len(held) > _SHOWN:
        print_line("command.sales.more_held", count=len(held) - _SHOWN)
    if held:
        print_line("command.sales.held_hint")


def _change_states(service: ValuationService, steps: Sequence[tuple[StepKind, str]], note: str | None) -> None:
    """Confirm and void sales, all or none, and print their states."""
    with service.database.writing() as connection:
        done = [step_on_sale(sale_id, kind, note, _CALLER)(connection) for kind, sale_id in steps]
    for sale in done:
        print_line("command.sales.state", sale=sale.sale.sale_id, state=Message(f"command.sales.state_of.{sale.state}"))


def _read(path: Path, market: MarketHistory, vat_included: bool | None) -> list[FiledSale]:  # noqa: FBT001 - None: not stated
    """Return the sales of a file; invalid rows of a ledger are listed on standard error."""
    if path.suffix.lower() not in {".json", ".jsonl"}:
        return _sales_from_ledger(
            path, market, None if vat_included is None else "included" if vat_included else "excluded"
        )

    document = decode_bytes.open_document(path, decode_bytes.Limits())
    if path.suffix.lower() == ".json":
        content = decode_bytes.decode_json(document)
        rows = content.get("sales", content) if isinstance(content, dict) else content
        return _sales(rows if isinstance(rows, list) else [rows], path.name)
    lines = [line for _, line in decode_bytes.json_lines(decode_bytes.decode_text(document), path.name)]
    for line in lines:
        if isinstance(line, UnreadableRecord):
            raise line
    return _sales(lines, path.name)


def _sales_from_ledger(path: Path, market: MarketHistory, vat: str | None) -> list[FiledSale]:
    """Return the valid sales of a sales ledger, read by `training`."""
    try:
        records, faults = load_plugin("ledger-sales")(path, market, vat)
    except UnreadableLedger as error:
        if error.field == "vat_included":
            error.hint_text = Message("sale.vat_option")
        raise
    sales = []
    for sale in _sales(records, path.name):
        try:
            check_sale(sale)
        except FieldError as error:
            faults.append((error.text, error.hint_text))
        else:
            sales.append(sale)
    lines = [Message("command.sales.left_out", reason=reason, way_out=way_out) for reason, way_out in faults[:_SHOWN]]
    if len(faults) > _SHOWN:
        lines.append(Message("command.sales.more_left_out", count=len(faults) - _SHOWN))
    for line in lines:
        click.echo(line.in_language(command_language()), err=True)
    if not sales:
        raise UnreadableLedger("sale.none_in_ledger", name=path.name)
    return sales


def _sales(rows: Sequence[object], place: str) -> list[FiledSale]:
    sales = []
    for number, row in enumerate(rows, start=1):
        try:
            sales.append(msgspec.convert(row, type=FiledSale, strict=False))
        except msgspec.ValidationError as reason:
            raise FieldError("sale.row", field="sales", number=number, place=place, reason=str(reason)) from None
    return sales


def _recentring_lines(dated: DatedModel) -> list[Message]:
    """Return lines about the recentring of today's model."""
    if dated.model is None:
        return [Message("command.sales.no_trained_model")]

    summary = dated.summary
    if summary is None:
        return [Message("command.sales.none_recentres")]
    lines = [Message("command.sales.recentred", count=summary.used)]
    lines += [Message("command.sales.waiting", count=summary.held)] if summary.held else []
    lines += [
        Message("command.sales.not_used", count=count, reason=reason_text(reason))
        for reason, count in summary.left_out.items()
    ]
    moved = summary.moved
    if moved is not None and moved.point is not None:
        parts = [f"{name} {share:+.1%}" for name, share in moved.by_chemistry.items()]
        lines.append(Message("command.sales.moved", point=moved.point, parts=parts))
        lines.append(Message("command.sales.width", width=moved.width, covered=moved.covered_before))
    if summary.week_move is not None and abs(summary.week_move) > FAR_IN_A_WEEK:
        lines.append(Message("command.sales.last_week", share=summary.week_move))
    return lines
