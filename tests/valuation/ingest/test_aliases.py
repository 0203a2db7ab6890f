import pytest

from valuation.ingest.fields.aliases import (
    EVENT_SCOPES,
    EVENT_TABLE_SCOPE,
    MODULE_SCOPE,
    PACK_SCOPE,
    QUOTE_SCOPE,
    ROW_SCOPE,
    SALE_SCOPE,
    TABLE_SCOPE,
    choice_name,
    plain,
)
from valuation.ingest.fields.headings import field_name
from valuation.ingest.fields.spellings import CHOICE_SPELLINGS, FIELD_SPELLINGS
from valuation.record.fields import EVENT_FIELDS, EVENT_TYPES, PACK_FIELDS, REGIONS
from valuation.routes.structural_value import ROUTES

SCOPES = [
    PACK_SCOPE,
    TABLE_SCOPE,
    MODULE_SCOPE,
    EVENT_TABLE_SCOPE,
    ROW_SCOPE,
    SALE_SCOPE,
    QUOTE_SCOPE,
    *EVENT_SCOPES.values(),
]
SHARED = {"检测日期", "测试日期"}


@pytest.mark.parametrize("scope", SCOPES)
def test_no_spelling_means_two_fields_of_one_scope(scope):
    meant = {}
    for name in scope:
        for spelled in {plain(text) for text in (name, *FIELD_SPELLINGS.get(name, ()))}:
            assert meant.setdefault(spelled, name) == name, spelled


@pytest.mark.parametrize("field", sorted(CHOICE_SPELLINGS))
def test_no_spelling_means_two_choices_of_one_field(field):
    meant = {}
    for choice, spellings in CHOICE_SPELLINGS[field].items():
        for spelled in {plain(text) for text in (choice, *spellings)}:
            assert meant.setdefault(spelled, choice) == choice, spelled


@pytest.mark.parametrize("field", CHOICE_SPELLINGS)
def test_every_listed_spelling_is_read_as_its_choice(field):
    choices = tuple(CHOICE_SPELLINGS[field])
    for choice, spellings in CHOICE_SPELLINGS[field].items():
        for spelled in (choice, *spellings):
            assert choice_name(spelled, field, choices) == choice, spelled


def test_every_spelling_belongs_to_a_field_and_a_choice_that_exist():
    fields = {field.name: field for field in (*PACK_FIELDS, *EVENT_FIELDS)}
    known = {name for scope in SCOPES for name in scope}
    assert set(FIELD_SPELLINGS) <= known
    for name, choices in CHOICE_SPELLINGS.items():
        elsewhere = {"type": EVENT_TYPES, "reporter_kind": None, "region": REGIONS, "route": ROUTES}
        allowed = elsewhere.get(name, fields[name].choices if name in fields else ())
        assert allowed is None or set(choices) <= set(allowed), name


@pytest.mark.parametrize("field", [field for field in (*PACK_FIELDS, *EVENT_FIELDS) if field.kind == "number"])
def test_every_quantity_has_a_chinese_name(field):
    assert any(not text.isascii() for text in FIELD_SPELLINGS[field.name])


def test_case_blanks_width_and_our_unit_do_not_matter():
    for spelled in (
        "Rated Energy",
        "RATED_ENERGY_KWH",
        "额定能量",
        "额定能量（\uff2b\uff37\uff28）",
        "额定能量 [kWh]",
        "rated-energy-kwh",
    ):
        assert field_name(spelled, PACK_SCOPE) == "rated_energy_kwh", spelled


def test_choices_come_in_chinese_too():
    assert choice_name("出租", "duty", ("private", "taxi")) == "taxi"
    assert choice_name("余能检测", "type", EVENT_TYPES) == "tested"
    assert choice_name("回收", "type", EVENT_TYPES) == "collected_in"  # 回收 is collection, not recycling
