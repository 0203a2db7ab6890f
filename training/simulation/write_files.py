"""Write the files of a simulated market (写出文件); the same market gives the same bytes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from training.simulation.market_simulation import SimulatedMarket
from training.simulation.packs.offered_packs import SELLER_KINDS
from training.simulation.packs.service_lives import NEVER
from training.simulation.plan import day_of, stream
from training.simulation.prices.quotes import Quotes, publication_of
from training.simulation.records.life_events import module_codes, module_made_on, replacement_codes
from training.simulation.records.record_tables import (
    choice_column,
    day_column,
    known_column,
    nameplates_table,
    reported_table,
    text_column,
)
from training.simulation.regions import REGION_CODES
from training.simulation.sales.deals import BUYER_KINDS
from training.simulation.sales.pricing import ROUTES, VAT
from valuation.market.instruments import vat_rate_on
from valuation.messages import Message

_ROW_GROUP = 131_072
FILES = ("packs.parquet", "events.parquet", "sales.parquet", "truth.parquet", "quotes.csv", "about.json")
SYNTHETIC = "A synthetic market: every pack, firm, vehicle, price and deal in this folder is invented."


def write(market: SimulatedMarket, folder: Path) -> None:
    """Write the market into a folder, which is created if necessary; existing files are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    sales, truth = sales_and_truth(market)
    for name, table in (
        ("packs", packs_table(market)), ("events", events_table(market)), ("sales", sales), ("truth", truth),
    ):  # fmt: skip
        pq.write_table(
            table, folder / f"{name}.parquet", compression="zstd", compression_level=3, row_group_size=_ROW_GROUP,
            use_dictionary=True, write_statistics=True, version="2.6",
        )  # fmt: skip
    write_quotes(market.quotes, folder / "quotes.csv")
    about = {"what": SYNTHETIC, "plan": asdict(market.plan), "units": _UNITS}
    text = json.dumps(about, indent=2, default=str, ensure_ascii=False)
    (folder / "about.json").write_text(text + "\n", encoding="utf-8", newline="\n")


_UNITS = {
    "sales.price_cny": "CNY on the VAT basis of the row; lot_price_cny is the sum over the lot on the same basis",
    "truth": "all prices in CNY without VAT; the expectation is over the noise of the deal, given the full record "
    "reported by the day of the sale and the quotes of that day",
    "truth.true_soh": "health of the pack that really changes hands, fraction 0-1",
    "truth.tampered": "the record was falsified before the sale",
}


def packs_table(market: SimulatedMarket) -> pa.Table:
    """Return the recorded nameplates, one row per pack, in order of the battery code."""
    nameplates = nameplates_table(market.fleet, market.models, market.missing_modules)
    return nameplates.append_column("modules", _modules(market))


def events_table(market: SimulatedMarket) -> pa.Table:
    """Return the reported events in order of battery code and day."""
    return reported_table(market.fleet, market.events)


def sales_and_truth(market: SimulatedMarket) -> tuple[pa.Table, pa.Table]:
    """Return the ledger and the table of true values, row by row, in order of the day of the sale."""
    offers, deals = market.offers, market.deals
    pick = deals.offer
    sale_id = pa.array([f"S{number:07d}" for number in range(1, len(pick) + 1)])
    lots = offers.lot[pick]
    lot_names = pa.array([f"L{number:06d}" for number in range(1, int(lots.max(initial=-1)) + 2)])
    route = choice_column(deals.route, pa.array(ROUTES))
    sales = pa.table({
        "sale_id": sale_id,
        "battery_code": text_column(market.fleet.code[offers.row[pick]]),
        "sold_on": day_column(offers.sold_on[pick]),
        "price_cny": known_column(deals.price_cny, deals.itemised),
        "vat_included": deals.vat_included,
        "region": choice_column(offers.region[pick], pa.array(REGION_CODES)),
        "buyer_kind": choice_column(deals.buyer, pa.array(BUYER_KINDS)),
        "seller_kind": choice_column(offers.seller[pick], pa.array(SELLER_KINDS)),
        "lot_id": choice_column(lots, lot_names),
        "route": route,
        "lot_price_cny": pa.array(deals.lot_price_cny, mask=np.isnan(deals.lot_price_cny)),
    })  # fmt: skip
    truth = pa.table({
        "sale_id": sale_id,
        "expected_price_cny": deals.expected.round(2),
        "lower90_cny": deals.lower90.round(2),
        "upper90_cny": deals.upper90.round(2),
        "true_soh": offers.true_soh[pick].round(4),
        "tampered": offers.tampering[pick] > 0,
        "route": route,
        "price_without_vat_cny": deals.price_without_vat,
    })  # fmt: skip
    return sales, truth


def write_quotes(quotes: Quotes, path: Path) -> None:
    """Write quotes as the CSV of the contract, source ``synthetic``."""
    units = [publication_of(name) for name in quotes.instruments]
    taxed = np.array([vat for _, vat in units])[quotes.instrument]
    of_their_day = np.where(taxed, (1.0 + vat_rate_on(quotes.quoted_on.astype(np.float64))) / VAT, 1.0)
    index = pa.array(quotes.instrument)
    count = len(quotes.price)
    table = pa.table({
        "quoted_on": day_column(quotes.quoted_on),
        "instrument": pa.array(quotes.instruments).take(index),
        "price": np.round(quotes.price * of_their_day, 4),
        "unit": pa.array([unit for unit, _ in units]).take(index),
        "vat_included": pa.array(["true" if vat else "false" for _, vat in units]).take(index),
        "region": pa.array(["CN"] * count),
        "source": pa.array(["synthetic"] * count),
    })  # fmt: skip
    with path.open("wb") as file:
        file.write((",".join(table.column_names) + "\n").encode())
        pa_csv.write_csv(table, file, pa_csv.WriteOptions(include_header=False, quoting_style="none"))


def _modules(market: SimulatedMarket) -> pa.Array:
    """Return the recorded modules; their health is known if the pack was tested in a laboratory."""
    fleet, rng = market.fleet, stream(market.plan, "record").spawn(2)[1]
    listed = fleet.recorded_modules
    count = np.where(listed, market.models.modules[fleet.model], 0)
    row = np.repeat(np.arange(fleet.rows), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    codes = module_codes(fleet, row, module_made_on(fleet, row), place + 1)
    replaced = (place == 0) & (market.lives.failed_on[row] < NEVER)
    codes = np.where(replaced, replacement_codes(fleet, market.lives, row), codes)
    measured = np.full(fleet.rows, np.nan)
    lab = market.view.tier == 4
    measured[market.offers.row[lab]] = market.view.health[lab]
    soh = measured[row] + rng.normal(0.0, 1.0, len(row)) * (0.006 + 0.06 * (1.0 - measured[row]))
    soh = np.clip(np.round(soh, 4), 0.1, 1.0)
    struct = pa.StructArray.from_arrays(
        [text_column(codes), pa.array(soh, mask=np.isnan(soh))], ["battery_code", "soh"]
    )
    offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), struct, mask=pa.array(~listed))


def summary(market: SimulatedMarket) -> list[tuple[Message, str]]:
    """Return the main figures of a simulated market as rows of label and value."""
    deals, offers = market.deals, market.offers
    noise = np.abs(deals.price_without_vat - deals.expected) / np.maximum(np.abs(deals.expected), 1.0)
    inside = (deals.price_without_vat >= deals.lower90) & (deals.price_without_vat <= deals.upper90)
    sold = len(deals.offer)
    rows: list[tuple[str, str]] = [
        ("packs", f"{market.fleet.rows:,}"),
        ("events", f"{len(market.events):,}"),
        ("sales", Message("train.simulate.sales_count", count=sold, share=sold / market.fleet.rows)),
        ("lots", f"{int(offers.lot.max(initial=-1)) + 1:,}"),
        (
            "span",
            f"{day_of(offers.sold_on.min())} / {day_of(offers.sold_on.max())}"
            if sold
            else Message("train.simulate.none"),
        ),
        ("quotes", f"{len(market.quotes.price):,}"),
    ]
    if sold:
        shares = np.bincount(deals.route, minlength=len(ROUTES)) / len(deals.route)
        rows += [
            ("routes", ", ".join(f"{name} {share:.0%}" for name, share in zip(ROUTES, shares, strict=True))),
            ("negative", f"{(deals.price_cny < 0).mean():.1%}"),
            ("tampered", f"{(offers.tampering > 0).mean():.1%}"),
            ("noise", Message("train.simulate.noise_median", share=float(np.median(noise)))),
            ("inside", f"{inside.mean():.1%}"),
        ]
    return [(Message(f"train.simulate.{name}"), value) for name, value in rows]
