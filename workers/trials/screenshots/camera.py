"""Takes the pictures: a walk through every page in a real browser, in each language and on each width."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ClassVar, Final

import orjson

from domain.errors import RmaError
from infra.kafka.command_client import conversation
from infra.metrics import WorkerMetrics
from infra.settings import Settings
from workers.http.door import opened
from workers.http.worker import serving
from workers.pictures.sheet import Screen
from workers.runtime.clock import utc_now
from workers.trials.demo.doors import open_to_people
from workers.trials.demo.mailbox import Mailbox, mailbox
from workers.trials.demo.services import own_folder, services
from workers.trials.sandbox import at_work, ended_in_order, sandbox
from workers.trials.screenshots.shop import BRAND, ENTER_SECRET, SITES, Shop, email_of, enter_token, language_of
from workers.trials.screenshots.staff import Snap, open_desk, unfold, walk_staff

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS: Final = {"phone": (320, 640), "desk": (1_440, 900)}
LANGUAGES: Final = ("en", "zh")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WORKERS: Final = ("commands", "relay", "tracking", "refund_ledger", "credit_notes", "vault", "labels", "notices")
WRITTEN_OF: Final = timedelta(days=365)
"""How long ago what customers are told of may have been."""
LOOK_MS: Final = 60_000
LOOK_AGAIN_MS: Final = 250
LETTERS_MAX_S: Final = 60.0
LETTERS: Final = {"A": 3, "B": 2, "D": 1}
"""How many letters come of each order of the walk: approved, link, receipt; approved, arrived; denied."""


class NoBrowserError(RmaError):
    """There is no Chromium on this machine, or no Playwright to drive it."""

    code: ClassVar[str] = "no_browser"


@contextmanager
def browser() -> Iterator[Browser]:
    """Open the machine's Chromium; raises ``NoBrowserError``."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of the clone's own environment alone
    except ImportError as error:
        raise NoBrowserError("pictures need Playwright, which a clone brings (make setup)") from error
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise NoBrowserError("pictures need Chromium, such as Debian's: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as driver:
        opened_browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield opened_browser
        finally:
            opened_browser.close()


def take_screenshots(settings: Settings, folder: Path, out: Screen) -> None:
    """Write pictures of every page to a folder, on a system of their own that is gone afterwards.

    Raises:
        NoBrowserError: No browser can be had.
        ServiceUnreachableError, psycopg.Error, kafka.errors.KafkaError: A service is away.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (
        ended_in_order(),
        browser() as chromium,
        own_folder(settings.data_dir) as own,
        services(settings, own, out) as where,
        sandbox(where, "pictures") as made,
        open_shop(made, own) as (shop, url),
        open_desk(shop) as desk,
    ):
        for language in LANGUAGES:
            for width, size in WIDTHS.items():
                of = f"{language}-{width}"
                for address, walking in ((url, walk), (desk, walk_staff)):
                    context = chromium.new_context(
                        viewport={"width": size[0], "height": size[1]}, base_url=address, locale=language
                    )
                    page = context.new_page()
                    page.set_default_timeout(LOOK_MS)
                    walking(page, shop, of.upper(), _camera(page, folder, of))
                    context.close()
        out.print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


def _camera(page: Page, folder: Path, of: str) -> Snap:
    def snap(name: str) -> None:
        page.screenshot(path=folder / f"{name}-{of}.png", full_page=True)

    return snap


@contextmanager
def open_shop(settings: Settings, folder: Path) -> Iterator[tuple[Shop, str]]:
    """Let a shop and its pages work while the block lasts; yield the shop, and the address of the pages."""
    with mailbox() as box:
        given = _shop_settings(settings, folder, box)
        with (
            at_work(given, WORKERS),
            opened(given, Event(), WorkerMetrics("http")) as door,
            serving(door),
            conversation(given) as talk,
        ):
            shop = Shop(talk, box, given)
            shop.open()
            yield shop, door.public_url


def _shop_settings(settings: Settings, folder: Path, box: Mailbox) -> Settings:
    key, brand = folder / "enter.key", folder / "brand.json"
    key.write_text(ENTER_SECRET)
    brand.write_bytes(orjson.dumps(BRAND))
    given = {
        "http_enter_key_file": key,
        "http_brand_dir": folder,
        "notices_sender": "Aurora Goods <returns@aurora.example>",
        "notices_since": utc_now() - WRITTEN_OF,
    }
    return open_to_people(settings.model_copy(update=given), folder, box, SITES)


def walk(page: Page, shop: Shop, mark: str, snap: Snap) -> None:
    """Walk through every page as a customer does, and take a picture of each."""
    _walk_the_request(page, shop, f"A-{mark}", snap)
    _walk_the_return(page, shop, f"B-{mark}", snap)
    _walk_denied(page, shop, f"D-{mark}", snap)
    page.goto("/r/this-link-is-too-old-to-work-any-more")
    snap("trouble-link")
    _walk_in_from_outside(page, f"A-{mark}", snap)
    _walk_the_mail(page, shop, mark, snap)


def _walk_the_request(page: Page, shop: Shop, order_id: str, snap: Snap) -> None:
    shop.sell(order_id, language=language_of(page))
    page.goto(f"/returns/enter?token={enter_token(order_id)}")
    snap("enter")
    page.click("main button.main")
    page.select_option("[name='quantity:L1']", "1")
    page.click("main button.main")
    snap("choose-fault")
    page.goto("/returns/order")
    page.select_option("[name='quantity:L1']", "1")
    page.select_option("[name='quantity:L2']", "1")
    page.select_option("[name='reason:L1']", "too_small")
    page.select_option("[name='reason:L2']", "damaged_in_transit")
    snap("choose")
    page.click("main button.main")
    snap("details")
    page.click("button[value='preview']")
    snap("details-fault")
    page.check("[name='answer:L2:box'] >> nth=1")
    page.fill("[name='comment:L2']", "The shade has a crack on its left side.")
    page.click("button[value='preview']")
    snap("preview")
    page.click("main button.main")
    page.wait_for_url("**/r/**")
    snap("return-asked")
    _await(page, "a.button[href*='label.pdf']")
    snap("return-approved")
    unfold(page)
    snap("return-approved-unfolded")


def _walk_the_return(page: Page, shop: Shop, order_id: str, snap: Snap) -> None:
    shop.sell(order_id, days_ago=9, language=language_of(page))
    rma_id = shop.ask(order_id)
    shop.receive(order_id, rma_id)
    page.goto(f"/returns/enter?token={enter_token(order_id)}")
    page.click("main button.main")
    snap("choose-with-returns")
    page.click(f"form:has([value='{rma_id}']) button")
    snap("return-arrived")
    shop.inspect(order_id, rma_id)
    _await(page, "a[href*='credit-note']")
    snap("return-money")


def _walk_denied(page: Page, shop: Shop, order_id: str, snap: Snap) -> None:
    shop.sell(order_id, days_ago=90, language=language_of(page))
    page.goto(f"/returns/enter?token={enter_token(order_id)}")
    page.click("main button.main")
    page.select_option("[name='quantity:L3']", "2")
    page.select_option("[name='reason:L3']", "changed_mind")
    page.click("main button.main")
    page.click("button[value='preview']")
    snap("preview-denied")
    page.click("main button.main")
    page.wait_for_url("**/r/**")
    snap("return-denied")


def _walk_in_from_outside(page: Page, order_id: str, snap: Snap) -> None:
    page.goto("/returns/start")
    snap("start")
    page.fill("[name='order_id']", order_id)
    page.fill("[name='email']", email_of(order_id))
    page.click("main button.main")
    snap("started")
    page.goto("/withdraw")
    page.fill("[name='name']", "Anna Li")
    page.fill("[name='order_id']", order_id)
    page.fill("[name='email']", email_of(order_id))
    snap("withdraw")
    page.click("main button.main")
    snap("withdraw-confirm")
    page.click("main button.main")
    snap("withdrawn")


def _walk_the_mail(page: Page, shop: Shop, mark: str, snap: Snap) -> None:
    """Look at the mailbox, and at the letters that came of this walk: each on its own, as mail programs show it."""
    until = time.monotonic() + LETTERS_MAX_S
    for name, letters in LETTERS.items():
        while len(shop.box.sent_to(email_of(f"{name}-{mark}"))) < letters and time.monotonic() < until:
            page.wait_for_timeout(LOOK_AGAIN_MS)
    page.goto(f"{shop.box.url}/?lang={language_of(page)}")
    snap("mail")
    for name in LETTERS:
        for index, number in enumerate(shop.box.sent_to(email_of(f"{name}-{mark}")), start=1):
            page.goto(f"{shop.box.url}/{number}/body")
            snap(f"letter-{name}-{index}".lower())
    page.goto(f"{shop.box.url}/1")
    snap("mail-letter")


def _await(page: Page, selector: str) -> None:
    """Look at a page again until it shows what a worker has yet to do."""
    until = time.monotonic() + LETTERS_MAX_S
    while not page.is_visible(selector) and time.monotonic() < until:
        page.wait_for_timeout(LOOK_AGAIN_MS)
        page.reload()
