"""`/desk/placing`: what nobody could place: whose it is leads to a form, or it is about nothing of ours."""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response

from projections.tracking.case_file import find_by_number, known_among, read_allocation
from workers.http.door import Reading
from workers.http.errors import NotFoundError
from workers.http.pages.staff import naming
from workers.http.pages.staff.forms import DESK
from workers.http.pages.staff.visits import AT_DESK, StaffRoute, seen_by, sent_by
from workers.http.pages.staff.waiting import Waiting, set_aside, waiting_in
from workers.http.pages.visits import see_other
from workers.http.reading import NAME_MAX, look

router = APIRouter(route_class=StaffRoute, include_in_schema=False)


@router.get("/desk/placing")
async def place(request: Request) -> Response:
    """Show it, and ask whose it is; what is typed leads to the form."""
    visit, _ = await seen_by(request, *AT_DESK)
    waiting = await waiting_in(visit)
    typed = visit.query.get("q", "").strip().replace("\x00", "")[:NAME_MAX]
    found = await look(visit.door, None, lambda views: _find(views, waiting, typed)) if typed else []
    if len(found) == 1:
        return see_other(f"{found[0][1]}?{waiting.query}")
    return visit.page(
        "staff/placing.html", waiting=waiting, form=DESK[waiting.command], typed=typed, found=found, naming=naming
    )


def _find(views: Reading, waiting: Waiting, typed: str) -> list[tuple[str, str]]:
    """Return what is called so, each with the address of its form."""
    if waiting.is_on_order:
        is_there = bool(read_allocation(views, typed))
        return [(typed, f"/desk/orders/{quote(typed, safe='')}/do/{waiting.command}")] if is_there else []
    return [(number, f"/desk/returns/{rma_id}/do/{waiting.command}") for rma_id, number in _returns(views, typed)]


def _returns(views: Reading, typed: str) -> list[tuple[UUID, str]]:
    try:
        return [(rma_id, str(rma_id)) for rma_id in known_among(views, [UUID(typed)])]
    except ValueError:
        return list(find_by_number(views, typed).items())


@router.post("/desk/placing")
async def put_aside(request: Request) -> Response:
    """Note that it is about nothing of ours, or about what is there already."""
    visit, person = await sent_by(request, "agent", "supervisor")
    waiting = await waiting_in(visit)
    if visit.form.get("step") != "aside" or not waiting.may_be_set_aside:
        raise NotFoundError("no such form")
    await set_aside(visit.door, waiting, person.person)
    return see_other(waiting.queue)
