"""The customer's pages in a real Chromium: with JavaScript and without, by keyboard alone, and for everybody (axe)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import axe_playwright_python
import pytest

from domain.identity import rma_number
from infra.services import Addresses
from infra.settings import Settings
from workers.trials.sandbox import sandbox
from workers.trials.screenshots.camera import NoBrowserError, browser, open_shop, walk
from workers.trials.screenshots.shop import Shop, enter_token
from workers.trials.screenshots.staff import open_desk, walk_staff

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE: Final = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
RUN_AXE: Final = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
    found => `${found.id}: ${found.nodes.map(node => node.html).join(" | ")}`)"""
TOO_WIDE: Final = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDTHS: Final = (320, 1_440)
TABS_MAX: Final = 60
PATIENCE_MS: Final = 60_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium. On a build server it has to be there; elsewhere it is said loudly where it is not."""
    try:
        with browser() as found:
            yield found
    except NoBrowserError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"NO PAGE WAS SEEN IN A BROWSER: {missing}")


@pytest.fixture(scope="module")
def running(addresses: Addresses) -> Iterator[Settings]:
    """Settings of a system of its own."""
    given = Settings(postgres_dsn=addresses.postgres_dsn, kafka_bootstrap=addresses.kafka_bootstrap, partitions=3)
    with sandbox(given, "pages") as settings:
        yield settings


@pytest.fixture(scope="module")
def open_pages(running: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, str]]:
    """A shop at work, and the address of its pages."""
    with open_shop(running, tmp_path_factory.mktemp("pages")) as opened:
        yield opened


@pytest.fixture(scope="module")
def desk_url(open_pages: tuple[Shop, str]) -> Iterator[str]:
    """The address of the desk and the bench."""
    with open_desk(open_pages[0]) as url:
        yield url


def new_page(chromium: Browser, url: str, **how: Any) -> Page:
    """Return a new visitor's page; what a script of it fails with fails the test."""
    context = chromium.new_context(base_url=url, **how)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
    return page


@pytest.mark.parametrize(("language", "width"), [("en", 320), ("zh", 1_440)])
def test_every_page_is_for_everybody_and_fits(
    chromium: Browser, open_pages: tuple[Shop, str], language: str, width: int
) -> None:
    """axe finds nothing, nothing has to be scrolled sideways, and no file is refused by the pages' own rules."""
    shop, url = open_pages
    seen, refused = dict[str, list[str]](), list[str]()
    page = new_page(chromium, url, locale=language, viewport={"width": width, "height": 800}, bypass_csp=True)
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)

    def check(name: str) -> None:
        page.evaluate(AXE)
        wide = page.evaluate(TOO_WIDE)
        seen[name] = [*page.evaluate(RUN_AXE), *([f"{wide} px too wide"] if wide > 0 else [])]

    walk(page, shop, f"AXE-{language}", check)

    assert {name: faults for name, faults in seen.items() if faults} == {}
    assert len(seen) >= 27
    assert refused == []


@pytest.mark.parametrize(("language", "width"), [("en", 1_440), ("zh", 320)])
def test_the_desk_and_the_bench_are_for_everybody_and_fit(
    chromium: Browser, open_pages: tuple[Shop, str], desk_url: str, language: str, width: int
) -> None:
    """As every page: nothing for axe to find, nothing to scroll sideways."""
    shop, _ = open_pages
    seen, page = dict[str, list[str]](), new_page(chromium, desk_url, locale=language, bypass_csp=True)
    page.set_viewport_size({"width": width, "height": 800})

    def check(name: str) -> None:
        page.evaluate(AXE)
        wide = page.evaluate(TOO_WIDE)
        seen[name] = [*page.evaluate(RUN_AXE), *([f"{wide} px too wide"] if wide > 0 else [])]

    walk_staff(page, shop, f"AXE-{language}-{width}", check)

    assert {name: faults for name, faults in seen.items() if faults} == {}
    assert len(seen) >= 30


def test_goods_are_received_and_inspected_by_a_scanner_and_a_keyboard(
    chromium: Browser, open_pages: tuple[Shop, str], desk_url: str
) -> None:
    """A wedge scanner types the number and presses Enter; no script is needed, and no mouse."""
    shop, _ = open_pages
    shop.sell("S-bench")
    rma_id = shop.ask("S-bench")
    page = new_page(chromium, desk_url, java_script_enabled=False)
    page.goto("/staff/sign-in?next=/bench")
    page.click("form:has([value='wei']) button")
    page.wait_for_timeout(1_500)  # until the views show what the shop has just told
    page.keyboard.type(rma_number(rma_id))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/bench/{rma_id}")
    for form, filled in (("ReceiveGoods", {"site": "WH-1"}), ("RecordInspection", {})):
        page.locator(f"a.huge[href*='{form}']").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/do/{form}*")
        for name, text in filled.items():
            page.fill(f"[name='{name}']", text)
        if form == "RecordInspection":
            page.locator("[name='grade'][value='A']").focus()
            page.keyboard.press("Space")
            page.select_option("[name='cause']", "none_found")
            page.select_option("[name='liable_party']", "none")
        page.locator("button.huge").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/bench/{rma_id}?done={form}*")

    assert page.is_visible(".notice.good")


@pytest.mark.parametrize("with_script", [True, False], ids=["with JavaScript", "without"])
def test_a_customer_gets_to_his_return(chromium: Browser, open_pages: tuple[Shop, str], with_script: bool) -> None:
    """From the link to the return's page, and to its end by the dock and the bench."""
    shop, url = open_pages
    order_id = f"S-{with_script}"
    shop.sell(order_id)
    page = new_page(chromium, url, java_script_enabled=with_script)

    page.goto(f"/returns/enter?token={enter_token(order_id)}")
    page.get_by_role("button", name="Go to my order").click()
    page.get_by_label("How many").first.select_option("1")
    page.get_by_label("Why").first.select_option(label="It is too small")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="See what I get back").click()
    assert "€84.05" in page.inner_text("main")
    page.get_by_role("button", name="Send my request").click()
    page.wait_for_url(re.compile(r"/r/"))

    assert "Please send the goods by" in page.inner_text("main")
    page.get_by_role("link", name="中文").click()
    assert page.get_attribute("html", "lang") == "zh-Hans"


def test_a_return_is_asked_for_by_keyboard_alone(chromium: Browser, open_pages: tuple[Shop, str]) -> None:
    """Tab, arrows, space and Enter lead from the link to the return."""
    shop, url = open_pages
    shop.sell("S-keyboard")
    page = new_page(chromium, url)
    page.goto(f"/returns/enter?token={enter_token('S-keyboard')}")

    _tab_to(page, "button.main")
    page.keyboard.press("Enter")
    page.wait_for_url("**/returns/order")
    _tab_to(page, "[name='quantity:L1']")
    page.keyboard.press("1")
    _tab_to(page, "[name='reason:L1']")
    page.keyboard.type("It is too la")
    _tab_to(page, "button.main")
    page.keyboard.press("Enter")
    page.wait_for_selector("button[value='preview']")
    _tab_to(page, "button[value='preview']")
    page.keyboard.press("Enter")
    page.wait_for_selector(".sum")
    _tab_to(page, "button.main")
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile(r"/r/"))
    assert "It is too large" in page.inner_text("main")


@pytest.mark.parametrize("with_script", [True, False], ids=["with JavaScript", "without"])
def test_a_return_is_asked_for_decided_and_taken_in_by_keyboard_alone(
    chromium: Browser, open_pages: tuple[Shop, str], desk_url: str, with_script: bool
) -> None:
    """One return from the customer over the desk to the bench: no mouse is touched, with scripts or without."""
    shop, url = open_pages
    order_id = f"S-keys-{with_script}"
    shop.sell(order_id)
    customer = new_page(chromium, url, java_script_enabled=with_script)
    customer.goto(f"/returns/enter?token={enter_token(order_id)}")
    _ask_by_keyboard(customer, order_id, reason="The quality is")
    assert "One of us is looking at your request" in customer.inner_text("main")
    number = customer.inner_text(".number")

    agent = new_page(chromium, desk_url, java_script_enabled=with_script)
    agent.goto("/staff/sign-in?next=/desk")
    _press(agent, "form:has([value='ada']) button", re.compile(r"^http://[^/]+/desk$"))
    _tab_to(agent, "[name='q']")
    agent.keyboard.type(number)
    agent.keyboard.press("Enter")
    agent.wait_for_url("**/desk/returns/*")
    _press(agent, "a[href*='do/DecideRequest']", "**/do/DecideRequest*")
    _tab_to(agent, "[name='lines.0.decision']")
    agent.keyboard.press("Space")
    assert agent.is_checked("[name='lines.0.decision'][value='approve']")
    _press(agent, "button[value='check']", "**/do/DecideRequest*")
    agent.wait_for_selector("button[value='send']")
    _press(agent, "button[value='send']", "**/desk/returns/*done=*")

    at_bench = new_page(chromium, desk_url, java_script_enabled=with_script)
    at_bench.goto("/staff/sign-in?next=/bench")
    _press(at_bench, "form:has([value='wei']) button", re.compile(r"^http://[^/]+/bench$"))
    at_bench.keyboard.type(number)  # the field has the focus
    at_bench.keyboard.press("Enter")
    at_bench.wait_for_url("**/bench/*-*")
    _press(at_bench, "a.huge[href*='ReceiveGoods']", "**/do/ReceiveGoods*")
    if not at_bench.evaluate("() => document.activeElement.matches('[name=site]')"):
        _tab_to(at_bench, "[name='site']")
    at_bench.keyboard.type("WH-1")
    _press(at_bench, "button.huge", "**done=ReceiveGoods*")
    _press(at_bench, "a.huge[href*='RecordInspection']", "**/do/RecordInspection*")
    _tab_to(at_bench, "[name='grade']")
    at_bench.keyboard.press("Space")
    for name, words in (("cause", "nothing"), ("liable_party", "nobody")):
        _tab_to(at_bench, f"[name='{name}']")
        at_bench.keyboard.type(words)
    _press(at_bench, "button.huge", "**done=RecordInspection*")

    assert at_bench.is_visible(".notice.good")


def _ask_by_keyboard(page: Page, order_id: str, *, reason: str) -> None:
    """Ask for a unit of the first line back, from the page that a shop's link opens to the return's own."""
    _press(page, "button.main", "**/returns/order")
    _tab_to(page, "[name='quantity:L1']")
    page.keyboard.press("1")
    _tab_to(page, "[name='reason:L1']")
    page.keyboard.type(reason)
    _press(page, "button.main")
    page.wait_for_selector("button[value='preview']")
    _press(page, "button[value='preview']")
    page.wait_for_selector(".badge")
    _press(page, "button.main", re.compile(r"/r/"))


def _press(page: Page, selector: str, then: str | re.Pattern[str] | None = None) -> None:
    """Tab to an element and press Enter on it."""
    _tab_to(page, selector)
    page.keyboard.press("Enter")
    if then is not None:
        page.wait_for_url(then)


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus, and see that the focus can be seen."""
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"the focus on {selector} is not seen"
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_a_printed_page_is_what_belongs_on_paper(chromium: Browser, open_pages: tuple[Shop, str]) -> None:
    """The return's number and what to do; no buttons, no other languages."""
    shop, url = open_pages
    shop.sell("S-print")
    rma_id = shop.ask("S-print")
    page = new_page(chromium, url)
    page.goto(f"/returns/enter?token={enter_token('S-print')}")
    page.get_by_role("button", name="Go to my order").click()
    page.click(f"form:has([value='{rma_id}']) button")
    page.emulate_media(media="print")

    assert page.is_visible(".number")
    assert page.is_visible("#goods")
    assert not any(page.is_visible(hidden) for hidden in (".tongues", "form button", "#more", "#cancel", ".button"))
