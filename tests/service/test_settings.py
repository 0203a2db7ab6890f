from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from service.settings import Settings, settings_table, variable
from valuation.errors import SettingError

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_the_document_holds_the_table_of_the_code():
    assert settings_table() in DOCUMENT.read_text("utf-8"), (
        "write docs/reference/settings.md again from settings_table()"
    )


def test_every_setting_has_a_sentence():
    assert all(one.metadata["meaning"].endswith((".", "]")) for one in fields(Settings))


def test_every_variable_is_read():
    given = {
        "home": "/h",
        "database_url": "sqlite://",
        "market": "/m.csv",
        "model": "v3",
        "host": "::1",
        "port": "1",
        "workers": "2",
        "body_limit_bytes": "3",
        "value_queue": "9",
        "batch_limit": "4",
        "batch_threads": "5",
        "batch_queue": "6",
        "store_wait_s": "7.5",
        "api_keys": "/k",
        "kernel": "numpy",
        "lang": "zh",
        "docs": "no",
    }
    assert set(given) == {one.name for one in fields(Settings)}
    read = Settings.from_environment({variable(name): text for name, text in given.items()})
    kinds = {"home": Path("/h"), "market": Path("/m.csv"), "api_keys": Path("/k"), "docs": False, "store_wait_s": 7.5}
    for name, text in given.items():
        wanted = kinds.get(name, int(text) if text.isdigit() else text)
        assert getattr(read, name) == wanted, name


@pytest.mark.parametrize(
    ("name", "text"), [("PORT", "eighty"), ("PORT", "-1"), ("DOCS", "maybe"), ("STORE_WAIT_S", "nan!")]
)
def test_a_wrong_value_is_a_sentence(name, text):
    with pytest.raises(SettingError, match=f"CANZHI_{name}") as caught:
        Settings.from_environment({f"CANZHI_{name}": text})
    assert caught.value.hint


def test_an_empty_variable_counts_as_absent():
    assert Settings.from_environment({"CANZHI_PORT": ""}).port == Settings(home=Path("/")).port


def test_the_store_is_in_the_home_folder_by_default():
    assert Settings(home=Path("/h")).store_url == "sqlite:////h/canzhi.sqlite"
    assert Settings(home=Path("/h"), database_url="postgresql+psycopg://a@b/c").store_url.startswith("postgresql")
