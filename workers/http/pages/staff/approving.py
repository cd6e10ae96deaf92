"""`/desk/approvals`: a command that waits for another person, who sees what would come of it and sends it, or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from domain.errors import RuleViolationError
from infra.kafka.command_client import OutgoingCommand
from workers.desk.rehearsing import Intended, rehearse
from workers.http.approvals import Pending, drop_pending, find_pending
from workers.http.errors import NotFoundError
from workers.http.pages.sending import Answer, send_as, was_accepted
from workers.http.pages.staff import naming
from workers.http.pages.staff.acting import SOURCE, Rehearsed, in_sentences
from workers.http.pages.staff.cases import uuid_of
from workers.http.pages.staff.forms import APPROVER, DESK, FormOf
from workers.http.pages.staff.labels import label
from workers.http.pages.staff.visits import AT_DESK, RoleMissingError, StaffRoute, seen_by, sent_by
from workers.http.pages.visits import Visit, see_other
from workers.http.staff import Person

UNSHOWN: Final = frozenset({"rma_id", "order_id"})

router = APIRouter(route_class=StaffRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that waits: which form it came from, and whether the one who looks may send it."""

    pending: Pending
    form: FormOf
    person: Person

    @property
    def may_approve(self) -> bool:
        """Whether the one who looks is another person, with the role for it."""
        return self.person.has("supervisor") and self.person.person != self.pending.person

    @property
    def is_own(self) -> bool:
        return self.person.person == self.pending.person

    def body(self) -> dict[str, Any]:
        return self.pending.body | {APPROVER: self.person.person}

    @property
    def actor(self) -> str:
        return f"agent:{self.pending.person}"


@router.get("/desk/approvals/{command_id}")
async def look_at(request: Request, command_id: str) -> Response:
    """Show what somebody means to send."""
    visit, person = await seen_by(request, *AT_DESK)
    return await _page(visit, await _asked(visit, person, uuid_of(command_id)))


async def _asked(visit: Visit, person: Person, command_id: UUID) -> Asked:
    def read() -> Pending | None:
        with visit.door.views.connection() as connection:
            return find_pending(connection, command_id)

    pending = await run_in_threadpool(read)
    if pending is None:
        raise NotFoundError("nothing waits under this name")
    return Asked(pending, DESK[pending.name], person)


async def _page(visit: Visit, asked: Asked, *, status: int = 200, refusal: Answer | None = None) -> Response:
    seen = Rehearsed(refusal=refusal) if refusal else await run_in_threadpool(_rehearsed, visit, asked)
    shown = [(label(name, visit.words), value) for name, value in asked.pending.body.items() if name not in UNSHOWN]
    plain = [(name, naming.value_name(str(value), visit.words)) for name, value in shown if not _is_whole(value)]
    return visit.page("staff/approval.html", status, asked=asked, seen=seen, plain=plain)


def _is_whole(value: Any) -> bool:
    return isinstance(value, list | dict)


def _rehearsed(visit: Visit, asked: Asked) -> Rehearsed:
    approver = asked.person.person if asked.may_approve else "a-supervisor"
    body = orjson.dumps(asked.pending.body | {APPROVER: approver})
    intended = Intended(asked.form.type, body, SOURCE, asked.actor, visit.door.clock())
    try:
        with visit.door.logs.streams() as streams:
            facts = rehearse(intended, streams)
    except RuleViolationError as refused:
        return Rehearsed(refusal=Answer("refused", refused.code, 0, refused.message, refused.details))
    return Rehearsed(in_sentences(facts, asked.pending.currency, visit.words))


@router.post("/desk/approvals/{command_id}")
async def answer(request: Request, command_id: str) -> Response:
    """Send it under the name of whoever asked, approved by whoever is signed in; or forget it."""
    visit, person = await sent_by(request, "agent", "supervisor")
    asked = await _asked(visit, person, uuid_of(command_id))
    match visit.form.get("step"):
        case "approve" if asked.may_approve:
            return await _approved(visit, asked)
        case "drop" if asked.may_approve or asked.is_own:
            await run_in_threadpool(_drop, visit, asked)
            return see_other("/desk?queue=approvals")
        case _:
            raise RoleMissingError("another person has to do this")


async def _approved(visit: Visit, asked: Asked) -> Response:
    pending = asked.pending
    if not await run_in_threadpool(was_accepted, visit.door, SOURCE, str(pending.command_id)):
        command = OutgoingCommand(
            pending.name, str(pending.command_id), SOURCE, None, visit.door.clock(), asked.actor, asked.body()
        )
        sent = await send_as(visit.door, command)
        if sent.status == "pending":
            return await _page(visit, asked, status=202)
        if sent.status != "accepted":
            return await _page(visit, asked, status=409, refusal=sent)
        position = f"&after={sent.position}" if sent.position else ""
    else:
        position = ""
    await run_in_threadpool(_drop, visit, asked)
    mark = "&" if "?" in pending.back else "?"
    return see_other(f"{pending.back}{mark}done={pending.name}{position}")


def _drop(visit: Visit, asked: Asked) -> None:
    with visit.door.views.connection() as connection:
        drop_pending(connection, asked.pending.command_id)
