"""The page in a real browser: with and without JavaScript, on a phone, accessible, printed, offline."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
import urllib.request
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Page, sync_playwright

from service.app import create_app
from service.settings import Settings

pytestmark = pytest.mark.browser

CODE = "001PB0A0000001A680000123"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOT = [
    {"battery_code": CODE, "chemistry": "LFP", "rated_energy_kwh": 52.5},
    {"battery_code": "T02PE010000009B1S0000078", "chemistry": "NMC622", "rated_energy_kwh": 55.0},
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory):
    """A running service on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = create_app(Settings(home=tmp_path_factory.mktemp("home"), port=port))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.started
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def reader(chromium, address):
    """Return a context manager that opens a page and checks for outside requests and console errors."""

    @contextmanager
    def open_page(path: str = "/", **options: object):
        context = chromium.new_context(**{"locale": "en-US", **options})
        page = context.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        page.goto(address + path)
        yield page
        context.close()
        assert asked
        assert [one for one in asked if not one.removeprefix("blob:").startswith(address)] == []
        assert complaints == []

    return open_page


def scan(page: Page, code: str = CODE) -> None:
    """Type a code and press Enter, as a barcode scanner does; the form has the focus."""
    if page.locator("#valuation").count():
        page.locator("#code:focus").wait_for()
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/valuations/*")


def fits(page: Page) -> bool:
    """Return whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize(
    ("locale", "unit", "submit"), [("en-US", "CNY", "Value the pack"), ("zh-CN", "元", "开始评估")]
)
def test_a_code_is_clicked_through_to_its_value(reader, javascript, locale, unit, submit):
    with reader(java_script_enabled=javascript, locale=locale) as page:
        page.get_by_role("textbox").first.fill(CODE)
        page.get_by_role("button", name=submit).click()
        page.wait_for_url("**/valuations/*")
        assert unit in page.locator(".amount").inner_text()
        assert page.locator(".waterfall tbody tr").count() > 3


@pytest.mark.parametrize("javascript", [True, False])
def test_a_scan_needs_no_click(reader, javascript):
    with reader(java_script_enabled=javascript) as page:
        scan(page)
        assert CODE in page.locator("h1").inner_text()


def test_the_next_scan_goes_on_from_the_answer(reader):
    with reader() as page:
        scan(page)
        first = page.url
        page.keyboard.type("T02PE010000009B1S0000078")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: url != first)
        assert "T02PE010000009B1S0000078" in page.locator("h1").inner_text()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_file_is_uploaded_to_its_value(reader, pack_file, javascript):
    with reader(java_script_enabled=javascript) as page:
        page.get_by_label("Files").set_input_files(pack_file)
        page.get_by_role("button", name="Value the pack").click()
        page.wait_for_url("**/valuations/*")
        assert json.loads(pack_file.read_text())["battery_code"] in page.locator("h1").inner_text()


def test_a_file_is_dropped(reader, pack_file):
    with reader() as page:
        page.evaluate(
            """text => {
                 const carried = new DataTransfer();
                 carried.items.add(new File([text], "pack.json"));
                 document.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, cancelable: true}));
               }""",
            pack_file.read_text(),
        )
        page.get_by_role("button", name="Value the pack").click()
        page.wait_for_url("**/valuations/*")


def test_a_mistake_is_corrected_without_typing_again_in_either_language(reader):
    with reader() as page:
        page.get_by_label("Valuation day").fill("2026-10-01")
        page.get_by_label("Battery code").fill("T01PH010000001B150000123")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        page.get_by_role("button", name="中文").click()
        page.get_by_text("第5位不是A至G或Z").wait_for()
        assert page.get_by_label("评估基准日").input_value() == "2026-10-01"
        page.get_by_label("动力电池编码").fill(CODE)
        page.keyboard.press("Enter")
        page.wait_for_url("**/valuations/*")
        assert "2026年10月1日" in page.locator(".hero").inner_text()


def test_the_way_to_report_and_language_is_by_keyboard(reader):
    with reader() as page:
        page.keyboard.press("Shift+Tab")
        scan_link = page.evaluate("document.activeElement.textContent")
        assert scan_link == "中文"
        page.keyboard.press("Enter")
        page.wait_for_url("**/?lang=zh")
        scan(page)
        page.get_by_role("link", name="打印报告").press("Enter")
        page.wait_for_url("**/report")
        assert "残值评估报告" in page.locator("h1").inner_text()


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_every_page_fits_a_phone_screen(reader, locale, tmp_path):
    lot = tmp_path / "lot.json"
    lot.write_text(json.dumps(LOT))
    with reader(locale=locale, viewport={"width": 360, "height": 740}, has_touch=True) as page:
        assert fits(page)
        page.locator("summary").click()
        assert fits(page)
        page.locator("#files").set_input_files(lot)
        page.locator("button.primary").click()
        page.locator("table.lot").wait_for()
        assert fits(page)
        page.locator("table.lot a").first.click()
        page.wait_for_url("**/valuations/*")
        assert fits(page)
        page.goto(page.url + "/report")
        assert fits(page)


def test_the_report_prints_on_few_sheets(reader, tmp_path):
    with reader() as page:
        scan(page)
        page.goto(page.url + "/report")
        paper = page.pdf(format="A4", path=tmp_path / "report.pdf")
    sheets = paper.count(b"/Type /Page\n") or paper.count(b"/Type /Page ")
    assert 1 <= sheets <= 6


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_axe_finds_nothing_wrong(reader, scheme, locale, tmp_path):
    pytest.importorskip("axe_playwright_python")
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    lot = tmp_path / "lot.json"
    lot.write_text(json.dumps(LOT))
    found: list[tuple[str, str, str]] = []

    def look(page: Page) -> None:
        page.evaluate(f"() => {{ {axe}\n }}")
        report = page.evaluate("axe.run()")
        assert len(report["passes"]) > 20
        found.extend((page.url, one["id"], one["nodes"][0]["html"]) for one in report["violations"])

    with reader(locale=locale, color_scheme=scheme) as page:
        look(page)
        page.locator("#code").fill("T01PH010000001B150000123")
        page.keyboard.press("Enter")
        page.locator(".problem").wait_for()
        look(page)
        page.locator("#code").fill("")
        page.locator("#files").set_input_files(lot)
        page.locator("button.primary").click()
        page.locator("table.lot").wait_for()
        look(page)
        page.locator("table.lot a").first.click()
        page.wait_for_url("**/valuations/*")
        for summary in page.locator("summary").all():
            summary.click()
        look(page)
        page.goto(page.url + "/report")
        look(page)
    assert found == []


@pytest.mark.parametrize(("path", "operation"), [("/docs", "#operations-tag-valuations"), ("/redoc", "[role=menu]")])
def test_the_description_is_shown_with_every_operation(reader, address, path, operation):
    """The page sends no outside request and violates no policy; `reader` checks both."""
    with urllib.request.urlopen(f"{address}/openapi.json", timeout=30) as answer:  # noqa: S310 - our own server
        described = json.load(answer)["paths"]
    with reader(path) as page:
        page.locator(operation).first.wait_for()
        for tag in page.locator("[role=menuitem] > label[type=tag]").all():  # Redoc shows operations below open tags
            tag.click()
        shown = page.locator("body").inner_text().replace("\u200b", "")
        for methods in described.values():
            for one in methods.values():
                assert one["summary"] in shown


def test_a_request_is_tried_out_on_the_docs_page(reader):
    with reader("/docs") as page:
        page.locator("#operations-operations-getLiveness button.opblock-summary-control").click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        page.locator(".live-responses-table .response-col_status", has_text="200").wait_for()


def test_the_browser_is_the_system_s_own():
    assert Path(CHROMIUM).exists(), "apt-get install chromium fonts-noto-cjk"
