"""The customer's pages in a real Chromium: with JavaScript and without, by keyboard alone, and for everybody (axe)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import axe_playwright_python
import pypdfium2
import pytest

from domain.identity import rma_number
from tests.support.chromium import Keyboard, new_page, tab_to
from workers.trials.screenshots.camera import walk
from workers.trials.screenshots.shop import Shop, enter_token
from workers.trials.screenshots.staff import walk_staff

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE: Final = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
RUN_AXE: Final = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
    found => `${found.id}: ${found.nodes.map(node => node.html).join(" | ")}`)"""
TOO_WIDE: Final = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDTHS: Final = (320, 1_440)
PAPER_MARGIN: Final = 18 / 25.4 * 72 - 1
"""What the pages' styles leave white on each side, in points."""


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
    """From the link to the return's page, in both languages; `test_whole_way.py` goes on from there."""
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

    tab_to(page, "button.main")
    page.keyboard.press("Enter")
    page.wait_for_url("**/returns/order")
    tab_to(page, "[name='quantity:L1']")
    page.keyboard.press("1")
    tab_to(page, "[name='reason:L1']")
    page.keyboard.type("It is too la")
    tab_to(page, "button.main")
    page.keyboard.press("Enter")
    page.wait_for_selector("button[value='preview']")
    tab_to(page, "button[value='preview']")
    page.keyboard.press("Enter")
    page.wait_for_selector(".sum")
    tab_to(page, "button.main")
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
    tab_to(agent, "[name='q']")
    agent.keyboard.type(number)
    agent.keyboard.press("Enter")
    agent.wait_for_url("**/desk/returns/*")
    _press(agent, "a[href*='do/DecideRequest']", "**/do/DecideRequest*")
    tab_to(agent, "[name='lines.0.decision']")
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
        tab_to(at_bench, "[name='site']")
    at_bench.keyboard.type("WH-1")
    _press(at_bench, "button.huge", "**done=ReceiveGoods*")
    _press(at_bench, "a.huge[href*='RecordInspection']", "**/do/RecordInspection*")
    tab_to(at_bench, "[name='grade']")
    at_bench.keyboard.press("Space")
    for name, words in (("cause", "nothing"), ("liable_party", "nobody")):
        tab_to(at_bench, f"[name='{name}']")
        at_bench.keyboard.type(words)
    _press(at_bench, "button.huge", "**done=RecordInspection*")

    assert at_bench.is_visible(".notice.good")


def _ask_by_keyboard(page: Page, order_id: str, *, reason: str) -> None:
    """Ask for a unit of the first line back, from the page that a shop's link opens to the return's own."""
    _press(page, "button.main", "**/returns/order")
    tab_to(page, "[name='quantity:L1']")
    page.keyboard.press("1")
    tab_to(page, "[name='reason:L1']")
    page.keyboard.type(reason)
    _press(page, "button.main")
    page.wait_for_selector("button[value='preview']")
    _press(page, "button[value='preview']")
    page.wait_for_selector(".badge")
    _press(page, "button.main", re.compile(r"/r/"))


def _press(page: Page, selector: str, then: str | re.Pattern[str] | None = None) -> None:
    Keyboard(page).press(selector, then)


def test_a_printed_page_is_what_belongs_on_paper(chromium: Browser, open_pages: tuple[Shop, str]) -> None:
    """The return's number and what to do; no buttons, no other languages, and nothing beyond the paper's margins."""
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
    printed = on_paper(page)
    assert rma_number(rma_id) in printed
    assert "Please send the goods by" in printed


def test_a_printed_case_is_what_belongs_on_paper(
    chromium: Browser, open_pages: tuple[Shop, str], desk_url: str
) -> None:
    """The desk's page of a return: its goods, what the customer says, what happened, money; nothing to press."""
    shop, _ = open_pages
    shop.sell("S-print-case")
    rma_id = shop.ask("S-print-case", reason="quality", comment="The left sole is coming off.")
    page = new_page(chromium, desk_url)
    _sign_in(page, "ada", "/desk")
    page.wait_for_timeout(1_500)  # until the views show what the shop has just told
    page.goto(f"/desk/returns/{rma_id}")
    page.emulate_media(media="print")

    assert all(page.is_visible(shown) for shown in ("#goods", "#words", "#timeline", "#money", "#papers"))
    hidden = ("form", "button", ".button", ".tongues", ".find", ".rooms", ".who", ".path", ".doable", ".demo", ".skip")
    assert not [one for one in hidden if page.locator(one).locator("visible=true").count()]
    printed = on_paper(page)
    for part in (rma_number(rma_id), "Rain boots, navy, size 39", "The left sole is coming off.", "Return asked for"):
        assert part in printed


def _sign_in(page: Page, person: str, room: str) -> None:
    page.goto(f"/staff/sign-in?next={room}")
    page.click(f"form:has([value='{person}']) button")
    page.wait_for_url(f"**{room}")


def on_paper(page: Page) -> str:
    """Print a page on A4 and return what stands on it, once every letter is seen to be within the margins."""
    document = pypdfium2.PdfDocument(page.pdf(format="A4"))
    texts = []
    for sheet in document:
        width, height = sheet.get_size()
        assert (width, height) == pytest.approx((595, 842), abs=1)
        letters = sheet.get_textpage()
        boxes = [letters.get_charbox(index) for index in range(letters.count_chars())]
        assert min(left for left, *_ in boxes) > PAPER_MARGIN
        assert max(right for _, _, right, _ in boxes) < width - PAPER_MARGIN
        texts.append(letters.get_text_range())
    return " ".join(" ".join(texts).split())
