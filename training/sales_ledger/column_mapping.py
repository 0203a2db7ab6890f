"""Map ledger headings to fields (表头识别), with the tax basis, currency and unit stated in the heading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from valuation.errors import CanzhiError, FieldError, UnreadableLedger
from valuation.ingest.fields.aliases import SALE_SCOPE
from valuation.ingest.fields.headings import Heading, read_heading
from valuation.messages import Message, shown_value


def find_headings(names: Sequence[str], file: str) -> tuple[dict[str, Heading], tuple[str, ...]]:
    """Return the known columns of a file by field name, and the names of unused columns.

    If a price is given both with and without tax, the one without is used.

    Raises
    ------
    UnreadableLedger
        If two columns match one field, or a required column is missing.

    >>> found, rest = find_headings(["电池码", "成交日期", "含税价(万元)", "备注"], "台账.csv")
    >>> found["price_cny"].price.factor, found["price_cny"].price.vat_included, rest
    (10000.0, True, ('备注',))
    """
    found: dict[str, Heading] = {}
    unused = []
    for spelled in names:
        heading = _read(spelled)
        if heading is None:
            unused.append(spelled)
            continue
        name = "sold_on" if heading.name == "day_of_sale" else heading.name
        other = found.get(name)
        if other is None:
            found[name] = heading
        elif {_with_vat(other), _with_vat(heading)} == {True, False}:
            unused.append(other.spelled if _with_vat(other) else spelled)
            found[name] = heading if _with_vat(other) else other
        else:
            raise UnreadableLedger(
                "ledger.column_twice", field=name, value=spelled, name=file, other=shown_value(other.spelled)
            )
    _require(found, file, names)
    return found, tuple(unused)


def _read(spelled: str) -> Heading | None:
    """Return what a heading means; one with a unit that is not read is refused by name."""
    try:
        return read_heading(spelled, SALE_SCOPE)
    except FieldError as error:
        raise as_ledger_error(error) from error


def as_ledger_error(error: CanzhiError) -> UnreadableLedger:
    """Return the error of a ledger whose table or heading cannot be read, with the reason."""
    parameters = {name: value for name, value in error.text.parameters.items() if name not in {"field", "value"}}
    message_id, hint, field = error.message_id, error.hint_text, error.field or "ledger"
    return UnreadableLedger(message_id, hint=hint, field=field, value=error.value, **parameters)


def _with_vat(heading: Heading) -> bool | None:
    """Return whether the prices below a heading include VAT, None if it does not state it."""
    return None if heading.price is None else heading.price.vat_included


def _require(found: Mapping[str, Heading], file: str, names: Sequence[str]) -> None:
    """Raise if a required column is missing."""
    lacking = [name for name in ("battery_code", "sold_on") if name not in found]
    if "price_cny" not in found and "lot_price_cny" not in found:
        lacking.append("price_cny")
    if lacking:
        headings = [str(name) for name in names[:12]] or Message("ledger.none")
        raise UnreadableLedger("ledger.no_column", field=lacking[0], name=file, columns=lacking, headings=headings)
