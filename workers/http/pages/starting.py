"""Coming in without a shop's link: by order number and e-mail; a link goes there if they belong together."""

from __future__ import annotations

import re
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from psycopg import Connection

from commands.streams import find_order
from workers.http import mails
from workers.http.access import count_anonymous
from workers.http.door import Door
from workers.http.errors import NotFoundError
from workers.http.pages.visits import PageRoute, check_form, is_own_form, see_other, the_visit
from workers.http.pages.words import chosen_language, words
from workers.http.visitors import begin_session, end_session, hashed, new_token

EMAIL: Final = re.compile(r"[^\s@<>,;:\"\\()\[\]\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.-]{1,189}")
ORDER_ID_MAX: Final = 64

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/returns/start")
async def start(request: Request) -> Response:
    """Ask for order number and e-mail."""
    return the_visit(request).page("start.html", order_id="", email="", fault=False)


@router.post("/returns/start")
async def want(request: Request) -> Response:
    """Say that a link is on its way, if they belong together; whether they do is worked out after this answer."""
    visit = check_form(request)
    count_anonymous(request, visit.door)
    order_id, email = visit.form.get("order_id"), visit.form.get("email")
    if not 0 < len(order_id) <= ORDER_ID_MAX or not EMAIL.fullmatch(email):
        return visit.page("start.html", 422, order_id=order_id, email=email, fault=True)

    def note() -> None:
        with visit.door.views.connection() as connection:
            mails.want_link(connection, order_id, email, visit.language)

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
            begin_session(connection, visit.renew(), *found, now)

    await run_in_threadpool(let_in)
    return see_other("/returns/order")


def answer_wanted(door: Door, connection: Connection) -> int:
    """Mail the links that are wanted, each to the address that its order has on file; return how many there were."""
    sent = 0
    for order_id, email, language in mails.take_wanted(connection):
        with door.logs.streams() as streams:
            order = find_order(streams, order_id)
        contact = None if order is None else mails.contact_of(order)
        if order is None or contact is None or not mails.is_same_address(contact.email, email):
            continue
        token = new_token()
        said = words(chosen_language(language, None, contact.language or ""))
        body = said.gettext(
            "Here is your link to return something from your order. It works once, within half an hour:"
        )
        mail = mails.Mail(
            "start_link",
            order_id,
            contact.email,
            said.language,
            said.gettext("Your link to return something"),
            f"{body}\n\n{door.public_url}/returns/link?token={token}\n",
        )
        mails.keep_start_link(connection, hashed(token), order_id, order.customer_id, door.clock())
        mails.put_in_outbox(connection, mail, door.clock())
        sent += 1
    return sent
