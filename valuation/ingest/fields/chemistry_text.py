"""The cell chemistry in a free text (电池体系): a product name, a material, a sentence of a passport.

A text with several chemistries, or with a negation or doubt, gives none. Grade digits count only next to NMC, NCM or
三元; elsewhere 811 is part of a part number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_NICKEL, _MANGANESE, _COBALT = "nickel", "mangan(?:ese|ate)", "cobalt"


def _oxide(*elements: str) -> str:
    """Return a pattern that matches an oxide of these elements in this order."""
    return r"(?:li(?:thium)?[ \-]+)?" + r"[ \-,/]+(?:and )?".join(elements) + r"(?:[ \-]+oxides?)?"


_DIGITS: Final = r"\d[ :\-]?\d[ :\-]?\d"
_NO_QUANTITY: Final = r"(?![\d.,:\-]*\d)(?! *(?:m?m|ah|k?wh?|m?v|k?g|次|伏|安时|度)(?![a-z]))"
_GRADE: Final = rf"(?:(?P<{{0}}>\d{{{{3}}}})(?!\d)|[ \-_/:(（]+(?P<{{1}}>{_DIGITS}){_NO_QUANTITY})"
_FORMULA: Final = r"li-?ni[\d.]*(?:mn[\d.]*co[\d.]*|co[\d.]*mn[\d.]*)o2?"
_ELEMENTS: Final = (_oxide(_NICKEL, _MANGANESE, _COBALT), _oxide(_NICKEL, _COBALT, _MANGANESE))

# By chemistry: Latin names, which do not stand inside a longer word or number, and Chinese names.
_NAMES: Final[dict[str, tuple[str, str]]] = {
    "OTHER": (r"lmfp|lfmp|ncma|lnmo", "磷酸锰铁锂|锰铁锂|富锂锰基|镍锰酸锂"),
    "LFP": (
        r"lfp|li-?fe-?po4|(?:li(?:thium)?[ \-]*)?(?:iron|ferro(?:us)?)[ \-]*phosphates?",
        "磷酸亚?铁锂|磷铁锂|铁锂",
    ),
    "NCA": (
        rf"nca|{_oxide(_NICKEL, _COBALT, 'alumini?um')}|li-?ni[\d.]*co[\d.]*al[\d.]*o2?",
        "镍钴铝酸?锂?",
    ),
    "NMC": (
        rf"(?:nmc|ncm)(?:{_GRADE.format('a', 'b')}|(?![0-9a-z]))|{'|'.join((*_ELEMENTS, _FORMULA))}",
        rf"(?:镍钴锰|镍锰钴)酸?锂?{_GRADE.format('c', 'd')}?",
    ),
    "ternary": ("ternary", rf"三元(?:聚合物|材料|锂|离子|动力|蓄?电池)*{_GRADE.format('e', 'f')}?"),
    "LMO": (rf"lmo|li-?mn2o4|li(?:thium)?[ \-]+{_MANGANESE}(?:[ \-]+(?:oxides?|spinel))?|manganese spinel", "锰酸锂"),
    "LCO": (r"lco|li-?coo2|li(?:thium)?[ \-]+cobalt(?:[ \-]+oxides?|ate)", "钴酸锂"),
    "LTO": (r"lto|li4ti5o12|(?:li(?:thium)?[ \-]+)?titanate(?:[ \-]+oxides?)?", "钛酸锂"),
    "NIMH": (r"ni-?mh|(?:nickel[ \-]*)?metal[ \-]*hydride", "镍氢|镍金属氢化物"),
    "NAION": (r"sodium(?:[ \-]*ion)?|na-?ion|sib", "钠离子|钠电"),
}
_ANY_NAME: Final = re.compile(
    "|".join(
        f"(?P<{name}>(?<![0-9a-z])(?:{latin})(?![a-z])|(?:{chinese}))" for name, (latin, chinese) in _NAMES.items()
    )
)
_GRADE_BEFORE: Final = re.compile(rf"(?:^|[(（,，;；] *|[一-鿿])({_DIGITS})[ \-]*$")
_SECOND_GRADE: Final = re.compile(r"[ /,、+&]+\d{3}(?!\d)")
_NO_CHEMISTRY: Final = re.compile(
    r"(?:(?:rechargeable|lithium|li|ion|battery|batteries|cell|traction|pack|ev)[ \-]*)+|"
    r"(?:动力|车用|锂|离子|聚合物|蓄|电池|电芯|包|组|型)+"
)
_DENIED: Final = re.compile(
    r"(?<![0-9a-z])(?:no(?! *[.:#\d])|not|non|without|free|except|excluding|never|neither|nor|instead|rather|ohne|kein|"
    r"sans|maybe|perhaps|possibly|probably|presumably|either|or|unknown|unclear)(?![0-9a-z])|n't(?![a-z])|\?|"
    r"(?:不含|不是|不用|并非|非|无|没有|除了?|去|免)(?= *[钴镍锰铁三磷钛钠锂a-z])|未[知定确明]|不[明详]|不确定|或|疑似"
    r"|可能|待定"
)
_GRADES: Final = {"111": "NMC111", "333": "NMC111", "523": "NMC523", "532": "NMC523", "622": "NMC622", "811": "NMC811"}


@lru_cache(maxsize=4096)
def chemistries_named(spelled: str) -> tuple[str, ...] | None:
    """Return the chemistry in a text; none or several if it is ambiguous; None if it does not mention a chemistry.

    >>> chemistries_named("三元锂离子电池"), chemistries_named("Li-ion NMC 622"), chemistries_named("NCM532")
    (('NMC',), ('NMC622',), ('NMC523',))
    >>> chemistries_named("LFP, NMC, NCA"), chemistries_named("LFP (no NMC)"), chemistries_named("PN 48-811")
    (('LFP', 'NMC', 'NCA'), (), None)
    """
    text = " ".join(unicodedata.normalize("NFKC", spelled).casefold().split())
    if _DENIED.search(text) or _NO_CHEMISTRY.fullmatch(text):
        return ()
    return settle_names(_graded(match, text) for match in _ANY_NAME.finditer(text)) or None


def settle_names(names: Iterable[str]) -> tuple[str, ...]:
    """Merge consistent names of one battery's chemistry: a grade replaces its class.

    >>> settle_names(["NMC", "NMC622"]), settle_names(["NMC622", "NMC811"]), settle_names(["ternary", "NCA"])
    (('NMC622',), ('NMC',), ('NCA',))
    """
    named = dict.fromkeys(names)
    if named.keys() == {"ternary", "NCA"}:
        return ("NCA",)
    named = dict.fromkeys("NMC" if name == "ternary" else name for name in named)
    grades = [name for name in named if name in _GRADES.values()]
    if named.keys() <= {"NMC", *grades} and grades:
        return (grades[0],) if len(grades) == 1 else ("NMC",)
    return tuple(named)


def _graded(match: re.Match[str], text: str) -> str:
    """Return the chemistry of one match in a text, with the grade next to it."""
    name = str(match.lastgroup)
    if name not in ("NMC", "ternary"):
        return name
    digits = next((match[group] for group in "abcdef" if match[group]), None)
    if digits is not None:
        return "NMC" if _SECOND_GRADE.match(text, match.end()) else _GRADES.get(re.sub(r"\D", "", digits), "NMC")
    before = _GRADE_BEFORE.search(text[: match.start()])
    return _GRADES.get(re.sub(r"\D", "", before[1]), name) if before else name
