"""Reasons for which a ledger row is rejected (剔除原因), with corrections, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Reason(NamedTuple):
    """Why a row is rejected, and how to correct it, in English and Chinese."""

    en: str
    zh: str
    way_out_en: str
    way_out_zh: str


REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        # checks of the row itself
        "line": Reason(
            "line has more cells than the table has columns",
            "该行列数多于表头",
            "quote cells that contain the separator, or remove the surplus cells",
            "含分隔符的单元格请加引号，或删除多余单元格",
        ),
        "total": Reason("total, not a sale", "合计行，非成交记录", "none needed: totals are left out", "无需处理"),
        "no code": Reason("no battery code", "缺少电池编码", "add the pack's battery code", "补充电池编码"),
        "code rounded": Reason(
            "battery code rounded by a spreadsheet",
            "电池编码被表格软件取整",
            "format the column as text, then paste the codes again",
            "将该列设为文本后重新粘贴编码",
        ),
        "no day": Reason("no day of sale", "缺少成交日期", "add the day of the sale", "补充成交日期"),
        "bad day": Reason(
            "day of sale cannot be read",
            "成交日期无法识别",
            "write the day as 2026-11-20 (year first)",
            "请写作 2026-11-20（年在前）",
        ),
        "impossible day": Reason(
            "day of sale is impossible", "成交日期不存在或超出范围", "correct the day", "更正日期"
        ),
        "no price": Reason(
            "no price",
            "缺少成交价",
            "give price_cny, or lot_price_cny together with lot_id",
            "填写成交价，或批次号与批次总价",
        ),
        "bad price": Reason(
            "price cannot be read",
            "成交价无法识别",
            "write a plain number in the currency of the row, such as 12500.00",
            "请写数字，如 12500.00",
        ),
        "zero price": Reason(
            "price is 0, which often means unknown",
            "成交价为 0，通常表示未知",
            "leave an unknown price empty; write 0.01 for a pack given away",
            "未知请留空；无偿转让请写 0.01",
        ),
        "vat not said": Reason(
            "tax basis of the price is not stated",
            "未说明是否含税",
            "write yes or no in vat_included, or use --vat",
            "填写是否含税，或使用 --vat",
        ),
        "bad vat": Reason(
            "vat_included is neither yes nor no", "含税标记无法识别", "write yes or no (是 / 否)", "请写 是 或 否"
        ),
        "bad rate": Reason("tax rate cannot be read", "税率无法识别", "write 13% or 0.13", "请写 13% 或 0.13"),
        "foreign vat": Reason(
            "VAT rates outside China are not supported",
            "暂不支持境外增值税",
            "give the price without tax and vat_included no",
            "请填不含税价，含税填“否”",
        ),
        "bad currency": Reason(
            "currency is not supported",
            "币种无法识别",
            "write CNY, USD or EUR; convert other currencies first",
            "请写 CNY、USD 或 EUR，其他币种请先换算",
        ),
        "no exchange rate": Reason(
            "no exchange rate is quoted for the day of sale",
            "成交日前无汇率报价",
            "add quotes of usd_cny or eur_cny to the market file, or convert the price",
            "在行情文件中补充 usd_cny 或 eur_cny 汇率，或自行换算",
        ),
        # comparison with other rows
        "copied": Reason(
            "the same sale listed again",
            "重复记录",
            "none needed: the first row is used; equal pack, day and price count as one sale",
            "无需处理：已采用首条；同一电池同日同价只算一笔",
        ),
        "contradicted": Reason(
            "same sale_id and pack with two different prices or days",
            "同一销售编号、同一电池的价格或日期不一致",
            "keep the correct row",
            "保留正确的一行",
        ),
        "lot contradicted": Reason(
            "the lot has two different totals, days or tax bases",
            "批次总价、日期或含税口径不一致",
            "give one total, one day and one tax basis per lot",
            "每批次只填一个总价、日期与口径",
        ),
        "lot broken": Reason(
            "another pack of the lot was rejected, so the lot total cannot be allocated",
            "同批次有电池被剔除，批次总价无法分摊",
            "correct the other rows of the lot",
            "请先修正同批次其他行",
        ),
        # comparison with traces and quotes
        "no trace": Reason(
            "no trace record of the pack",
            "无该电池的溯源记录",
            "add the pack to the traces, or correct the code",
            "补充溯源记录或更正编码",
        ),
        "trace aside": Reason(
            "trace record of the pack could not be read",
            "该电池的溯源记录无法读取",
            "correct the trace record; `canzhi check` lists the errors",
            "修正溯源记录，可用 canzhi check 查看错误",
        ),
        "before made": Reason(
            "sold before the day of production",
            "成交早于生产日期",
            "correct the day of sale, or made_on of the pack",
            "更正成交日期或生产日期",
        ),
        "before quotes": Reason(
            "sold before every instrument is quoted",
            "成交早于行情齐备之日",
            "add older quotes to the market file",
            "补充更早的行情",
        ),
        "after quotes": Reason(
            "sold more than 30 days after the newest quote",
            "成交晚于行情截止 30 天以上",
            "add the quotes up to the day of sale, or correct the day",
            "补充行情或更正日期",
        ),
        "refused": Reason(
            "the record shows a pack that cannot be sold: already recycled, or not identified",
            "溯源记录显示该电池已再生利用或身份不明",
            "see `canzhi check` for the pack; correct the record or the day",
            "用 canzhi check 查看原因，更正记录或日期",
        ),
        "closed route": Reason(
            "sold into a route that a finding on the record of that day closes",
            "售往当日核验结论已关闭的途径",
            "correct the route or the trace record; if they are correct, nothing: such sales are not used",
            "核对去向或溯源记录；若属实则无需处理，此类成交不参与训练与评判",
        ),
        "route not stated": Reason(
            "route not stated, and a closed route would have fetched more than the open ones",
            "未填写去向，且已关闭途径的估价高于可用途径",
            "state the route of the sale (recycling, second_life or reuse)",
            "填写去向（再生利用、梯次利用或再装车）",
        ),
        "no quantity": Reason(
            "price per kWh or kg, and the trace record states no energy or mass",
            "单价按电量或质量计，但溯源记录未给出额定能量或质量",
            "add rated_energy_kwh or mass_kg to the trace record, or give the price of the pack",
            "补充额定能量或质量，或填写整包成交价",
        ),
        "absurd": Reason(
            "price per rated kWh is implausible",
            "单位电量价格不合常理",
            "check unit and decimal point, and whether it is the price of several packs",
            "检查单位、小数点，以及是否为多包总价",
        ),
    }
)
"""All reasons by name, in the order of the checks."""

CLOSED_ROUTES: Final = ("closed route", "route not stated")
"""Reasons that exclude a sale because of a closed route; they are counted and reported separately."""

NOTES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "blank": ("blank rows skipped", "空行已略过"),
        "resold": (
            "resales of a pack: used, and kept in one fold",
            "同一电池再次成交：保留，训练时不分到不同折",
        ),
        "shared order": (
            "rows with the same sale_id and different packs: read as one order of several packs",
            "多个电池共用一个销售编号：按一单多包处理",
        ),
        "unnamed": ("rows without a sale_id: identified by row number", "无销售编号：以行号代替"),
        "gate fee": ("negative prices: gate fees paid for disposal", "负价：付费处置"),
        "lot": ("packs priced in lots by one total", "按批次总价成交的电池"),
        "per unit": (
            "prices per kWh or kg multiplied with the energy or mass of the pack",
            "按电量或质量计的单价已换算为整包价",
        ),
        "converted": ("prices converted at the exchange rate of their day", "按成交日汇率换算的价格"),
        "vat": ("prices from which VAT was deducted", "已扣除增值税的价格"),
        "old vat": (
            "prices with VAT from before 2019-04-01, deducted at the rate of their day, 16 or 17 %",
            "2019-04-01 前的含税价，已按当日税率 16% 或 17% 扣除",
        ),
        "vat assumed": ("prices with the tax basis given by --vat", "含税口径按 --vat 处理"),
        "odd code": ("battery codes normalised", "电池编码已统一写法"),
    }
)
"""Notes on rows that are used, in English and Chinese, by name."""


def in_chinese(reason: str) -> str:
    """Return the Chinese text of a reason given by its English text."""
    return next(one.zh for one in REASONS.values() if one.en == reason)
