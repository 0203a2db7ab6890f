"""`canzhi report-sale`: enter deals that were made; they re-anchor the band at once (成交上报)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from service.anchoring import AnchorSummary
    from service.schemas import Sale
    from valuation.market.snapshot import MarketHistory

_SHOWN = 20


@click.command("report-sale")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--sale-id", help="Id of the one sale reported by options.")
@click.option("--code", "battery_code", help="Its battery code.")
@click.option("--sold-on", type=click.DateTime(["%Y-%m-%d"]), help="Its day.")
@click.option("--price", "price_cny", type=float, help="Its price in CNY; a gate fee is negative.")
@click.option(
    "--vat/--no-vat", "vat_included", default=None, help="Whether prices hold VAT; of FILE, where it does not say."
)
@click.option("--region", default="CN", show_default=True, help="Its region.")
@click.option(
    "--route", type=click.Choice(["recycling", "second_life", "reuse"]), help="Its route; a closed one moves no band."
)
def report_sale(  # noqa: PLR0913 - every option by name, as click hands them over
    file: Path | None,
    *,
    sale_id: str | None,
    battery_code: str | None,
    sold_on: datetime | None,
    price_cny: float | None,
    vat_included: bool | None,
    region: str,
    route: str | None,
) -> None:
    """Enter the sales of FILE, or one by options, and say how far they move the band (成交上报).

    FILE is any ledger that `canzhi train` reads (CSV, Excel, Parquet, Chinese or English headings), or JSON or JSONL as
    the HTTP service takes it. Rows of a ledger that cannot be used are named and left out. A sale is entered once:
    reported again with the same content it changes nothing. A running service answers with the re-anchored band within
    two seconds.
    """
    from service.anchoring import stand, summary_of  # noqa: PLC0415 - --help stays quick
    from service.commands.surroundings import opened, settings_with  # noqa: PLC0415 - as above
    from service.reported_sales import enter_sales  # noqa: PLC0415 - as above
    from service.store.idempotency import Outcome, once  # noqa: PLC0415 - as above

    one = {"sale_id": sale_id, "battery_code": battery_code, "price_cny": price_cny, "vat_included": vat_included}
    asked = [sale_id, battery_code, sold_on, price_cny]
    if (file is not None and any(value is not None for value in asked)) or (
        file is None and any(value is None for value in (*asked, vat_included))
    ):
        raise click.UsageError("give a FILE, or all of --sale-id, --code, --sold-on, --price and --vat or --no-vat")
    place = {"region": region, "route": route}
    rows: list[dict[str, object]] = [{**one, **place, "sold_on": sold_on.date()}] if sold_on else []
    counter = click.get_current_context().with_resource(opened(settings_with()))
    sales = _read(file, counter.market.history, vat_included) if file is not None else _sales(rows, "the options")
    told: list[int] = []

    def spell(added: int, known: int, _head: str) -> Outcome:
        told[:] = [added, known]
        return Outcome(status=201, body=b"")

    once(counter.database, None, enter_sales(sales, "canzhi report-sale", spell))
    click.echo(f"{told[0]:,} sales entered, {told[1]:,} known already")
    standing = stand(counter.model, counter.market, counter.database)
    for line in _lines(summary_of(standing.model, counter.database)):
        click.echo(line)


def _read(path: Path, market: MarketHistory, vat_included: bool | None) -> list[Sale]:  # noqa: FBT001 - yes, no, unsaid
    """Return the sales of a file; rows of a ledger that cannot be used are named on standard error."""
    if path.suffix.lower() not in {".json", ".jsonl"}:
        return _of_ledger(path, market, None if vat_included is None else "included" if vat_included else "excluded")
    from valuation.errors import UnreadableRecord  # noqa: PLC0415 - --help stays quick
    from valuation.intake import documents  # noqa: PLC0415 - as above

    document = documents.open_document(path, documents.Limits())
    if path.suffix.lower() == ".json":
        told = documents.decode_json(document)
        rows = told.get("sales", told) if isinstance(told, dict) else told
        return _sales(rows if isinstance(rows, list) else [rows], path.name)
    lines = [line for _, line in documents.json_lines(documents.decode_text(document), path.name)]
    for line in lines:
        if isinstance(line, UnreadableRecord):
            raise line
    return _sales(lines, path.name)


def _of_ledger(path: Path, market: MarketHistory, vat: str | None) -> list[Sale]:
    """Return the sales of a recycler's own ledger, as the workshop reads it."""
    from service.reported_sales import check_sale  # noqa: PLC0415 - --help stays quick
    from service.workshop import lent  # noqa: PLC0415 - as above
    from valuation.errors import FieldError, UnreadableLedger  # noqa: PLC0415 - as above

    try:
        records, faults = lent("ledger-sales")(path, market, vat)
    except UnreadableLedger as error:
        if error.field != "vat_included":
            raise
        hint = "pass --vat where prices hold it or --no-vat where they do not, or add a column vat_included (含税)"
        raise UnreadableLedger(error.message, hint=hint, field=error.field) from None
    sales = []
    for sale in _sales(records, path.name):
        try:
            check_sale(sale)
        except FieldError as error:
            faults.append((error.message, error.hint))
        else:
            sales.append(sale)
    for sentence, way_out in faults[:_SHOWN]:
        click.echo(f"left out: {sentence}; {way_out}", err=True)
    if len(faults) > _SHOWN:
        click.echo(f"left out: {len(faults) - _SHOWN:,} rows more", err=True)
    if not sales:
        raise UnreadableLedger(f"no row of {path.name} is a sale that can be entered", hint="mend the rows named above")
    return sales


def _sales(rows: Sequence[object], place: str) -> list[Sale]:
    import msgspec  # noqa: PLC0415 - --help stays quick

    from service.schemas import Sale  # noqa: PLC0415 - as above
    from valuation.errors import FieldError  # noqa: PLC0415 - as above

    sales = []
    for number, row in enumerate(rows, start=1):
        try:
            sales.append(msgspec.convert(row, type=Sale, strict=False))
        except msgspec.ValidationError as reason:
            raise FieldError(
                f"sale {number} of {place} is refused: {reason}",
                hint="a sale has sale_id, battery_code, sold_on, vat_included, price_cny (or lot_id, lot_price_cny)",
                field="sales",
            ) from None
    return sales


def _lines(summary: AnchorSummary | None) -> list[str]:
    """Return how far the model has moved, a line each."""
    if summary is None:
        return ["no trained model answers, so there is no band to re-anchor"]
    lines = [f"re-anchored on {len(summary.used):,} sales since the model was trained"]
    lines += [f"  left out {count:,}: {reason}" for reason, count in summary.left_out.items()]
    moved = summary.moved
    if moved is not None and moved.point is not None:
        parts = ", ".join(f"{name} {share:+.1%}" for name, share in moved.by_chemistry.items())
        lines.append(f"  points moved by {moved.point:+.1%} in the middle of these packs ({parts})")
        lines.append(
            f"  bands are {moved.width:.2f} times as wide; as trained they held {moved.covered_before:.1%} of the sales"
        )
    return lines
