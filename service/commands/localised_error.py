"""Error messages on the terminal, in English or Chinese."""

from __future__ import annotations

from service.web.messages import Language
from service.web.problem_view import advice_of, detail_of
from valuation.errors import CanzhiError


def localised_error(error: CanzhiError, language: Language) -> tuple[str, str]:
    """Return message and hint of an error; untranslated ones are in English.

    >>> from valuation.errors import UnreadableRecord
    >>> error = UnreadableRecord("a.xlsx is a zip archive or Excel workbook", hint="save the sheet as CSV (UTF-8)")
    >>> localised_error(error, "zh")
    ('a.xlsx 是压缩包或 Excel 文件，请另存为 CSV（UTF-8）。', '请将表格另存为 CSV（UTF-8）')
    """
    if language == "en":
        return error.message, error.hint
    detail, _ = detail_of(error, language)
    return detail, advice_of(error) or error.hint


def placed(where: str, message: str) -> str:
    """Return a message after its place, which is named once.

    >>> placed("a.csv row 3", "soh is 88"), placed("a.csv", "a.csv is empty")
    ('a.csv row 3: soh is 88', 'a.csv is empty')
    """
    return message if message.startswith(where) else f"{where}: {message}"
