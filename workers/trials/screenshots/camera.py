"""Takes the pictures: a walk through every page in a real browser, in each language and on each width."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ClassVar, Final

from domain.errors import RmaError
from infra.kafka.command_client import conversation
from infra.metrics import WorkerMetrics
from infra.settings import Settings
from workers.http.door import opened
from workers.http.worker import serving
from workers.pictures.sheet import Screen
from workers.trials.demo.services import own_folder, services
from workers.trials.sandbox import at_work, ended_in_order, sandbox
from workers.trials.screenshots.shop import ENTER_SECRET, Shop, enter_token
from workers.trials.screenshots.staff import Snap, free_port, open_desk, walk_staff

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS: Final = {"phone": (320, 640), "desk": (1_440, 900)}
LANGUAGES: Final = ("en", "zh")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WORKERS: Final = ("commands", "relay", "tracking", "refund_ledger", "credit_notes")
LOOK_MS: Final = 10_000


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
        open_desk(made) as desk,
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
    key = folder / "enter.key"
    key.write_text(ENTER_SECRET)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    given = settings.model_copy(
        update={
            "http_port": port, "http_public_url": url, "http_enter_key_file": key,
            "http_rate": 100_000, "evidence_dir": folder / "evidence",
        }
    )  # fmt: skip
    stop = Event()
    with (
        at_work(given, WORKERS),
        opened(given, stop, WorkerMetrics("http")) as door,
        serving(door),
        conversation(given) as talk,
    ):
        shop = Shop(talk)
        shop.open()
        yield shop, url


def walk(page: Page, shop: Shop, mark: str, snap: Snap) -> None:
    """Walk through every page as a customer does, and take a picture of each."""
    _walk_the_request(page, shop, f"A-{mark}", snap)
    _walk_the_return(page, shop, f"B-{mark}", snap)
    _walk_denied(page, shop, f"D-{mark}", snap)
    page.goto("/r/this-link-is-too-old-to-work-any-more")
    snap("trouble-link")
    _walk_in_from_outside(page, f"A-{mark}", snap)


def _walk_the_request(page: Page, shop: Shop, order_id: str, snap: Snap) -> None:
    shop.sell(order_id)
    page.goto(f"/returns/enter?token={enter_token(order_id)}")
    snap("enter")
    page.click("main button.main")
    page.select_option("[name='quantity:L1']", "1")
    page.click("main button.main")
    snap("choose-fault")
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
    snap("return-approved")


def _walk_the_return(page: Page, shop: Shop, order_id: str, snap: Snap) -> None:
    shop.sell(order_id, days_ago=9)
    rma_id = shop.ask(order_id)
    shop.receive(order_id, rma_id)
    page.goto(f"/returns/enter?token={enter_token(order_id)}")
    page.click("main button.main")
    snap("choose-with-returns")
    page.click(f"form:has([value='{rma_id}']) button")
    snap("return-arrived")
    shop.inspect(order_id, rma_id)
    page.wait_for_timeout(1_500)
    page.reload()
    snap("return-money")


def _walk_denied(page: Page, shop: Shop, order_id: str, snap: Snap) -> None:
    shop.sell(order_id, days_ago=90)
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
    page.fill("[name='email']", "anna@mail.example")
    page.click("main button.main")
    snap("started")
    page.goto("/withdraw")
    page.fill("[name='name']", "Anna Li")
    page.fill("[name='order_id']", order_id)
    page.fill("[name='email']", "anna@mail.example")
    snap("withdraw")
    page.click("main button.main")
    snap("withdraw-confirm")
    page.click("main button.main")
    snap("withdrawn")
