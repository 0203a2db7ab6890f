"""Read real price sets of used assets without columns that leak the price; the data are not in the repository."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

NOT_KNOWN_YEAR = 1000  # bulldozers: the year of make that stands for "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sales:
    """Sales of used assets.

    Attributes
    ----------
    name
        Name of the set.
    table
        Features known before the sale, texts and numbers, one row per sale.
    price
        Asking or sale price; positive.
    group
        Coarse group (maker, product group, fuel) for coverage by group.
    model
        Model within the group, as "Nissan/Leaf S"; left out as a whole in the split by unseen models.
    day
        Day of the sale since 1970; NaN if unknown.
    directions
        Monotone columns: the price must not rise (-1) or not fall (+1).

    """

    name: str
    table: pd.DataFrame
    price: np.ndarray
    group: np.ndarray
    model: np.ndarray
    day: np.ndarray
    directions: dict[str, int]

    def __len__(self) -> int:
        """Return the number of sales."""
        return len(self.price)

    def take(self, rows: np.ndarray) -> Sales:
        """Return the given rows in the given order."""
        return Sales(
            name=self.name,
            table=self.table.iloc[rows].reset_index(drop=True),
            price=self.price[rows],
            group=self.group[rows],
            model=self.model[rows],
            day=self.day[rows],
            directions=self.directions,
        )


def cars_com(folder: Path) -> Sales:
    """Return used battery-electric cars offered on cars.com, without the price cut of the listing."""
    listed = pd.read_csv(folder / "cars_com_used_bev" / "cars_com_used_bev.csv")
    listed = listed[~listed["suspect_not_bev"]]
    listed = listed.drop(columns=["suspect_not_bev", "price_drop_usd", "data_source", "seller_id", "fuel_type_clean"])
    listed = listed.drop_duplicates().reset_index(drop=True)
    return _sales(
        "cars_com_used_bev",
        listed.drop(columns="price_usd"),
        listed["price_usd"],
        ("brand", "model"),
        {"mileage_mi": -1, "model_year": 1},
    )


def bulldozers(folder: Path) -> Sales:
    """Return heavy equipment sold at auction, without identifiers; the year 1000 means unknown."""
    sold = pd.read_csv(folder / "bulldozers_10k" / "bulldozers_10k.csv", low_memory=False)
    day = pd.to_datetime(sold["saledate"], format="mixed")
    sold["YearMade"] = sold["YearMade"].where(sold["YearMade"] > NOT_KNOWN_YEAR)
    sold["MachineHoursCurrentMeter"] = sold["MachineHoursCurrentMeter"].where(sold["MachineHoursCurrentMeter"] > 0)
    sold["sale_day"] = (day - pd.Timestamp("1970-01-01")).dt.days.astype(float)
    sold["age_years"] = day.dt.year + day.dt.dayofyear / 365.25 - sold["YearMade"]
    known = sold.drop(columns=["SalesID", "MachineID", "ModelID", "datasource", "auctioneerID", "saledate"])
    known = known.drop(columns=["SalePrice", "ProductGroupDesc"])
    return _sales(
        "bulldozers_10k",
        known,
        sold["SalePrice"],
        ("ProductGroup", "fiBaseModel"),
        {"age_years": -1, "MachineHoursCurrentMeter": -1},
        sold["sale_day"].to_numpy(dtype=np.float64),
    )


def autoscout(folder: Path) -> Sales:
    """Return used cars offered in Germany, mostly with combustion engine."""
    listed = pd.read_csv(folder / "autoscout24_germany" / "autoscout24_germany.csv")
    listed = listed[listed["Offer_Type"] == "Used"].drop_duplicates().reset_index(drop=True)
    listed["make_and_model"] = listed["Manufacturer"] + "/" + listed["Model"].fillna("?")
    return _sales(
        "autoscout24_germany",
        listed.drop(columns=["Price", "Offer_Type"]),
        listed["Price"],
        ("Fuel_Type", "make_and_model"),
        {"Milage": -1, "Year_of_Manufacturing": 1},
    )


def stand_in(folder: Path) -> Sales:
    """Return synthetic sales to show that the benchmark runs; the folder is not read."""
    del folder
    generator = np.random.default_rng(11)
    rows = 3000
    maker = generator.integers(0, 6, rows)
    model = maker * 8 + generator.integers(0, 8, rows)
    age, distance = generator.uniform(0, 12, rows), generator.gamma(2.0, 30.0, rows)
    day = np.sort(generator.integers(15000, 17000, rows)).astype(np.float64)
    level = 10.0 + 0.3 * generator.normal(size=48)[model] - 0.0002 * (day - 15000)
    noise = (0.1 + 0.02 * age) * generator.standard_t(5, rows)
    table = pd.DataFrame({"maker": [f"maker {m}" for m in maker], "model": [f"model {m}" for m in model]})
    table = table.assign(sale_day=day, age=age, distance=np.where(generator.random(rows) < 0.1, np.nan, distance))
    price = pd.Series(np.exp(level - 0.12 * age - 0.004 * distance + noise))
    return _sales("synthetic stand-in", table, price, ("maker", "model"), {"age": -1, "distance": -1}, day)


READERS: dict[str, Callable[[Path], Sales]] = {
    "cars_com_used_bev": cars_com,
    "bulldozers_10k": bulldozers,
    "autoscout24_germany": autoscout,
}


def read_sets(folder: Path, names: list[str]) -> list[Sales]:
    """Return the sets found in a folder; if it is absent, print a note and return the synthetic stand-in."""
    if not folder.is_dir():
        print(f"{folder} is absent: a synthetic stand-in shows that the benchmark runs; its figures mean nothing")
        return [stand_in(folder)]
    return [READERS[name](folder) for name in names or READERS]


def _sales(  # noqa: PLR0913, PLR0917 - the six things a set is made of
    name: str,
    table: pd.DataFrame,
    price: pd.Series,
    columns: tuple[str, str],
    directions: dict[str, int],
    day: np.ndarray | None = None,
) -> Sales:
    coarse, fine = (table[column].fillna("?").astype(str).to_numpy(dtype=object) for column in columns)
    group = np.array([label.replace("/", "|") for label in coarse], dtype=object)
    model = np.array([f"{g}/{m.replace('/', '|')}" for g, m in zip(group, fine, strict=True)], dtype=object)
    return Sales(
        name=name,
        table=table.reset_index(drop=True),
        price=price.to_numpy(dtype=np.float64),
        group=group,
        model=model,
        day=np.full(len(price), np.nan) if day is None else day,
        directions=directions,
    )
