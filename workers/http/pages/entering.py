"""How a visitor comes in: by the shop's signed link, which is used by a button, never by being looked at."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from workers.desk.returnable import sold_lines
from workers.http.door import Door
from workers.http.errors import NotFoundError
from workers.http.pages.visits import PageRoute, Visit, check_form, is_own_form, see_other, the_visit
from workers.http.shop_tokens import Entry
from workers.http.visitors import Admitted, begin_session, end_session, use_up

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/returns/enter")
async def offer(request: Request) -> Response:
    """Show a button that lets the visitor in; nothing is used up by looking: mail scanners look."""
    visit = the_visit(request)
    token = visit.query.get("token", "")
    visit.door.shop_tokens.entry(token, visit.door.clock())
    return visit.page("enter.html", token=token, action="/returns/enter")


@router.post("/returns/enter")
async def enter(request: Request) -> Response:
    """Let the visitor in, once; a form that a shop sent itself gets the button first."""
    visit = the_visit(request)
    token = visit.form.get("token")
    entry = visit.door.shop_tokens.entry(token, visit.door.clock())
    if not is_own_form(visit, request):
        return visit.page("enter.html", token=token, action="/returns/enter")
    await run_in_threadpool(_let_in, visit, entry)
    return see_other("/returns/order")


def _let_in(visit: Visit, entry: Entry) -> None:
    if not _is_theirs(visit.door, entry):
        raise NotFoundError("no such order")
    with visit.door.views.connection() as connection, connection.transaction():
        if not use_up(connection, entry.jti, entry.ends_at):
            raise NotFoundError("used before")
        end_session(connection, visit.token)
        begin_session(connection, visit.renew(), Admitted(entry.order_id, entry.customer_id), visit.door.clock())


def _is_theirs(door: Door, entry: Entry) -> bool:
    with door.logs.streams() as streams:
        order = sold_lines(entry.order_id, streams)
    return order is not None and order["customer_id"] == entry.customer_id


@router.post("/returns/leave")
async def leave(request: Request) -> Response:
    """Let the visitor out: his cookie opens nothing any more."""
    visit = check_form(request)

    def end() -> None:
        with visit.door.views.connection() as connection:
            end_session(connection, visit.token)

    await run_in_threadpool(end)
    visit.renew()
    return visit.page("left.html")
