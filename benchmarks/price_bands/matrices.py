"""Convert sales to the input forms of the methods: raw table, encoded matrix, and codes for native categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold
from sklearn.preprocessing import OrdinalEncoder, TargetEncoder

from benchmarks.price_bands.datasets import Sales

FEW_LEVELS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Sales in all input forms.

    Attributes
    ----------
    sales
        The raw table and the groups.
    encoded
        Numbers; texts with few levels as ordinals, others as cross-fitted target means; NaN for missing.
    filled
        The same with missing values replaced by the training median.
    native
        Numbers and codes of texts; NaN for missing and unknown texts.
    categorical
        Columns of ``native`` that are codes.
    target
        Logarithm of the price.
    whole
        Whether tuning holds out whole models, for the split by unseen models.

    """

    sales: Sales
    encoded: np.ndarray
    filled: np.ndarray
    native: np.ndarray
    categorical: tuple[int, ...]
    target: np.ndarray
    whole: bool = False

    def take(self, rows: np.ndarray) -> View:
        """Return the given rows."""
        return View(
            sales=self.sales.take(rows),
            encoded=self.encoded[rows],
            filled=self.filled[rows],
            native=self.native[rows],
            categorical=self.categorical,
            target=self.target[rows],
            whole=self.whole,
        )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.target)

    def matrix(self, form: str) -> np.ndarray:
        """Return the matrix of a form: "encoded", "filled" or "native"."""
        return {"encoded": self.encoded, "filled": self.filled, "native": self.native}[form]


class Reader:
    """Converts tables to matrices with encodings fitted on one training set."""

    def __init__(self, train: Sales, seed: int, *, whole: bool = False) -> None:
        self.whole = whole
        table = train.table
        self.texts = [c for c in table.columns if not pd.api.types.is_numeric_dtype(table[c])]
        self.numbers = [c for c in table.columns if c not in self.texts]
        many = [c for c in self.texts if table[c].nunique() > FEW_LEVELS]
        self.few = [c for c in self.texts if c not in many]
        self.many = many
        self.ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, dtype=np.float64)
        self.ordinal.fit(self._texts(table, self.texts))
        self.averages = TargetEncoder(target_type="continuous", cv=KFold(5, shuffle=True, random_state=seed))
        averaged = self._fit_averages(train)
        self.training = self._view(train, averaged)
        self.median = np.nan_to_num(np.nanmedian(self.training.encoded, axis=0))
        self.training = self._view(train, averaged)

    def read(self, sales: Sales) -> View:
        """Return sales in every form; for the training set use ``training``."""
        averaged = np.zeros((len(sales), 0))
        if self.many:
            averaged = self.averages.transform(self._texts(sales.table, self.many))
        return self._view(sales, averaged)

    def _fit_averages(self, train: Sales) -> np.ndarray:
        if not self.many:
            return np.zeros((len(train), 0))
        return self.averages.fit_transform(self._texts(train.table, self.many), np.log(train.price))

    def _view(self, sales: Sales, averaged: np.ndarray) -> View:
        numbers = sales.table[self.numbers].to_numpy(dtype=np.float64)
        codes = self.ordinal.transform(self._texts(sales.table, self.texts)) if self.texts else numbers[:, :0]
        few = codes[:, [self.texts.index(c) for c in self.few]]
        encoded = np.column_stack([numbers, few, averaged])
        median = getattr(self, "median", np.zeros(encoded.shape[1]))
        width = numbers.shape[1]
        return View(
            sales=sales,
            encoded=encoded,
            filled=np.where(np.isnan(encoded), median, encoded),
            native=np.column_stack([numbers, codes]),
            categorical=tuple(range(width, width + codes.shape[1])),
            target=np.log(sales.price),
            whole=self.whole,
        )

    @staticmethod
    def _texts(table: pd.DataFrame, columns: list[str]) -> np.ndarray:
        return table[columns].fillna("not known").astype(str).to_numpy(dtype=object)
