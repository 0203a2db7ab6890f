"""Settings of the service, each read from a `CANZHI_` environment variable.

:func:`settings_table` generates `docs/reference/settings.md` from the dataclass.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from valuation.errors import SettingError
from valuation.messages import Message

PREFIX = "CANZHI_"
DEFAULT_MODEL = "champion"


def _doc(meaning: str, default: str | None = None) -> dict[str, str | None]:
    """Return the documentation of a setting: its meaning, and its default if the value alone is unclear."""
    return {"meaning": meaning, "default": default}


def _user_data_folder() -> Path:
    """Return the platform's folder for user data."""
    return platformdirs.user_data_path("canzhi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of the service; see `docs/reference/settings.md`."""

    home: Path = field(
        default_factory=_user_data_folder,
        metadata=_doc("Folder of all local state: store, models, market.", "the platform's user-data folder"),
    )
    database_url: str = field(
        default="",
        metadata=_doc(
            "Store of valuations and histories: a SQLite file or `postgresql+psycopg://…`.",
            "`canzhi.sqlite` in the home folder",
        ),
    )
    market: Path | None = field(
        default=None,
        metadata=_doc(
            "Market quotes, CSV or Parquet.", "`market.csv` in the home folder, else the bundled synthetic quotes"
        ),
    )
    model: str = field(
        default=DEFAULT_MODEL, metadata=_doc("Model that values: an alias, a version, a digest or a bundle folder.")
    )
    host: str = field(default="127.0.0.1", metadata=_doc("Address the HTTP service listens on."))
    port: int = field(default=8000, metadata=_doc("Port the HTTP service listens on."))
    workers: int = field(
        default=1,
        metadata=_doc("Server processes. `/readyz` answers 503 until all have started once, for a minute at most."),
    )
    body_limit_bytes: int = field(default=8_388_608, metadata=_doc("Largest request body that is read. [bytes]"))
    value_queue: int = field(
        default=512, metadata=_doc("Single packs that may wait; one more is turned away with status 503.")
    )
    batch_limit: int = field(default=1000, metadata=_doc("Most packs in one batch request."))
    batch_threads: int = field(default=2, metadata=_doc("Batches that are valued at the same time."))
    batch_queue: int = field(
        default=8, metadata=_doc("Batches that may wait; one more is turned away with status 503.")
    )
    store_wait_s: float = field(
        default=10.0, metadata=_doc("How long a write waits for another writer of the store. [s]")
    )
    api_keys: Path | None = field(
        default=None,
        metadata=_doc(
            "File of API keys, `name sha256:<hex of its hash>` a line; without it, only this machine is served.",
            "none",
        ),
    )
    kernel: str = field(  # read by models.kernel.library
        default="auto",
        metadata=_doc("What evaluates forests: `auto`, `baseline`, `v3`, `v4` (levels of a processor) or `numpy`."),
    )
    lang: str = field(  # read by models.language
        default="",
        metadata=_doc(
            "Language of the command line, `en` or `zh`; the web page and the HTTP API follow `Accept-Language`.",
            "that of the locale",
        ),
    )
    docs: bool = field(default=True, metadata=_doc("Whether `/openapi.json`, `/docs` and `/redoc` are served."))

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store."""
        return self.database_url or f"sqlite:///{self.home / 'canzhi.sqlite'}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the settings from the `CANZHI_` variables.

        Raises
        ------
        SettingError
            If a variable has an invalid value.

        >>> Settings.from_environment({"CANZHI_PORT": "8080"}).port
        8080
        """
        given = os.environ if environment is None else environment
        chosen: dict[str, Any] = {}
        for one in fields(cls):
            text = given.get(variable(one.name))
            if text:
                chosen[one.name] = _read(one.name, str(one.type), text)
        return cls(**chosen)


def variable(name: str) -> str:
    """Return the environment variable of a setting.

    >>> variable("database_url")
    'CANZHI_DATABASE_URL'
    """
    return PREFIX + name.upper()


def _read(name: str, kind: str, text: str) -> object:
    """Return the text of a variable as a value of the setting's type."""
    if kind.startswith("Path"):
        return Path(text).expanduser()
    if kind == "bool" and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if kind == "str":
        return text
    try:
        number = {"int": int, "float": float}[kind](text)
    except (KeyError, ValueError):
        number = -1
    if number < 0:
        raise SettingError(
            "setting.variable",
            field=variable(name),
            value=text,
            name=variable(name),
            kind=Message(f"setting.kind.{kind}"),
        )
    return number


_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def settings_table() -> str:
    """Return the settings as a Markdown table for the documentation."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for one in fields(Settings):
        default = "" if one.default is MISSING else f"`{one.default}`"
        shown = one.metadata["default"] or default
        lines.append(f"| `{variable(one.name)}` | {shown} | {one.metadata['meaning']} |")
    return "\n".join(lines) + "\n"
