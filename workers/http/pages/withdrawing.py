"""The withdrawal that the law provides for (2011/83 art. 11a): without sign-in, in two steps, with a receipt."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from workers.desk.returnable import sold_lines
from workers.http import mails
from workers.http.access import count_anonymous
from workers.http.errors import NotFoundError
from workers.http.pages.sending import send
from workers.http.pages.starting import EMAIL, ORDER_ID_MAX
from workers.http.pages.visits import PageRoute, Visit, check_form, the_visit
from workers.http.visitors import Session

NAME_MAX: Final = 200

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/withdraw")
async def ask(request: Request) -> Response:
    """Ask who withdraws, from which contract, and where the receipt goes."""
    visit = the_visit(request)
    session = await visit.session()
    order_id = session.order_id if session else ""
    return visit.page("withdraw.html", typed={"name": "", "order_id": order_id, "email": ""}, fault=False)


@router.post("/withdraw")
async def confirm(request: Request) -> Response:
    """Show the declaration once more, to be confirmed: nothing is declared before."""
    visit = check_form(request)
    typed = _typed(visit)
    if not _is_whole(typed):
        return visit.page("withdraw.html", 422, typed=typed, fault=True)
    return visit.page("withdraw-confirm.html", typed=typed, kept=[*typed.items(), ("id", str(uuid4()))])


@router.post("/withdraw/confirm")
async def declare(request: Request) -> Response:
    """Take the declaration, at this moment, and have a receipt of it mailed, always."""
    visit = check_form(request)
    count_anonymous(request, visit.door)
    typed = _typed(visit)
    if not _is_whole(typed):
        return visit.page("withdraw.html", 422, typed=typed, fault=True)
    declaration, now = _id(visit.form.get("id")), visit.door.clock()
    before = await run_in_threadpool(_declared_at, visit, declaration)
    if before is not None:
        return visit.page("withdrawn.html", typed=typed, at=before)
    session = await visit.session()
    rma_id = None
    if session is not None and session.order_id == typed["order_id"]:
        rma_id = await _ask_for_all(visit, session, declaration)
    mail = _receipt(visit, typed, now)

    def keep() -> None:
        with visit.door.views.connection() as connection:
            mails.keep_withdrawal(connection, declaration, mail, name=typed["name"], now=now, rma_id=rma_id)

    await run_in_threadpool(keep)
    return visit.page("withdrawn.html", typed=typed, at=now)


async def _ask_for_all(visit: Visit, session: Session, declaration: UUID) -> UUID | None:
    """Ask for everything of the order by the right of withdrawal; the law decides what that holds for.

    None: the command was refused, so that a person has to look at it.
    """

    def read() -> dict[str, Any] | None:
        with visit.door.logs.streams() as streams:
            return sold_lines(session.order_id, streams)

    order = await run_in_threadpool(read)
    lines = [
        {"line_id": line_id, "quantity": line["free"], "wish": "refund"}
        for line_id, line in (order["lines"] if order else {}).items()
        if line["free"] and line["kind"] == "goods"
    ]
    if not lines:
        return None
    data = {"rma_id": str(declaration), "order_id": session.order_id, "lines": lines, "withdrawal": True}
    answer = await send(visit.door, "RequestReturn", str(declaration), session.customer_id, data)
    return declaration if answer.status in {"accepted", "pending"} else None


def _receipt(visit: Visit, typed: dict[str, str], now: datetime) -> mails.Mail:
    said = visit.words
    lines = (
        said.gettext("We have received your withdrawal from the contract."),
        "",
        said.gettext("Order") + f": {typed['order_id']}",
        said.gettext("Name") + f": {typed['name']}",
        said.gettext("Received") + f": {said.moment(now)}",
    )
    subject = said.gettext("Receipt of your withdrawal")
    body = "\n".join(lines) + "\n"
    return mails.Mail("withdrawal_receipt", typed["order_id"], typed["email"], said.language, subject, body)


def _typed(visit: Visit) -> dict[str, str]:
    return {name: " ".join(visit.form.get(name).split()) for name in ("name", "order_id", "email")}


def _is_whole(typed: dict[str, str]) -> bool:
    is_named = 0 < len(typed["name"]) <= NAME_MAX and 0 < len(typed["order_id"]) <= ORDER_ID_MAX
    return is_named and EMAIL.fullmatch(typed["email"]) is not None


def _declared_at(visit: Visit, declaration: UUID) -> datetime | None:
    with visit.door.views.connection() as connection:
        return mails.declared_at(connection, declaration)


def _id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError as error:
        raise NotFoundError("no form of ours") from error
