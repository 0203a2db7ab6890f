import pytest

from valuation.errors import FieldError
from valuation.ingest.fields.aliases import EVENT_TABLE_SCOPE, PACK_SCOPE, ROW_SCOPE, SALE_SCOPE, TABLE_SCOPE
from valuation.ingest.fields.headings import nearest_name, read_heading, recognised


def unit_of(spelled, scope=ROW_SCOPE):
    heading = read_heading(spelled, scope)
    return heading and (heading.name, heading.unit and heading.unit.name)


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("额定能量/kWh", ("rated_energy_kwh", None)),
        ("额定能量_kWh", ("rated_energy_kwh", None)),
        ("额定能量 kWh", ("rated_energy_kwh", None)),
        ("额定能量\nkWh", ("rated_energy_kwh", None)),
        ("额定能量\r\n（千瓦时）", ("rated_energy_kwh", None)),
        ("额定能量【度】", ("rated_energy_kwh", None)),
        ("额定能量kWh", ("rated_energy_kwh", None)),
        ("额定能量，kWh", ("rated_energy_kwh", None)),
        ("*额定能量(kWh)(必填)", ("rated_energy_kwh", None)),
        ("额定能量(Rated energy, kWh)", ("rated_energy_kwh", None)),
        ("额定能量/Rated energy", ("rated_energy_kwh", None)),
        ("额定能量（Wh）", ("rated_energy_kwh", "Wh")),
        ("rated_energy_wh", ("rated_energy_kwh", "Wh")),
        ("Rated energy (MWh)", ("rated_energy_kwh", "MWh")),
        ("kWh 额定能量", ("rated_energy_kwh", None)),
        ("质量/t", ("mass_kg", "t")),
        ("质量(g)", ("mass_kg", "g")),
        ("重量/斤", ("mass_kg", "斤")),
        ("里程(万公里)", ("odometer_km", "万km")),
        ("mileage_mi", ("odometer_km", "mi")),
        ("SOH(%)", ("soh", "%")),
        ("SOH %", ("soh", "%")),
        ("%SOH", ("soh", "%")),
        ("SOH_pct", ("soh", "%")),
        ("健康度％", ("soh", "%")),
        ("剩余容量%", ("soh", "%")),
        ("剩余容量（％）", ("soh", "%")),
        ("剩余容量/Ah", ("remaining_capacity_ah", None)),
        ("快充占比%", ("fast_charge_share", "%")),
        ("平均温度(℉)", ("mean_temperature_c", "°F")),
        ("压差/V", ("cell_spread_mv", "V")),
        ("生产日期（年/月/日）", ("made_on", None)),
        ("“电池编码”", ("battery_code", None)),
    ],
)
def test_a_unit_is_read_however_it_is_written(spelled, meant):
    assert unit_of(spelled) == meant


@pytest.mark.parametrize(
    "spelled",
    [
        *(
            "电量%",
            "额定能量(BTU)",
            "额定能量Ah",
            "质量/stone"[:8],
            "质量(kWh)",
            "SOH(kWh)",
            "额定容量%",
            "额定能量(mwh)",
        ),
        *("锂%", "额定能量(kWh/Wh)", "额定能量(班级)", "车型%", "里程/%", "容量/mi"),
    ],
)
def test_a_unit_that_the_field_cannot_have_is_refused_by_name(spelled):
    with pytest.raises(FieldError) as caught:
        read_heading(spelled, ROW_SCOPE)
    assert spelled in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "spelled", ["电压 状态", "容量等级", "capacity class", "soh_min", "SOH 1", "里程 备注", "energy_v2", "备注"]
)
def test_a_longer_name_is_another_column(spelled):
    assert read_heading(spelled, ROW_SCOPE) is None


def test_a_share_of_the_rated_value_is_a_health_only_where_a_health_is_known():
    assert read_heading("剩余容量%", TABLE_SCOPE) is None
    assert unit_of("剩余能量(%)", EVENT_TABLE_SCOPE) == ("soh", "%")


@pytest.mark.parametrize(
    ("spelled", "basis"),
    [
        ("成交价", (None, "", "", 1.0)),
        ("含税价(万元)", (True, "cny", "", 10_000.0)),
        ("成交价（元，不含税）", (False, "cny", "", 1.0)),
        ("不含税成交价(元)", (False, "cny", "", 1.0)),
        ("成交价/元", (None, "cny", "", 1.0)),
        ("成交价(元/包)", (None, "cny", "", 1.0)),
        ("成交价(元/kWh)", (None, "cny", "kWh", 1.0)),
        ("单价（元/公斤，含13%增值税）", (True, "cny", "kg", 1.0)),
        ("价格(千元)", (None, "cny", "", 1000.0)),
        ("price_usd_per_kwh", (None, "usd_cny", "kWh", 1.0)),
        ("Price (USD/kWh, excl. VAT)", (False, "usd_cny", "kWh", 1.0)),
        ("成交价 万元/吨", (None, "cny", "kg", 10.0)),
        ("成交价(元/Wh)", (None, "cny", "kWh", 1000.0)),
        ("price_eur", (None, "eur_cny", "", 1.0)),
    ],
)
def test_a_price_states_tax_currency_and_quantity(spelled, basis):
    heading = read_heading(spelled, SALE_SCOPE)
    assert heading.name == "price_cny"
    assert tuple(heading.price) == basis


@pytest.mark.parametrize("spelled", ["成交价(元/Ah)", "成交价(日元)", "成交价(%)", "单价(元/箱x)"])
def test_a_price_in_an_unknown_unit_is_refused_by_name(spelled):
    with pytest.raises(FieldError) as caught:
        read_heading(spelled, SALE_SCOPE)
    assert spelled in caught.value.message


def test_a_misspelt_name_finds_its_field():
    assert nearest_name("rated_enrgy_kwh", PACK_SCOPE) == "rated_energy_kwh"
    assert nearest_name("库位", PACK_SCOPE) is None


def test_headings_that_are_refused_still_count_as_known():
    assert recognised(["电池编码", "电量%", "库位"], PACK_SCOPE) == 2
