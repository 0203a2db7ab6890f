"""Why a row of a ledger cannot teach a price, and what to do about it: one table, in both languages (剔除原因)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Reason(NamedTuple):
    """Why a row is set aside, and the way out, in English and Chinese."""

    en: str
    zh: str
    way_out_en: str
    way_out_zh: str


REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        # the row as it stands
        "line": Reason(
            "line has more cells than the table has columns",
            "该行列数多于表头",
            "quote cells that hold the separator, or remove the surplus cells",
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
        "impossible day": Reason("day of sale is impossible", "成交日期不可能", "correct the day", "更正日期"),
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
            "price is 0, which in many ledgers stands for not known",
            "成交价为 0，通常表示未知",
            "leave the price empty where it is not known; write 0.01 for a pack given away",
            "未知请留空；无偿转让请写 0.01",
        ),
        "vat not said": Reason(
            "row does not say whether the price holds VAT",
            "未说明是否含税",
            "write yes or no in vat_included, or pass --vat",
            "填写是否含税，或使用 --vat",
        ),
        "bad vat": Reason(
            "vat_included is neither yes nor no", "含税标记无法识别", "write yes or no (是 / 否)", "请写 是 或 否"
        ),
        "bad rate": Reason("tax rate cannot be read", "税率无法识别", "write 13% or 0.13", "请写 13% 或 0.13"),
        "foreign vat": Reason(
            "VAT outside China is not known here",
            "境外增值税不明",
            "give the price without tax, vat_included no",
            "请填不含税价",
        ),
        "bad currency": Reason(
            "currency is not known here",
            "币种无法识别",
            "write CNY, USD or EUR; convert others yourself",
            "请写 CNY、USD 或 EUR",
        ),
        "no exchange rate": Reason(
            "no exchange rate is quoted by the day of sale",
            "成交日前无汇率报价",
            "add quotes of usd_cny or eur_cny to the market file, or convert the price",
            "在行情文件中补充汇率，或自行换算",
        ),
        # rows beside one another
        "copied": Reason(
            "the same sale listed again",
            "重复记录",
            "none needed: the first is used; a pack is not sold twice on one day for one price",
            "无需处理：已采用首条；同一电池同日同价只算一笔",
        ),
        "contradicted": Reason(
            "one sale_id, one pack, two different prices or days",
            "同一编号同一电池价格或日期不一致",
            "keep the right row",
            "保留正确的一行",
        ),
        "lot contradicted": Reason(
            "the lot has two different totals, days or tax bases",
            "批次总价、日期或含税口径不一致",
            "give one total, one day and one tax basis a lot",
            "每批次只填一个总价、日期与口径",
        ),
        "lot broken": Reason(
            "another pack of the lot was set aside, so the lot's one price cannot be shared out",
            "同批次有电池被剔除，批次总价无法分摊",
            "mend the other rows of the lot",
            "请先修正同批次其他行",
        ),
        # the row beside traces and quotes
        "no trace": Reason(
            "no trace record of the pack",
            "无该电池的溯源记录",
            "add the pack to the traces, or correct the code",
            "补充溯源记录或更正编码",
        ),
        "trace aside": Reason(
            "trace record of the pack could not be read",
            "该电池溯源记录有误被剔除",
            "mend the trace record; `canzhi check` names what is wrong",
            "修正溯源记录",
        ),
        "before made": Reason(
            "sold before it was made",
            "成交早于生产日期",
            "correct the day of sale, or made_on of the pack",
            "更正成交日期或生产日期",
        ),
        "before quotes": Reason(
            "sold before every instrument is quoted",
            "成交早于行情起始",
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
            "the record says that there was nothing to sell: recycled already, or no identity",
            "溯源记录显示该电池已再生利用或身份不明",
            "`canzhi check` on the pack says why; correct the record or the day",
            "用 canzhi check 查看原因",
        ),
        "closed route": Reason(
            "sold into a route that a finding on the record of that day closes",
            "售往当日核验结论已关闭的途径",
            "correct the route or the trace record; otherwise none: such a price is never learned from",
            "核对去向或溯源记录；若属实则无需处理，此类成交不参与训练与评判",
        ),
        "route not stated": Reason(
            "route not stated, and a closed route would have fetched more than the open ones",
            "未填写去向，且已关闭的途径估价高于可用途径",
            "state the route of the sale (recycling, second_life or reuse)",
            "填写去向（再生利用、梯次利用或再装车）",
        ),
        "absurd": Reason(
            "price per rated kWh cannot be meant",
            "单位电量价格不合常理",
            "check unit, decimal point and whether it is the price of several packs",
            "检查单位、小数点及是否为多包总价",
        ),
    }
)
"""Every reason by its name; the order is that of the checks."""

CLOSED_ROUTES: Final = ("closed route", "route not stated")
"""The reasons by which a sale is kept out because of a closed route; they are counted and reported apart."""

NOTES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "blank": ("blank rows left out", "空行已略过"),
        "resold": (
            "resales of a pack sold before: kept, never parted between folds",
            "同一电池再次成交：保留，训练中不拆分",
        ),
        "shared order": (
            "rows that share a sale_id with another pack: read as one order of several packs",
            "多个电池共用一个销售编号：按一单多包处理",
        ),
        "unnamed": ("rows without a sale_id: named by their row", "无销售编号：以行号命名"),
        "gate fee": ("negative prices: gate fees paid to be rid of a pack", "负价：处置费"),
        "lot": ("packs priced in lots by one total", "按批次总价成交的电池"),
        "converted": ("prices converted at the exchange rate quoted by their day", "按成交日汇率换算的价格"),
        "vat": ("prices from which VAT was taken off", "已扣除增值税的价格"),
        "old vat": (
            "prices with VAT from before 2019-04-01, taken off at the 16 or 17 % of their day",
            "2019-04-01 前的含税价，已按当日税率 16% 或 17% 扣除",
        ),
        "vat assumed": ("prices whose tax basis is as --vat says", "含税口径按 --vat 处理"),
        "odd code": ("battery codes read under their one spelling", "电池编码已统一写法"),
    }
)
"""What is worth a word though the rows are used: English and Chinese, by name."""


def in_chinese(reason: str) -> str:
    """Return the Chinese sentence of a reason that is given by its English one."""
    return next(one.zh for one in REASONS.values() if one.en == reason)
