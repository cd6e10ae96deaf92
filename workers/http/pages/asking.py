"""Asking for a return: choose, say more, see what would come of it, send; forms carry everything from page to page."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from commands.faults import MalformedError
from domain.errors import RuleViolationError
from infra.sites import lines_of, read_sites
from projections.tracking.case_file import read_returns_of_order
from workers.desk.previewing import preview
from workers.desk.quoting import Ask
from workers.desk.returnable import sold_lines
from workers.http.door import Door
from workers.http.errors import NotFoundError
from workers.http.evidence_store import Stored, find
from workers.http.pages import naming
from workers.http.pages.drafts import Draft, draft_in
from workers.http.pages.photos import take_photos
from workers.http.pages.questions import LineAsked, options_of, questions_of
from workers.http.pages.sending import SOURCE, send, was_accepted
from workers.http.pages.visits import PageRoute, Visit, check_form, see_other, the_visit
from workers.http.reading import look
from workers.http.visitors import Session, mint_link, own_uploads

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/returns/order")
async def choose(request: Request) -> Response:
    """Show the order's lines, to choose what comes back, and its earlier returns."""
    visit = the_visit(request)
    session = await visit.let_in()
    order = await _order(visit.door, session)
    return await _choosing(visit, session, order, Draft(uuid4(), [], []))


async def _choosing(visit: Visit, session: Session, order: dict[str, Any], draft: Draft) -> Response:
    earlier = await _earlier(visit, session)
    chosen = {line.line_id: line for line in draft.lines}
    reasons = {line_id: naming.reasons_for(line["category"], visit.words) for line_id, line in order["lines"].items()}
    status = 422 if draft.faults else 200
    return visit.page("choose.html", status, order=order, earlier=earlier, draft=draft, chosen=chosen, reasons=reasons)


async def _earlier(visit: Visit, session: Session) -> list[dict[str, Any]]:
    """Return the returns of the order; a gift's recipient is shown none: they are the giver's."""
    if session.gift:
        return []
    return await look(visit.door, None, lambda views: read_returns_of_order(views, session.order_id))


@router.post("/returns/order/details")
async def details(request: Request) -> Response:
    """Ask what is wished for, and what policy wants to know; keep photos that came along."""
    visit, session, order, draft = await _form(request)
    if draft.faults:
        return await _choosing(visit, session, order, draft)
    trouble = await take_photos(visit, session, draft)
    if trouble is None and visit.form.get("go") == "preview":
        return await _previewing(visit, session, order, draft)
    return await _detailing(visit, session, order, draft, trouble=trouble)


async def _detailing(
    visit: Visit, session: Session, order: dict[str, Any], draft: Draft, *, trouble: str | None = None
) -> Response:
    options = await run_in_threadpool(_options, visit.door, session, draft)
    photos = await run_in_threadpool(_own_photos, visit.door, session, draft)
    shown = [
        {
            "draft": line,
            **order["lines"][line.line_id],
            "reason": naming.reason_name(line.reason, order["lines"][line.line_id]["category"], visit.words),
            "wishes": [
                (one["wish"], naming.wish_name(one["wish"], visit.words))
                for one in options[line.line_id]
                if one["wish"] in naming.WISHES
            ],
            "questions": questions_of(options[line.line_id]),
        }
        for line in draft.lines
    ]
    status = 422 if draft.faults or trouble else 200
    return visit.page(
        "details.html",
        status,
        order=order,
        draft=draft,
        lines=shown,
        photos=photos,
        trouble=trouble,
        kept=draft.kept({}),
    )


async def _previewing(
    visit: Visit, session: Session, order: dict[str, Any], draft: Draft, *, changed: bool = False
) -> Response:
    options = await run_in_threadpool(_options, visit.door, session, draft)
    for line in draft.lines:
        for question in questions_of(options[line.line_id]):
            if question["required"] and not line.answers.get(question["name"]):
                draft.faults[f"answer:{line.line_id}:{question['name']}"] = "answer"
    if draft.faults:
        return await _detailing(visit, session, order, draft)
    body = await run_in_threadpool(_body, visit, session, draft, options)
    try:
        seen = await run_in_threadpool(_preview, visit.door, session, body)
    except RuleViolationError as refused:
        draft.faults["all"] = refused.code
        return await _detailing(visit, session, order, draft, trouble=naming.refusal_name(refused.code, visit.words))
    except MalformedError:
        draft.faults["all"] = "malformed"
        return await _detailing(visit, session, order, draft, trouble=naming.refusal_name("", visit.words))
    return visit.page(
        "preview.html",
        draft=draft,
        seen=seen,
        naming=naming,
        changed=changed,
        kept=draft.kept(),
        is_gift=session.gift is not None,
        places=await run_in_threadpool(_places, visit.door, seen),
    )


def _places(door: Door, seen: dict[str, Any]) -> dict[str, str]:
    """Return the sites that goods go to, each with its address where the file of sites names it."""
    sites = read_sites(door.settings.sites_file)
    return {line["return_to"]: ", ".join(lines_of(sites, line["return_to"])) for line in seen["lines"]}


@router.post("/returns/order/preview")
async def see(request: Request) -> Response:
    """Show what would come of the request, as it is in the form."""
    visit, session, order, draft = await _form(request)
    if draft.faults:
        return await _choosing(visit, session, order, draft)
    return await _previewing(visit, session, order, draft)


@router.post("/returns/order/send")
async def ask_for_it(request: Request) -> Response:
    """Send the request; where what the preview showed is no longer so, show that first."""
    visit, session, order, draft = await _form(request)
    if await run_in_threadpool(was_accepted, visit.door, SOURCE, str(draft.id)):
        return await _to_the_return(visit, session, draft.id)
    if draft.faults:
        return await _choosing(visit, session, order, draft)
    options = await run_in_threadpool(_options, visit.door, session, draft)
    body = await run_in_threadpool(_body, visit, session, draft, options)
    try:
        seen = await run_in_threadpool(_preview, visit.door, session, body)
    except (RuleViolationError, MalformedError):
        return await _previewing(visit, session, order, draft)
    if seen["digest"] != visit.form.get("digest"):
        return await _previewing(visit, session, order, draft, changed=True)
    answer = await send(visit.door, "RequestReturn", str(draft.id), session.customer_id, body)
    if answer.status == "accepted":
        return await _to_the_return(visit, session, draft.id, answer.position)
    if answer.status == "pending":
        return visit.page("pending.html", 202, kept=draft.kept(), digest=seen["digest"])
    draft.faults["all"] = answer.code
    return await _detailing(visit, session, order, draft, trouble=naming.refusal_name(answer.code, visit.words))


@router.post("/returns/open")
async def open_earlier(request: Request) -> Response:
    """Open the page of a return of the visit's own order."""
    visit = check_form(request)
    session = await visit.let_in()
    for row in await _earlier(visit, session):
        if str(row["rma_id"]) == visit.form.get("return"):
            return await _to_the_return(visit, session, row["rma_id"])
    raise NotFoundError("no such return")


async def _to_the_return(visit: Visit, session: Session, rma_id: UUID, position: int = 0) -> Response:
    def mint() -> str:
        with visit.door.views.connection() as connection:
            now = visit.door.clock()
            return mint_link(connection, rma_id, session.order_id, session.customer_id, now)

    token = await run_in_threadpool(mint)
    return see_other(f"/r/{token}" + (f"?after={position}" if position else ""))


async def _form(request: Request) -> tuple[Visit, Session, dict[str, Any], Draft]:
    """Return who sends a form of the request, the order it is about, and what the form holds."""
    visit = check_form(request)
    session = await visit.let_in()
    order = await _order(visit.door, session)
    return visit, session, order, draft_in(visit.form, order)


async def _order(door: Door, session: Session) -> dict[str, Any]:
    def read() -> dict[str, Any] | None:
        with door.logs.streams() as streams:
            return sold_lines(session.order_id, streams)

    order = await run_in_threadpool(read)
    if order is None or (order["customer_id"] != session.customer_id and not session.gift):
        raise NotFoundError("no such order")
    return order


def _options(door: Door, session: Session, draft: Draft) -> dict[str, list[dict[str, Any]]]:
    """Return, by line, what would come of each wish that is offered for its reason."""
    found = {}
    with door.logs.streams() as streams:
        for line in draft.lines:
            asked = LineAsked(line.line_id, line.quantity, line.reason, line.answers)
            found[line.line_id] = options_of(session.order_id, streams, door.clock(), asked)
    return found


def _preview(door: Door, session: Session, body: dict[str, Any]) -> dict[str, Any]:
    now: datetime = door.clock()
    with door.logs.streams() as streams:
        return preview(Ask(orjson.dumps(body), now, f"customer:{session.customer_id}"), streams)


def _body(visit: Visit, session: Session, draft: Draft, options: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    questions = {line_id: questions_of(some) for line_id, some in options.items()}
    evidence = [
        {"evidence_id": str(one.evidence_id), "kind": one.kind, "uri": one.uri, "sha256": one.sha256}
        for one in _own_photos(visit.door, session, draft)
    ]
    return draft.request(session.order_id, questions, evidence) | _as_recipient(session, visit.language)


def _as_recipient(session: Session, language: str) -> dict[str, Any]:
    """Return what a gift's recipient says of himself: he is written to at his own address."""
    if session.gift is None:
        return {}
    contact = {"email": session.gift.email, "language": language}
    return {"gift": True, "recipient_id": session.customer_id, "gift_code": session.gift.code, "contact": contact}


def _own_photos(door: Door, session: Session, draft: Draft) -> list[Stored]:
    if not draft.photos:
        return []
    with door.views.connection() as connection:
        own = own_uploads(connection, session.key, draft.photos)
        found = [find(connection, photo) for photo in draft.photos if photo in own]
    return [one for one in found if one is not None]
