import pytest

from valuation.messages.language import known_language, preferred


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh", "zh"),
        ("zh-Hans-CN", "zh"),
        ("zh_CN.UTF-8", "zh"),
        ("ZH", "zh"),
        ("en_US.UTF-8", "en"),
        (" en-GB ", "en"),
        ("C.UTF-8", None),
        ("fr", None),
        ("zhuang", None),
        ("", None),
        (None, None),
    ],
)
def test_the_language_of_a_tag_or_locale(tag, language):
    assert known_language(tag) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.3, zh;q=0.7", "zh"),
        ("zh;q=0.3, en;q=0.7", "en"),
        ("fr, de;q=0.9", "en"),
        ("fr, zh;q=0.1", "zh"),
        ("zh;q=0", "en"),
        ("zh;q=much", "en"),
        ("*", "en"),
        ("," * 1000 + "zh", "en"),  # no browser sends a header of that length
    ],
)
def test_the_language_of_a_header_is_the_one_with_the_highest_weight(header, language):
    assert preferred(header) == language
