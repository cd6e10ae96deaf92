"""`/desk`: what waits for a person, a page of each queue; and the search for a return, an order or a customer."""

from __future__ import annotations

from typing import Final, Literal, get_args
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response

from projections.tracking.case_file import find_by_number, known_among, read_allocation
from projections.tracking.listing import CursorInvalidError, Wanted, read_page
from projections.tracking.queues import QueuePage, read_open_differences, read_open_parcels, read_queue
from workers.http.approvals import read_pending
from workers.http.carrier_news import read_unplaced_news
from workers.http.cursors import place_in, signed
from workers.http.door import Reading
from workers.http.errors import NotFoundError
from workers.http.mails import read_unplaced_withdrawals
from workers.http.pages.staff import naming
from workers.http.pages.staff.cases import after_in, done_in
from workers.http.pages.staff.forms import DESK
from workers.http.pages.staff.visits import AT_DESK, StaffRoute, seen_by
from workers.http.pages.visits import Visit, see_other
from workers.http.reading import NAME_MAX, look

QueueTab = Literal[
    "review", "appeals", "overdue", "payouts", "messages", "differences", "withdrawals", "parcels", "news", "approvals"
]
TABS: Final[tuple[QueueTab, ...]] = get_args(QueueTab)
PAGE: Final = 25
CURSOR: Final = "cursor"

router = APIRouter(route_class=StaffRoute, include_in_schema=False)


@router.get("/desk")
async def queue(request: Request) -> Response:
    """Show what waits for a person."""
    visit, _ = await seen_by(request, *AT_DESK)
    tab = visit.query.get("queue", TABS[0])
    if tab not in TABS:
        raise NotFoundError("no such queue")
    place = _place(visit, tab)
    page = await look(visit.door, after_in(visit), lambda views: _read(views, tab, place))
    further = page.next_cursor and "?" + urlencode(
        {"queue": tab, CURSOR: signed(page.next_cursor, visit.door.cursor_secret, tab)}
    )
    return visit.page(
        "staff/queue.html",
        done=done_in(visit),
        tab=tab,
        tabs=TABS,
        page=page,
        further=further,
        is_first=place is None,
        naming=naming,
    )


def _place(visit: Visit, *question: object) -> str | None:
    """Return where a page begins; raises ``NotFoundError`` where no page of ours said so."""
    given = visit.query.get(CURSOR)
    try:
        return None if given is None else place_in(given, visit.door.cursor_secret, *question)
    except CursorInvalidError as bad:
        raise NotFoundError("no place of this list") from bad


def _read(views: Reading, tab: QueueTab, place: str | None) -> QueuePage:
    match tab:
        case "differences":
            return read_open_differences(views, limit=PAGE, cursor=place)
        case "approvals":
            return _pending(views, place)
        case "withdrawals":
            return read_unplaced_withdrawals(views, PAGE, place)
        case "parcels":
            return read_open_parcels(views, limit=PAGE, cursor=place)
        case "news":
            return read_unplaced_news(views, PAGE, place)
        case _:
            return read_queue(views, tab, limit=PAGE, cursor=place)


def _pending(views: Reading, place: str | None) -> QueuePage:
    waiting, further = read_pending(views, PAGE, place)
    return QueuePage([{**one, "title": DESK[one["name"]].title} for one in waiting], further)


@router.get("/desk/search")
async def search(request: Request) -> Response:
    """Find returns by what was typed: their number or id, a parcel's number, an order, a customer."""
    visit, _ = await seen_by(request, *AT_DESK)
    typed = visit.query.get("q", "").strip().replace("\x00", "")[:NAME_MAX]
    place = _place(visit, "search", typed)
    found, has_order, page = await look(visit.door, None, lambda views: _find(views, typed, place))
    if len(found) == 1:
        return see_other(f"/desk/returns/{found[0]}")
    further = page.next_cursor and "?" + urlencode(
        {"q": typed, CURSOR: signed(page.next_cursor, visit.door.cursor_secret, "search", typed)}
    )
    order = f"/desk/orders/{quote(typed, safe='')}" if has_order else None
    return visit.page("staff/search.html", typed=typed, page=page, further=further, order=order, naming=naming)


def _find(views: Reading, typed: str, place: str | None) -> tuple[list[UUID], bool, QueuePage]:
    """Return the returns that a number names, whether an order is called so, and the returns of order or customer."""
    if not typed:
        return [], False, QueuePage([], None)
    found = _by_number(views, typed)
    if len(found) == 1:
        return found, False, QueuePage([], None)
    if found:
        return found, False, QueuePage(*read_page(views, Wanted(rma_ids=found), limit=PAGE, cursor=place))
    if read_allocation(views, typed):
        return [], True, QueuePage(*read_page(views, Wanted(order_id=typed), limit=PAGE, cursor=place))
    return [], False, QueuePage(*read_page(views, Wanted(customer_id=typed), limit=PAGE, cursor=place))


def _by_number(views: Reading, typed: str) -> list[UUID]:
    try:
        return known_among(views, [UUID(typed)])
    except ValueError:
        return list(find_by_number(views, typed))
