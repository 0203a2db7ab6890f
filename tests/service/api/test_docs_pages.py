"""The pages /docs and /redoc have their own security policy, and load nothing from other hosts."""

from __future__ import annotations

import re

import pytest

from service.settings import Settings

PAGES = ["/docs", "/redoc"]


@pytest.mark.parametrize("path", PAGES)
def test_scripts_run_by_a_nonce_that_is_new_every_time(shared_client, path):
    nonces = set()
    for _ in range(2):
        response = shared_client.get(path)
        policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert "http" not in response.headers["content-security-policy"]
        (nonce,) = re.findall(r"'nonce-([^']+)'", policy["script-src"])
        assert policy["script-src"] == f"'nonce-{nonce}'"
        assert response.text.count("<script") == response.text.count(f'<script nonce="{nonce}"') == 2
        nonces.add(nonce)
    assert len(nonces) == 2


@pytest.mark.parametrize("path", PAGES)
def test_every_file_of_a_page_is_our_own(shared_client, path):
    named = re.findall(r'(?:src|href)="([^"]+)"', shared_client.get(path).text)
    assert named
    for one in named:
        assert one.startswith("/")
        response = shared_client.get(one)
        assert response.status_code == 200
        assert b"https://cdn." not in response.content


def test_nothing_else_of_the_package_is_served(shared_client):
    for name in ("favicon.png", "..%2fcore.py", ""):
        assert shared_client.get(f"/docs/assets/{name}").status_code == 404


def test_they_can_be_switched_off(open_client, home):
    with open_client(Settings(home=home, docs=False)) as client:
        assert {client.get(path).status_code for path in (*PAGES, "/openapi.json")} == {404}
