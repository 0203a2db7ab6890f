"""The choice of the reader's language, which is stored in a cookie."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "language"),
    [
        ("", None, "zh-CN,zh;q=0.9", "zh"),
        ("", None, "de,en;q=0.5", "en"),
        ("", None, "", "en"),
        ("", "zh", "en", "zh"),
        ("?lang=en", "zh", "zh", "en"),
        ("?lang=xx", None, "zh", "zh"),
        ("", "<script>", "zh;q=x", "en"),
    ],
)
def test_the_language_is_asked_chosen_or_preferred(shared_client, query, cookie, accept, language):
    headers = {"accept-language": accept} | ({"cookie": f"canzhi_language={cookie}"} if cookie else {})
    shared_client.cookies.clear()
    answer = shared_client.get(f"/{query}", headers=headers)
    assert answer.headers["content-language"] == language
    assert ('<html lang="zh-Hans">' if language == "zh" else '<html lang="en">') in answer.text


def test_an_asked_language_is_remembered(shared_client):
    shared_client.cookies.clear()
    assert "canzhi_language=zh" in shared_client.get("/?lang=zh").headers["set-cookie"]
    assert shared_client.get("/").headers["content-language"] == "zh"
    shared_client.cookies.clear()
