"""What a customer does on his return's page: answers an offer, appeals, puts more forward. Rules decide, not pages."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from workers.http.door import Door
from workers.http.errors import NotFoundError
from workers.http.evidence_store import find
from workers.http.pages.drafts import Draft
from workers.http.pages.photos import take_photos
from workers.http.pages.progress import command_id_in, link_to, page_of, tell
from workers.http.pages.sending import SOURCE, CustomersCommand, was_accepted
from workers.http.pages.visits import PageRoute, Visit, check_form, see_other
from workers.http.visitors import ReturnLink, Session, hashed

TEXT_MAX: Final = 4_000
LINE_DIGITS_MAX: Final = 4

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post("/r/{token}/remedy")
async def answer_remedy(request: Request, token: str) -> Response:
    """Take or turn down what is offered instead of the return."""
    visit = check_form(request)
    link = await link_to(visit, token)
    answer = visit.form.get("answer")
    if answer not in {"yes", "no"}:
        return await page_of(visit, token, status=422, said=visit.words.gettext("Please choose one of the two."))
    return await tell(visit, token, link, "AnswerRemedy", {"line": line_in(visit), "accepted": answer == "yes"})


@router.post("/r/{token}/appeal")
async def appeal(request: Request, token: str) -> Response:
    """Ask that a person look again at what was decided against the customer; files may come along."""
    visit = check_form(request)
    link = await link_to(visit, token)
    grounds = visit.form.get("grounds")[:TEXT_MAX]
    if not grounds:
        return await page_of(visit, token, status=422, said=visit.words.gettext("Please tell us why."))
    return await _with_files(visit, token, link, "AppealDenial", {"line": line_in(visit), "grounds": grounds})


@router.post("/r/{token}/evidence")
async def add_evidence(request: Request, token: str) -> Response:
    """Put photos, videos or documents forward after the request."""
    visit = check_form(request)
    link = await link_to(visit, token)
    if not visit.form.files:
        return await page_of(visit, token, status=422, said=visit.words.gettext("Please choose a file first."))
    return await _with_files(visit, token, link, "AddEvidence", {})


async def _with_files(
    visit: Visit, token: str, link: ReturnLink, name: CustomersCommand, data: dict[str, Any]
) -> Response:
    """Keep the files of a form, counted against its link, and send a command that names them.

    A form that was sent before is not looked at again: its files are with the return already.
    """
    if await run_in_threadpool(was_accepted, visit.door, SOURCE, command_id_in(visit)):
        return see_other(f"/r/{token}")
    draft = Draft(uuid4(), [], [])
    trouble = await take_photos(visit, Session(hashed(token), link.order_id, link.customer_id), draft)
    if trouble is not None:
        return await page_of(visit, token, status=422, said=trouble)
    evidence = await run_in_threadpool(_evidence, visit.door, draft)
    return await tell(visit, token, link, name, data | ({"evidence": evidence} if evidence else {}))


def _evidence(door: Door, draft: Draft) -> list[dict[str, Any]]:
    with door.views.connection() as connection:
        found = [find(connection, photo) for photo in draft.photos]
    return [
        {"evidence_id": str(one.evidence_id), "kind": one.kind, "uri": one.uri, "sha256": one.sha256}
        for one in found
        if one is not None
    ]


def line_in(visit: Visit) -> int:
    """Return the number of the line that a form is about; raises ``NotFoundError`` for what is no form of ours."""
    given = visit.form.get("line")
    if not (given.isascii() and given.isdecimal() and len(given) <= LINE_DIGITS_MAX):
        raise NotFoundError("no form of ours")
    return int(given)
