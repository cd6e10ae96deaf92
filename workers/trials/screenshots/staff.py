"""A walk through the desk and the bench, as agents, supervisors and the warehouse do, with a picture of each page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from domain.identity import payout_id, refund_id
from infra.metrics import WorkerMetrics
from infra.stack.ports import free_ports
from workers.http.door import opened
from workers.http.worker import serving
from workers.trials.screenshots.shop import Shop

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOWN_MS: Final = 1_500
"""How long the views may take to show what the shop has just told."""

Snap = Callable[[str], None]


@contextmanager
def open_desk(shop: Shop) -> Iterator[str]:
    """Open a door of the shop where anybody signs in as anyone while the block lasts; yield its address."""
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    given = shop.settings.model_copy(update={"http_port": port, "http_public_url": url, "http_demo_login": True})
    with opened(given, Event(), WorkerMetrics("http")) as door, serving(door):
        yield url


def walk_staff(page: Page, shop: Shop, mark: str, snap: Snap) -> None:
    """Walk through every page of the desk and the bench, and take a picture of each."""
    waits, came = _stage(shop, mark)
    page.wait_for_timeout(SHOWN_MS)
    _stage_troubles(shop, mark)
    page.wait_for_timeout(SHOWN_MS)
    page.goto("/staff/sign-in")
    snap("staff-sign-in")
    _walk_the_desk(page, waits, came, snap)
    _walk_the_approval(page, waits, snap)
    _walk_the_bench(page, came, snap)
    _walk_an_unknown_parcel(page, snap)
    _be(page, "olu")
    page.goto("/bench")
    snap("staff-role-missing")
    page.goto("/desk/returns/none")
    snap("staff-nothing-here")


def _stage(shop: Shop, mark: str) -> tuple[UUID, UUID]:
    """Sell, and have two returns asked for: one waits for a person, one for the dock."""
    shop.sell(f"G-{mark}")
    waits = shop.ask(f"G-{mark}", reason="quality", comment="The left sole is coming off after two days.")
    shop.sell(f"H-{mark}", days_ago=8)
    return waits, shop.ask(f"H-{mark}")


def _stage_troubles(shop: Shop, mark: str) -> None:
    """Let something wait in each queue: an appeal, goods that are late, a payout that failed and differs, a mail."""
    disputed = _asked(shop, f"J-{mark}", sold=90, asked=3, reason="changed_mind")
    shop.tell("AppealDenial", "customer:C-1001", {**disputed, "line": 1, "grounds": "It came after the window."})
    _asked(shop, f"K-{mark}", sold=40, asked=30)
    failed = _asked(shop, f"L-{mark}", sold=9, asked=3)
    shop.receive(failed["order_id"], UUID(failed["rma_id"]))
    shop.inspect(failed["order_id"], UUID(failed["rma_id"]))
    paid = {**failed, "payout_id": str(payout_id(refund_id(UUID(failed["rma_id"]), 1), "T1", 1))}
    shop.tell("RecordPayoutOutcome", "gateway:g", {**paid, "outcome": "failed", "reason": "card_closed"})
    here = {"amount_minor": 8_405, "currency": "EUR", "status": "failed"}
    differs = {**paid, "difference_id": str(uuid4()), "kind": "missing_there", "here": here}
    shop.tell("ReportDifference", "gateway:g", differs)
    notice = {**failed, "notice_id": uuid4().hex, "kind": "refund_failed", "channel": "email", "outcome": "bounced"}
    shop.tell("RecordNotice", "system:notices", notice)


def _asked(shop: Shop, order_id: str, *, sold: float, asked: float, reason: str = "too_small") -> dict[str, str]:
    """Sell an order, and ask for a return of it, so many days ago; return what a command about it names."""
    shop.sell(order_id, days_ago=sold)
    return {"order_id": order_id, "rma_id": str(shop.ask(order_id, days_ago=asked, reason=reason))}


def unfold(page: Page) -> None:
    """Open everything that a page shows on demand."""
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")


def _be(page: Page, person: str) -> None:
    page.goto("/staff/sign-in")
    page.click(f"form:has([value='{person}']) button")


def _walk_the_desk(page: Page, waits: UUID, came: UUID, snap: Snap) -> None:
    _be(page, "ada")
    page.goto("/desk")
    snap("desk-queue")
    for queue in page.eval_on_selector_all(".tabs a:not([aria-current])", "tabs => tabs.map(tab => tab.href)"):
        page.goto(queue)
        snap(f"desk-queue-{queue.partition('queue=')[2]}")
    page.goto("/desk?queue=withdrawals")
    if page.is_visible(".list tbody a"):  # where somebody has withdrawn before
        page.click(".list tbody a >> nth=0")
        snap("desk-placing")
    page.goto("/desk/search?q=C-1001")
    snap("desk-search")
    page.goto(f"/desk/returns/{waits}")
    snap("desk-case")
    unfold(page)
    snap("desk-case-unfolded")
    page.goto(f"/desk/returns/{came}/do/CloseReturn")
    page.fill("[name='reason']", "nothing is open")
    page.click("button[value='check']")
    snap("desk-form-refused")
    page.goto(f"/desk/returns/{waits}/do/DecideRequest")
    snap("desk-form")
    page.check("[name='lines.0.decision'][value='approve']")
    page.click("button[value='check']")
    snap("desk-check")
    page.click("button[value='send']")
    snap("desk-case-done")


def _walk_the_approval(page: Page, waits: UUID, snap: Snap) -> None:
    page.goto(f"/desk/returns/{waits}/do/OverrideDecision")
    page.check("[name='lines.0.decision'][value='deny']")
    page.fill("[name='lines.0.code']", "final_sale")
    page.fill("[name='reason']", "Sold as final sale, as the order says.")
    page.click("button[value='check']")
    snap("desk-check-approval")
    page.click("button[value='ask']")
    snap("desk-approval-own")
    approval = page.url
    _be(page, "sol")
    page.goto("/desk?queue=approvals")
    snap("desk-queue-approvals-filled")
    page.goto(approval)
    snap("desk-approval")
    page.click("button[value='drop']")
    page.goto(f"/desk/returns/{waits}")
    page.click(".path a >> nth=1")
    snap("desk-order")


def _walk_the_bench(page: Page, came: UUID, snap: Snap) -> None:
    _be(page, "wei")
    snap("bench")
    page.goto("/bench?q=99999")
    snap("bench-unknown")
    page.click("a.huge")
    snap("bench-keep")
    page.goto(f"/bench/{came}")
    snap("bench-expected")
    page.click("a.huge")
    page.fill("[name='site']", "WH-1")
    snap("bench-receive")
    page.click("button.huge")
    snap("bench-arrived")
    page.click("a.huge")
    page.check("[name='grade'][value='B']")
    snap("bench-inspect")
    page.select_option("[name='cause']", "none_found")
    page.select_option("[name='liable_party']", "none")
    page.click("button.huge")
    snap("bench-inspected")


def _walk_an_unknown_parcel(page: Page, snap: Snap) -> None:
    """Keep a parcel that nobody can place, and look for its return."""
    page.goto("/bench?q=NOBODYS-1")
    page.click("a.huge")
    page.fill("[name='site']", "WH-1")
    page.fill("[name='items.0.sku']", "SHOE-42")
    page.fill("[name='items.0.quantity']", "1")
    snap("bench-unknown-parcel")
    page.click("button.huge")
    snap("bench-parcel-kept")
    page.wait_for_timeout(SHOWN_MS)
    _be(page, "ada")
    page.goto("/desk?queue=parcels")
    snap("desk-queue-parcels")
    page.click("th a >> nth=-1")
    snap("desk-placing")
    page.fill("[name='q']:not([type='search'])", "nothing")
    page.click("main button.main")
    snap("desk-placing-unknown")
