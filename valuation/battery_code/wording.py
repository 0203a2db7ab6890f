"""Names of the parts, warnings and refusals of a battery code in English and Chinese."""

from __future__ import annotations

from typing import Final, NamedTuple


class Wording(NamedTuple):
    """One sentence in both languages."""

    en: str
    zh: str


class Refusal(NamedTuple):
    """Why a text is not a battery code, and a hint."""

    why: Wording
    way_out: Wording


KINDS: Final = {
    "normal24": Wording(
        "battery code of 24 characters under GB/T 34014-2017", "GB/T 34014-2017 规定的24位动力蓄电池编码"
    ),
    "second_life19": Wording(
        "code of a second-life product, 19 characters; the original code must be kept beside it",
        "梯次利用产品编码（19位），须同时保留原电池编码",
    ),
    "legacy": Wording(
        "not a GB/T 34014 code, for example a maker's own number from before 2018; kept as a name, nothing decoded",
        "非GB/T 34014编码，例如2018年以前的企业自编号；仅作标识保留，不作解析",
    ),
}

LEVELS: Final = {
    "pack": Wording("P, battery pack", "P，蓄电池包"),
    "module": Wording("M, battery module", "M，蓄电池模块"),
    "cell": Wording("C, battery cell", "C，单体蓄电池"),
}

_RECALLED_EN = " (meaning not confirmed in a public source)"
_RECALLED_ZH = "（含义未见公开文件确认）"
# B, E and Z are read in several public sources; the others are recalled and say so.
TYPES: Final = {
    "A": Wording("A, nickel-metal hydride" + _RECALLED_EN, "A，镍氢" + _RECALLED_ZH),
    "B": Wording("B, lithium iron phosphate", "B，磷酸铁锂"),
    "C": Wording("C, lithium manganese oxide" + _RECALLED_EN, "C，锰酸锂" + _RECALLED_ZH),
    "D": Wording("D, lithium cobalt oxide" + _RECALLED_EN, "D，钴酸锂" + _RECALLED_ZH),
    "E": Wording("E, ternary lithium (NMC or NCA, the code does not give the grade)", "E，三元锂（未区分镍钴锰比例）"),
    "F": Wording("F, super-capacitor" + _RECALLED_EN, "F，超级电容器" + _RECALLED_ZH),
    "G": Wording("G, lithium titanate" + _RECALLED_EN, "G，钛酸锂" + _RECALLED_ZH),
    "Z": Wording("Z, other", "Z，其他"),
}

# The register of vendor codes (厂商代码) is not public; these are seen on published labels, photographs and test
# programs: 001 and 04Q on cell labels and in an inspection image, 03U and 071 in a vehicle maker's test program, 04F
# on a pack of Great Wall's ORA, whose maker the label does not name.
VENDORS: Final = {
    "001": Wording("CATL", "宁德时代"),
    "03U": Wording("Zhengli Weilai (Zenergy and NIO)", "正力蔚来"),
    "04F": Wording("maker of a Great Wall ORA pack", "长城欧拉车型电池包的生产企业"),
    "04Q": Wording("EVE Energy", "亿纬锂能"),
    "071": Wording("XPT (NIO)", "XPT（蔚来）"),
}

WARNINGS: Final = {
    "serial_has_letters": Wording(
        "the serial number holds letters; the standard requires digits, some makers use letters",
        "序列号含字母；标准规定为数字，部分企业使用字母",
    ),
    "suffix_level_differs": Wording(
        "the level at position 4 and the level at the end differ", "第4位产品类型与末位产品类型不一致"
    ),
}

CLEAN_UPS: Final = {
    "html_unescape": Wording("HTML characters restored", "还原HTML转义字符"),
    "full_width": Wording("full-width characters made half-width", "全角字符转为半角"),
    "upper": Wording("small letters made capitals", "小写字母转为大写"),
    "space": Wording("blanks removed", "去除空白"),
    "join": Wording("two printed halves joined", "拼接两行编码"),
    "swap": Wording("two printed halves joined in the other order", "两行编码调换顺序后拼接"),
    "scan_prefix": Wording("the maker's own part before the code dropped", "去除扫码内容中编码前的企业自有信息"),
    "trailing_c": Wording("the C after the code of a virtual module dropped", "去除虚拟模块编码末尾的C"),
}

_RESCAN = Wording("scan the label again or compare it character by character", "请重新扫码或逐位核对标签")
_NAMEPLATE = Wording(
    "check that nothing is missing or doubled; a pack from before the coding duty (2018) is valued by its chemistry "
    "and rated energy instead",
    "请检查是否缺位或多位；2018年编码要求实施前的电池，请提供电池类型与额定能量进行评估",
)
_DATE = Wording(
    "compare positions 15 to 17 (8 to 10 of a second-life code) with the label", "请核对第15至17位（梯次产品第8至10位）"
)

REFUSALS: Final = {
    "length": Refusal(
        Wording("it has neither 24 nor 19 characters", "位数不是24位，也不是19位（梯次利用产品）"), _NAMEPLATE
    ),
    "charset": Refusal(
        Wording(
            "it holds a character that its place does not allow (only digits and Latin capitals; only digits in the "
            "serial of a second-life code)",
            "含有不允许的字符（只能为数字和大写拉丁字母，梯次产品序列号只能为数字）",
        ),
        Wording(
            "type it again with a Latin keyboard: letters of another script can look the same",
            "请用英文输入法重新输入，其他文字的字母可能外形相同",
        ),
    ),
    "level_letter": Refusal(
        Wording("position 4 is not P, M or C", "第4位不是P、M、C"),
        Wording(
            "check whether the two printed lines were joined in the wrong order: the line with P, M or C at its "
            "fourth place comes first",
            "请检查两行编码是否拼接颠倒：第4位为P、M或C的一行在前",
        ),
    ),
    "type_letter": Refusal(Wording("position 5 is not one of A to G or Z", "第5位不是A至G或Z"), _RESCAN),
    "date_letter": Refusal(
        Wording(
            "the production date holds a letter that no date has (I, O, Q, U and Z are never used)",
            "生产日期代码含有不使用的字符（I、O、Q、U、Z不用于日期）",
        ),
        _DATE,
    ),
    "impossible_date": Refusal(Wording("the calendar has no such production date", "生产日期在日历中不存在"), _DATE),
    "future_date": Refusal(Wording("the production date is in the future", "生产日期晚于查验日期"), _DATE),
    "suffix": Refusal(
        Wording("a second-life code must end in RP, RM or RC", "梯次利用产品编码须以RP、RM或RC结尾"), _RESCAN
    ),
    "placeholder": Refusal(
        Wording("it is a placeholder for a missing code", "仅为缺失编码的占位符"),
        Wording(
            "enter the code on the label; without one, give chemistry and rated energy from the nameplate",
            "请录入标签上的编码；没有编码时，请提供铭牌上的电池类型与额定能量",
        ),
    ),
    "ambiguous": Refusal(
        Wording("more than one code can be read from it", "可以读出不止一个编码"),
        Wording("give one code at a time", "请每次只录入一个编码"),
    ),
}
