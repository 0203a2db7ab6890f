"""Write the reference page of the features from their table."""

from __future__ import annotations

from typing import Final

from valuation.battery_code.layout import KINDS, LEVELS
from valuation.condition.readings import SOURCES
from valuation.features.catalogue import FEATURES, Feature
from valuation.pack.chemistry import FAMILIES
from valuation.record.fields import CHEMISTRIES, DUTIES, REGIONS, REPORTER_KINDS, event_field

CODES: Final = {
    "CHEMISTRIES": CHEMISTRIES,
    "FAMILIES": FAMILIES,
    "LEVELS": LEVELS,
    "DUTIES": DUTIES,
    "SOURCES": SOURCES,
    "condition": event_field("condition").choices,
    "REPORTER_KINDS": REPORTER_KINDS,
    "KINDS": KINDS,
    "REGIONS": REGIONS,
}
"""Choices of the categorical features, whose numbers are indices of these tuples."""

_DIRECTION = {1: "never worth less", 0: "", -1: "never worth more"}

_HEAD = """# Features

Written by `valuation.features.documentation`; do not edit. One row per feature, in the order of the matrix. From the
features the model predicts the premium or discount of the market against the structural value. *More is* states the
direction that must hold with all else fixed. Unknown values are NaN.
"""


def catalogue_as_markdown() -> str:
    """Return the page: a table for each group of features, then the meaning of the codes."""
    parts = [_HEAD]
    for group in dict.fromkeys(feature.group for feature in FEATURES):
        parts += [
            f"\n## {group.capitalize()}\n",
            "| feature | 中文 | meaning | unit | more is | from |",
            "|---|---|---|---|---|---|",
        ]
        parts += [_row(feature) for feature in FEATURES if feature.group == group]
    parts += ["\n## Codes\n", "Categorical features hold these numbers; a text code is the CRC-32 of the text.\n"]
    parts += [
        f"- `{name}`: " + ", ".join(f"{code} {choice}" for code, choice in enumerate(choices))
        for name, choices in CODES.items()
    ]
    return "\n".join(parts) + "\n"


def _row(feature: Feature) -> str:
    """Return one feature as a row of the table."""
    kind = " (categorical)" if feature.categorical else ""
    return (
        f"| `{feature.name}` | {feature.label.zh} | {meaning(feature)}{kind} | {feature.unit} "
        f"| {_DIRECTION[feature.monotone]} | {feature.source} |"
    )


def meaning(feature: Feature) -> str:
    """Return the meaning of a feature: the first line of its function without the unit and the Chinese term.

    >>> meaning(FEATURES[3])
    'rated energy, declared or typical'
    """
    line = (feature.function.__doc__ or "").strip().splitlines()[0]
    sentence = line.rpartition(" [")[0].rstrip(".").removeprefix("Return ")
    before, _, after = sentence.partition(" (")
    return before + after.partition(")")[2] if after else sentence
