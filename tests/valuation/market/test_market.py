from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.errors import MarketError
from valuation.ingest.quotes.read_market import read_market
from valuation.market.cautions import market_cautions
from valuation.market.payables import REDEFINED_DAY, RULES, estimated_payable
from valuation.record.fields import CHEMISTRIES
from valuation.record.to_columns import day_number

HEAD = "quoted_on,instrument,price,unit,vat_included,region,source\n"
DAY = day_number(date(2026, 11, 20))


def market_of(*lines):
    return read_market((HEAD + "\n".join(lines)).encode())


def lithium(day, price, region="CN"):
    return f"{day},lithium_carbonate,{price},CNY/t,false,{region},x"


def on(history, *days, **options):
    return history.on(np.array(days, dtype=np.float64), **options)


def codes(*names):
    return np.array([float(CHEMISTRIES.index(name)) for name in names])


@settings(deadline=None)
@given(
    quotes=st.dictionaries(st.integers(20_000, 20_400), st.integers(10_000, 900_000), min_size=1, max_size=12),
    as_of=st.lists(st.integers(19_990, 20_410), min_size=1, max_size=6),
)
def test_only_quotes_made_by_the_day_count_and_the_last_of_them(quotes, as_of):
    lines = [lithium(date.fromordinal(719_163 + day), price) for day, price in quotes.items()]
    whole = on(market_of(*lines), *as_of)
    for row, day in enumerate(as_of):
        earlier = [quoted for quoted in quotes if quoted <= day]
        if not earlier:
            assert np.isnan(whole.price["lithium_carbonate"][row])
            assert np.isnan(whole.quoted_day["lithium_carbonate"][row])
            continue
        assert whole.price["lithium_carbonate"][row] == quotes[max(earlier)]
        assert whole.age_days["lithium_carbonate"][row] == day - max(earlier)
        cut = [line for line, quoted in zip(lines, quotes, strict=True) if quoted <= day]
        alone = on(market_of(*cut), day)
        assert alone.price["payable_li_lfp"][0] == whole.price["payable_li_lfp"][row]


def test_quotes_of_the_region_come_first_then_chinas_then_any():
    history = market_of(
        lithium("2026-11-01", 100_000), lithium("2026-11-02", 90_000, "EU"), lithium("2026-11-02", 80_000, "KR")
    )
    prices = {region: on(history, DAY, region=region).price["lithium_carbonate"][0] for region in ("CN", "EU", "US")}
    assert prices == {"CN": 100_000.0, "EU": 90_000.0, "US": 100_000.0}
    assert on(history, DAY, region="US").borrowed("lithium_carbonate")[0]
    assert not on(history, DAY, region="EU").borrowed("lithium_carbonate")[0]
    assert on(market_of(lithium("2026-11-02", 80_000, "KR")), DAY).price["lithium_carbonate"][0] == 80_000.0


def test_an_unquoted_payable_follows_the_lithium_price_within_its_caps():
    day = DAY
    for price, expected in ((80_000 / 1.13, 0.719), (160_000 / 1.13, 0.7918), (20_000 / 1.13, 0.62), (500_000, 0.85)):
        market = on(market_of(lithium("2026-11-01", price)), day)
        assert market.price["payable_li_lfp"][0] == pytest.approx(expected, abs=2e-4)
        assert market.estimated("payable_li_lfp")[0]


# Published coefficients of ternary powder, June 2025 to January 2026 (SMM notices), with lithium carbonate incl. VAT.
PUBLISHED = [
    (60_000, 0.73, 0.705),
    (64_000, 0.755, None),
    (79_000, 0.75, 0.715),
    (97_000, 0.765, 0.74),
    (135_000, 0.78, 0.77),
]


@pytest.mark.parametrize(("lce", "nickel_cobalt", "lithium_payable"), PUBLISHED)
def test_the_rule_comes_within_three_points_of_published_coefficients(lce, nickel_cobalt, lithium_payable):
    price = np.array([lce / 1.13])
    assert estimated_payable(RULES["ni"], price)[0] == pytest.approx(nickel_cobalt, abs=0.03)
    if lithium_payable is not None:
        assert estimated_payable(RULES["li"], price)[0] == pytest.approx(lithium_payable, abs=0.03)


def test_a_quoted_payable_wins_over_the_rule():
    market = on(market_of(lithium("2026-11-01", 100_000), "2026-11-01,payable_li_lfp,0.66,fraction,,CN,x"), DAY)
    assert market.price["payable_li_lfp"][0] == 0.66
    assert not market.estimated("payable_li_lfp")[0]
    assert market.price["payable_li_lmo"][0] == 0.66  # the neighbour's, and said to be estimated
    assert market.estimated("payable_li_lmo")[0]


def test_lithium_inside_the_old_coefficient_is_not_paid_twice():
    history = market_of(
        lithium("2022-05-01", 400_000),
        "2022-05-01,payable_ni_ternary,1.5,fraction,,CN,x",
        "2023-03-01,payable_ni_ternary,0.75,fraction,,CN,x",
    )
    market = on(history, REDEFINED_DAY - 1.0, REDEFINED_DAY + 30.0)
    assert market.price["payable_li_ternary"][0] == 0.0
    assert market.price["payable_li_ternary"][1] > 0.6
    assert market.price["payable_li_lfp"][0] > 0.6


def test_in_europe_lithium_is_not_paid():
    market = on(market_of(lithium("2026-11-01", 100_000)), DAY, region="EU")
    assert market.price["payable_li_lfp"][0] == 0.0
    assert market.price["payable_ni_ternary"][0] == 0.50


def test_a_shift_moves_the_price_and_the_payables_that_follow_it():
    market = on(market_of(lithium("2026-11-01", 100_000)), DAY)
    shifted = market.shifted({"lithium_carbonate": 1.2}).shifted({"lithium_carbonate": 0.5})
    assert shifted.price["lithium_carbonate"][0] == pytest.approx(60_000.0)
    assert shifted.price["payable_li_lfp"][0] < market.price["payable_li_lfp"][0]
    assert market.price["lithium_carbonate"][0] == 100_000.0


@pytest.mark.parametrize("shift", [{"gold": 1.1}, {"copper": 0.0}, {"copper": -1.0}, {"copper": float("nan")}])
def test_an_invalid_shift_is_refused(shift):
    with pytest.raises(MarketError) as caught:
        on(market_of(lithium("2026-11-01", 100_000)), DAY).shifted(shift)
    assert caught.value.field == "market_shift"


def test_one_row_equals_its_row_in_a_batch():
    history = market_of(*(lithium(f"2026-{month:02d}-01", 100_000 + 7_919 * month) for month in range(1, 12)))
    days = np.array([DAY, DAY - 40.0, DAY, DAY - 200.0])
    batch = history.on(days)
    for row, day in enumerate(days):
        alone = on(history, day)
        for name in ("lithium_carbonate", "payable_li_lfp", "payable_ni_ternary"):
            assert batch.price[name][row] == alone.price[name][0]
        assert batch.staleness_widening[row] == alone.staleness_widening[0]


def ids(market, row=0):
    return [caution.id for caution in market_cautions(market, row)]


FULL = (
    lithium("2026-11-18", 100_000),
    "2026-11-18,copper,90000,CNY/t,false,CN,x",
    "2026-11-18,aluminium,20000,CNY/t,false,CN,x",
    "2026-11-18,new_pack_lfp,400,CNY/kWh,false,CN,x",
    "2026-11-18,payable_li_lfp,0.75,fraction,,CN,x",
)


def test_a_fresh_and_complete_market_raises_no_caution():
    market = on(market_of(*FULL), DAY).for_packs(codes("LFP"))
    assert ids(market) == []
    assert market.oldest_quote_days[0] == 2.0
    assert market.staleness_widening[0] == 1.0


def test_after_thirty_days_a_quote_is_stale_and_the_band_widens_with_age():
    history = market_of(*FULL)
    fresh, stale, staler = (on(history, DAY + days).for_packs(codes("LFP")) for days in (28.0, 29.0, 300.0))
    assert ids(fresh) == []
    assert ids(stale) == ["M01"]
    assert 1.0 < stale.staleness_widening[0] < staler.staleness_widening[0]
    assert 0.0 < stale.relative_sd("copper")[0] < staler.relative_sd("copper")[0]


def test_only_relevant_quotes_count_for_a_chemistry():
    history = market_of(*FULL, "2026-01-01,nickel_sulphate,30000,CNY/t,false,CN,x")
    lfp, ternary = on(history, DAY, DAY).for_packs(codes("LFP", "NMC622")).oldest_quote_days
    assert lfp == 2.0
    assert ternary == DAY - day_number(date(2026, 1, 1))


def test_an_old_quote_of_steel_is_used_without_a_caution():
    market = on(market_of(*FULL, "2025-01-01,steel,2500,CNY/t,false,CN,x"), DAY).for_packs(codes("LFP"))
    assert market.used["steel"][0]
    assert market.oldest_quote_days[0] == 2.0
    assert ids(market) == []


def test_missing_estimated_borrowed_and_synthetic_quotes_raise_cautions():
    history = market_of(
        "2026-11-01,lithium_carbonate,100000,CNY/t,false,KR,synthetic",
        "2026-11-01,nickel,120000,CNY/t,false,CN,synthetic",
    )
    market = on(history, DAY).for_packs(codes("NMC622"))
    assert ids(market) == ["M02", "M03", "M04", "M05", "M06", "M07"]
    for caution in market_cautions(market, 0):
        assert caution.message_en
        assert caution.message_zh


def test_an_unknown_instrument_is_a_key_error():
    with pytest.raises(KeyError):
        on(market_of(*FULL), DAY).price["gold"]


def test_a_later_payable_does_not_delay_the_first_usable_day():
    late = "2023-02-13,payable_li_ternary,0.7,fraction,false,CN,x"
    history = market_of(lithium("2022-01-10", 150_000), late)
    assert history.complete_from == day_number(date(2022, 1, 10))
