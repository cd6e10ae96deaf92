"""Coming in without a shop's link: by order number and e-mail; a link goes there if they belong together. Who was given
something types the code that came with it, and his own e-mail.

Whether they do is found out elsewhere (`rma work notices`), which may open the order's contact; this process may not.
"""

from __future__ import annotations

import re
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from workers.http import mails
from workers.http.access import count_anonymous
from workers.http.errors import NotFoundError
from workers.http.pages.visits import PageRoute, check_form, is_own_form, see_other, the_visit
from workers.http.visitors import begin_session, end_session, hashed

EMAIL: Final = re.compile(r"[^\s@<>,;:\"\\()\[\]\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.-]{1,189}")
ORDER_ID_MAX: Final = 64
GIFT_CODE: Final = re.compile(r"[!-~]{0,64}", re.ASCII)

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/returns/start")
async def start(request: Request) -> Response:
    """Ask for order number and e-mail; or, of who was given something, for the code that came with it."""
    return the_visit(request).page("start.html", order_id="", email="", gift_code="", fault=False)


@router.post("/returns/start")
async def want(request: Request) -> Response:
    """Say that a link is on its way, if they belong together; whether they do is worked out after this answer."""
    visit = check_form(request)
    count_anonymous(request, visit.door)
    order_id, email, gift_code = (visit.form.get(name) for name in ("order_id", "email", "gift_code"))
    if not 0 < len(order_id) <= ORDER_ID_MAX or not EMAIL.fullmatch(email) or not GIFT_CODE.fullmatch(gift_code):
        return visit.page("start.html", 422, order_id=order_id, email=email, gift_code=gift_code, fault=True)

    def note() -> None:
        with visit.door.views.connection() as connection:
            mails.want_link(connection, order_id, email, visit.language, gift_code or None)

    await run_in_threadpool(note)
    return visit.page("started.html")


@router.get("/returns/link")
async def offer(request: Request) -> Response:
    """Show a button that lets the visitor in, whatever the link is: looking tells nothing and uses nothing up."""
    visit = the_visit(request)
    return visit.page("enter.html", token=visit.query.get("token", ""), action="/returns/link")


@router.post("/returns/link")
async def enter(request: Request) -> Response:
    """Let the visitor in, once."""
    visit = the_visit(request)
    token = visit.form.get("token")
    if not is_own_form(visit, request):
        return visit.page("enter.html", token=token, action="/returns/link")

    def let_in() -> None:
        now = visit.door.clock()
        with visit.door.views.connection() as connection, connection.transaction():
            found = mails.use_start_link(connection, hashed(token), now)
            if found is None:
                raise NotFoundError("no such link")
            end_session(connection, visit.token)
            begin_session(connection, visit.renew(), found, now)

    await run_in_threadpool(let_in)
    return see_other("/returns/order")
