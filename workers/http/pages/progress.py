"""A return's own page: where it stands, what is next, what was paid; and what its customer may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from infra.sites import lines_of, read_sites
from projections.refund_ledger.credit_notes import find_credit_note
from projections.tracking.case_file import CaseFile, read_case_file
from projections.tracking.notices import read_notices
from projections.tracking.progress import read_progress
from workers.desk.returnable import sold_lines
from workers.http.door import Door, Reading
from workers.http.errors import NotFoundError
from workers.http.pages import naming
from workers.http.pages.labels import label_of
from workers.http.pages.notes import note_of
from workers.http.pages.possible import possible
from workers.http.pages.sending import CustomersCommand, send
from workers.http.pages.visits import PageRoute, Visit, check_form, see_other, the_visit
from workers.http.reading import POSITION_MAX, look
from workers.http.visitors import ReturnLink, link_of
from workers.pictures.label_pdf import Size

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{20,100}")
TOOK: Final = ("requested_at", "authorized_at", "handed_over_at", "received_at", "inspected_at", "paid_at")
"""The instants of the steps that are drawn."""
REACHED: Final[dict[str, int]] = {
    "requested": 1, "needs_review": 1, "authorized": 2, "in_transit": 3, "received": 4, "inspected": 5, "resolved": 5,
}  # fmt: skip
"""How many steps are behind a return of a status; the last one is when all money has arrived."""
STOPPED: Final = frozenset({"denied", "expired", "withdrawn"})
CAN_CANCEL: Final = frozenset({"requested", "needs_review", "authorized"})
SCORES: Final = range(1, 6)
OVER: Final = frozenset({"resolved", "closed"})
"""When a customer is asked how it went; a link asks whenever it is opened."""

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/r/{token}")
async def show(request: Request, token: str) -> Response:
    """Show the return that a link opens."""
    return await page_of(the_visit(request), token)


async def page_of(
    visit: Visit, token: str, *, status: int = 200, said: str | None = None, typed: Mapping[str, str] | None = None
) -> Response:
    """Return the page of the return that a token opens; ``said`` is what there is to say of a form, ``typed`` what
    stood in it.
    """
    link = await link_to(visit, token)
    case, progress = await _read(visit, link)
    sold = await run_in_threadpool(_sold, visit.door, link.order_id)
    lines = _lines(case, sold)
    session = await visit.session()
    is_fresh = session is not None and session.order_id == link.order_id and session.customer_id == link.customer_id
    summary = case.summary
    score = visit.query.get("score", "")
    return visit.page(
        "return.html",
        status,
        token=token,
        case=case,
        summary=summary,
        steps=_steps(summary, progress),
        terms=case.terms[0] if case.terms else None,
        places=await _places(visit.door, case),
        progress=progress,
        lines=lines,
        naming=naming,
        said=said,
        can_cancel=summary["status"] in CAN_CANCEL,
        is_fresh=is_fresh,
        asks_feedback=not case.feedback and (bool(score) or summary["status"] in OVER),
        score=int(score) if score in {str(one) for one in SCORES} else None,
        new_id=uuid4,
        titles={row["line"]: row["title"] for row in lines},
        reasons={row["line"]: naming.reasons_for(row["category"], visit.words) for row in lines},
        typed=typed or {},
        letters=await look(visit.door, None, lambda views: _letters(views, link)),
        drop_off=await run_in_threadpool(_drop_off, visit.door, case),
        may=await run_in_threadpool(possible, visit.door, link.rma_id),
    )


async def _places(door: Door, case: CaseFile) -> list[str]:
    """Return where the goods go, each site once, with its address where the file of sites names it."""
    sites = await run_in_threadpool(read_sites, door.settings.sites_file)
    return list(dict.fromkeys(", ".join(lines_of(sites, terms["return_to"])) for terms in case.terms))


async def link_to(visit: Visit, token: str) -> ReturnLink:
    """Return what a token opens; forged, expired and another's are all the same ``NotFoundError``."""

    def read() -> ReturnLink | None:
        with visit.door.views.connection() as connection:
            return link_of(connection, token, visit.door.clock())

    link = await run_in_threadpool(read) if TOKEN.fullmatch(token) else None
    if link is None:
        raise NotFoundError("no such link")
    return link


async def _read(visit: Visit, link: ReturnLink) -> tuple[CaseFile, dict[str, Any]]:
    after = visit.query.get("after", "")
    position = int(after) if after.isascii() and after.isdecimal() and 0 < len(after) < 20 else None
    if position is not None and not 0 < position <= POSITION_MAX:
        position = None

    def read(connection: Reading) -> tuple[CaseFile | None, dict[str, Any]]:
        return read_case_file(connection, link.rma_id), read_progress(connection, link.rma_id)

    case, progress = await look(visit.door, position, read)
    if case is None or case.summary["order_id"] != link.order_id:
        raise NotFoundError("no such return")
    if link.customer_id not in {case.summary["customer_id"], case.summary["requester_id"]}:
        raise NotFoundError("another's return")
    return case, progress


def _letters(views: Reading, link: ReturnLink) -> list[dict[str, Any]]:
    """Return the messages that went out about the return, the last one first."""
    sent = [
        row for row in read_notices(views, link.rma_id) if row["outcome"] == "sent" and row["kind"] in naming.LETTERS
    ]
    return sorted(sent, key=lambda row: row["at"], reverse=True)


def _drop_off(door: Door, case: CaseFile) -> tuple[str, ...]:
    """Return where the goods may be handed in, as the file of sites says it; nowhere where they travel otherwise."""
    terms = case.terms[0] if case.terms else None
    if terms is None or terms["method"] != "drop_off":
        return ()
    site = read_sites(door.settings.sites_file).get(terms["return_to"])
    return site.drop_off if site else ()


async def summary_of(visit: Visit, link: ReturnLink) -> Mapping[str, Any]:
    """Return what the views say of the return that a link opens."""
    case, _ = await _read(visit, link)
    return case.summary


def _sold(door: Door, order_id: str) -> dict[str, dict[str, Any]]:
    with door.logs.streams() as streams:
        order = sold_lines(order_id, streams)
    return order["lines"] if order else {}


def _steps(summary: dict[str, Any], progress: dict[str, Any]) -> list[dict[str, Any]]:
    status = summary["status"]
    if status in STOPPED:
        names = [naming.STEPS[0], STOPPED_NAMES[status]]
        at = summary["closed_at"] or summary["decided_at"]
        return [
            {"name": names[0], "at": summary["requested_at"], "state": "done"},
            {"name": names[1], "at": at, "state": "stopped"},
        ]
    is_done = status == "closed" or (status == "resolved" and progress["paid_at"])
    reached = len(naming.STEPS) if is_done else REACHED.get(status, 1)
    steps = []
    for place, (name, column) in enumerate(zip(naming.STEPS, TOOK, strict=True)):
        state = "done" if place < reached else "next" if place == reached else "ahead"
        steps.append({"name": name, "at": progress[column] if state == "done" else None, "state": state})
    return steps


STOPPED_NAMES: Final[dict[str, str]] = {
    "denied": naming.N_("Not approved"),
    "expired": naming.N_("Lapsed"),
    "withdrawn": naming.N_("Cancelled"),
}


def _lines(case: CaseFile, sold: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each line of the return: neighbouring runs of units that differ count together."""
    shown: dict[int, dict[str, Any]] = {}
    for row in case.lines:
        article = sold.get(row["line_id"], {"title": row["sku"], "category": None})
        line = shown.setdefault(
            row["line"],
            {
                **row,
                "title": article["title"],
                "category": article["category"],
                "quantity": 0,
                "refund_minor": 0,
                "is_denied": True,
            },
        )
        line["is_denied"] = line["is_denied"] and row["authorization_state"] == "denied"
        line["quantity"] += row["quantity"]
        line["refund_minor"] += row["refund_minor"]
    return list(shown.values())


@router.get("/r/{token}/label.pdf")
async def label(request: Request, token: str) -> Response:
    """Get a label of the return as PDF, on A4 unless asked for on A6."""
    visit = the_visit(request)
    link = await link_to(visit, token)
    size: Size = "a6" if visit.query.get("size") == "a6" else "a4"
    wanted = visit.query.get("label_id", "")[:256].replace("\x00", "") or None
    return await label_of(visit.door, link.rma_id, wanted, size=size, language=visit.language)


@router.get("/r/{token}/credit-note")
async def credit_note(request: Request, token: str) -> Response:
    """Get a credit note of the return as PDF; of a gift none is shown, for it tells what was paid."""
    visit = the_visit(request)
    link = await link_to(visit, token)
    number = visit.query.get("number", "")
    note = await look(visit.door, None, lambda views: find_credit_note(views, number[:256].replace("\x00", "")))
    if note is None or note["rma_id"] != link.rma_id or (await summary_of(visit, link))["gift"]:
        raise NotFoundError("no such note")
    return await note_of(visit.door, note, visit.language)


@router.post("/r/{token}/cancel")
async def cancel(request: Request, token: str) -> Response:
    """Cancel the return; only somebody with a fresh visit may: the link alone has stood in mails for long."""
    visit = check_form(request)
    link = await fresh_link_to(visit, token)
    return await tell(visit, token, link, "WithdrawReturn", {})


async def fresh_link_to(visit: Visit, token: str) -> ReturnLink:
    """Return what a token opens to somebody who came in just now; raises ``LetInNeededError`` and ``NotFoundError``."""
    link = await link_to(visit, token)
    session = await visit.let_in()
    if (session.order_id, session.customer_id) != (link.order_id, link.customer_id):
        raise NotFoundError("another order's visit")
    return link


@router.post("/r/{token}/feedback")
async def feedback(request: Request, token: str) -> Response:
    """Send what the customer says of the return."""
    visit = check_form(request)
    link = await link_to(visit, token)
    score = visit.form.get("score")
    if score not in {str(one) for one in SCORES}:
        return await page_of(visit, token, status=422, said=visit.words.gettext("Please choose from 1 to 5."))
    comment = visit.form.get("comment")[:4_000]
    return await tell(
        visit, token, link, "GiveFeedback", {"score": int(score), **({"comment": comment} if comment else {})}
    )


async def tell(visit: Visit, token: str, link: ReturnLink, name: CustomersCommand, data: dict[str, Any]) -> Response:
    """Send a command about the return under the form's id, and show the return as it is then."""
    command_id = command_id_in(visit)
    about = {"rma_id": str(link.rma_id), "order_id": link.order_id}
    answer = await send(visit.door, name, command_id, link.customer_id, about | data)
    if answer.status == "accepted":
        return see_other(f"/r/{token}?after={answer.position}" if answer.position else f"/r/{token}")
    if answer.status == "pending":
        said = visit.words.gettext("We have it, and it is being worked on. Look again in a minute.")
        return await page_of(visit, token, status=202, said=said)
    return await page_of(visit, token, status=409, said=naming.refusal_name(answer.code, visit.words))


def command_id_in(visit: Visit) -> str:
    """Return the id that a form sends its command under; raises ``NotFoundError`` for what is no form of ours."""
    try:
        return str(UUID(visit.form.get("id")))
    except ValueError as error:
        raise NotFoundError("no form of ours") from error
