"""A return on one page, as those who work on it need it; and an order with its returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from domain.errors import RuleViolationError
from domain.identity import order_stream, rma_stream
from infra.sealing.openings import Looking
from projections.refund_ledger.credit_notes import find_credit_note
from projections.tracking.case_file import CaseFile, read_allocation, read_case_file, read_returns_of_order
from projections.tracking.decisions import read_decisions
from projections.tracking.notices import read_notices
from projections.tracking.progress import read_progress
from workers.desk.quoting import quote_return
from workers.desk.returnable import sold_lines
from workers.http.door import Door, Reading
from workers.http.errors import NotFoundError
from workers.http.evidence_store import URI, find
from workers.http.opening import texts_seen_by
from workers.http.pages import naming as customers_naming
from workers.http.pages.labels import label_of
from workers.http.pages.notes import note_of
from workers.http.pages.staff import naming
from workers.http.pages.staff.facts import told
from workers.http.pages.staff.forms import DESK, GROUPS, About, FormOf
from workers.http.pages.staff.visits import AT_DESK, StaffRoute, seen_by
from workers.http.pages.visits import Visit
from workers.http.pages.words import Words
from workers.http.reading import NAME_MAX, POSITION_MAX, decoded, look
from workers.http.staff import ROLES
from workers.operating.shown_texts import with_texts
from workers.pictures.catalogues import catalogue
from workers.pictures.explaining import Explanation, explain, explain_refund

WHY: Final = "the desk's page of a return"
OVER: Final = frozenset({"closed", "denied", "expired", "withdrawn"})

router = APIRouter(route_class=StaffRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class CaseSeen:
    """What a page about a return is drawn from."""

    case: CaseFile
    progress: dict[str, Any]
    notices: list[dict[str, Any]]
    decided: list[dict[str, Any]]
    returns: list[dict[str, Any]]

    @property
    def summary(self) -> dict[str, Any]:
        return self.case.summary


@router.get("/desk/returns/{rma_id}")
async def one_return(request: Request, rma_id: str) -> Response:
    """Show everything that is known about a return."""
    visit, _ = await seen_by(request, *AT_DESK)
    return await case_page(visit, uuid_of(rma_id))


async def case_page(visit: Visit, rma_id: UUID) -> Response:
    """Return the page of a return; raises ``NotFoundError`` where there is none."""
    seen = await _opened(visit, await read_case(visit, rma_id))
    titles, rest = await run_in_threadpool(_from_log, visit.door, seen)
    said, summary = visit.words, seen.summary
    timeline = [
        {**event, "told": told(event["type"], event["data"], summary["currency"], said)} for event in seen.case.timeline
    ]
    return visit.page(
        "staff/case.html",
        seen=seen,
        case=seen.case,
        summary=summary,
        titles=titles,
        rest=rest,
        timeline=timeline,
        explained=_explained(seen, said),
        customers=customers_naming,
        naming=naming,
        files={row["evidence_id"]: file_path(row["uri"]) for row in seen.case.evidence},
        done=done_in(visit),
        base=f"/desk/returns/{rma_id}",
        suggested=_suggested(visit, seen),
        doable=doable(visit, "return"),
    )


async def read_case(visit: Visit, rma_id: UUID) -> CaseSeen:
    """Return what is known of a return, once the views have come as far as the address says (``?after=``)."""

    def read(views: Reading) -> CaseSeen | None:
        case = read_case_file(views, rma_id)
        if case is None:
            return None
        return CaseSeen(
            case,
            read_progress(views, rma_id),
            read_notices(views, rma_id),
            read_decisions(views, rma_id),
            read_returns_of_order(views, case.summary["order_id"]),
        )

    seen = await look(visit.door, after_in(visit), read)
    if seen is None:
        raise NotFoundError("no such return")
    return seen


async def _opened(visit: Visit, seen: CaseSeen) -> CaseSeen:
    """Return a return with what people wrote, where who looks may see it: he is put on record with it."""
    if visit.person is None or not visit.person.acts:
        return seen
    rma_id, order_id = seen.summary["rma_id"], seen.summary["order_id"]
    looking = Looking(f"agent:{visit.person.person}", WHY)
    content = [seen.case.as_dict(), seen.notices, seen.decided]
    texts = await texts_seen_by(visit.door, looking, (rma_stream(rma_id), order_stream(order_id)), content)
    case = {part.name: with_texts(getattr(seen.case, part.name), texts) for part in fields(seen.case)}
    return replace(
        seen,
        case=replace(seen.case, **case),
        notices=with_texts(seen.notices, texts),
        decided=with_texts(seen.decided, texts),
    )


def after_in(visit: Visit) -> int | None:
    """Return how far the views have to be, as an address of ours says it."""
    given = visit.query.get("after", "")
    if not (given.isascii() and given.isdecimal() and len(given) < 20):
        return None
    return int(given) if 0 < int(given) <= POSITION_MAX else None


def uuid_of(text: str) -> UUID:
    """Return an id of a path; raises ``NotFoundError`` where it is none."""
    try:
        return UUID(text)
    except ValueError as bad:
        raise NotFoundError("no id of ours") from bad


def done_in(visit: Visit) -> str | None:
    """Return what was just done, as an address of ours says it after a form."""
    form = DESK.get(visit.query.get("done", ""))
    return visit.words.gettext("Done: %(what)s") % {"what": visit.words.gettext(form.title)} if form else None


def doable(visit: Visit, about: About) -> list[tuple[str, list[FormOf]]]:
    """Return the forms that somebody may fill in, by group; none for who only looks."""
    if visit.person is None or not visit.person.acts:
        return []
    forms = [form for form in DESK.values() if form.subject == about]
    grouped = [(title, [form for form in forms if form.group == group]) for group, title in GROUPS.items()]
    return [(title, some) for title, some in grouped if some]


def _suggested(visit: Visit, seen: CaseSeen) -> list[FormOf]:
    """Return the forms that a person most likely looks for; which of them are taken is the rules' to say."""
    if visit.person is None or not visit.person.acts:
        return []
    waits = any(row["authorization_state"] == "needs_review" for row in seen.case.lines)
    undecided = any(
        row["inspection_state"] == "inspected" and row["resolution"] == "undecided" for row in seen.case.lines
    )
    failed = any(row["status"] == "failed" and not row["retried"] for row in seen.case.payouts)
    likely = {
        "DecideRequest": waits,
        "RequestEvidence": waits,
        "DecideResolution": undecided,
        "RetryPayout": failed,
        "CloseReturn": seen.summary["next_step"] == "close",
        "ReopenReturn": seen.summary["status"] == "closed",
    }
    return [DESK[name] for name, is_likely in likely.items() if is_likely]


def _from_log(door: Door, seen: CaseSeen) -> tuple[dict[str, str], dict[str, Any] | None]:
    """Return what articles are called, and what the return would still pay, if that can be told now."""
    with door.logs.streams() as streams:
        titles = titles_of(sold_lines(seen.summary["order_id"], streams))
        if seen.summary["status"] in OVER:
            return titles, None
        try:
            rest = quote_return(seen.summary["rma_id"], streams, door.clock())
        except RuleViolationError:
            rest = None
        return titles, rest


def titles_of(order: Mapping[str, Any] | None) -> dict[str, str]:
    """Return what the lines of an order are called."""
    return {line_id: line["title"] or line["sku"] for line_id, line in order["lines"].items()} if order else {}


def _explained(seen: CaseSeen, said: Words) -> list[Explanation]:
    texts = catalogue(said.language)
    told_of = [_without_sealed(row, said) for row in seen.decided]
    refunds = [explain_refund(row, texts) for row in seen.case.refunds if row["promotions"]]
    return [explain(row, texts, claims=True) for row in told_of] + refunds


def _without_sealed(value: Any, said: Words) -> Any:
    if isinstance(value, str):
        return naming.shown(value, said)
    if isinstance(value, dict):
        return {name: _without_sealed(inner, said) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_sealed(inner, said) for inner in value]
    return value


def file_path(uri: str) -> str | None:
    """Return where a file of ours is looked at; None for another's, which is a text and never fetched."""
    prefix = URI.format("")
    name = uri.removeprefix(prefix)
    try:
        return f"/desk/files/{UUID(name)}" if uri.startswith(prefix) else None
    except ValueError:
        return None


@router.get("/desk/files/{evidence_id}")
async def file(request: Request, evidence_id: str) -> Response:
    """Get a file that somebody put forward, to be kept: never shown as a page of this door."""
    visit, _ = await seen_by(request, *ROLES)
    name = uuid_of(evidence_id)
    stored = await look(visit.door, None, lambda views: find(views, name))
    path = visit.door.evidence.path_of(name)
    if stored is None or not path.is_file():
        raise NotFoundError("no such file")
    headers = {"Content-Security-Policy": "sandbox; default-src 'none'"}
    return FileResponse(path, 200, headers, stored.media_type, filename=stored.file_name)


@router.get("/desk/returns/{rma_id}/label.pdf")
async def label(request: Request, rma_id: str) -> Response:
    """Get a label of a return as its customer gets it, on A4."""
    visit, _ = await seen_by(request, *AT_DESK)
    wanted = visit.query.get("label_id", "")[:NAME_MAX].replace("\x00", "") or None
    return await label_of(visit.door, uuid_of(rma_id), wanted, size="a4", language=visit.language)


@router.get("/desk/credit-notes")
async def credit_note(request: Request) -> Response:
    """Get a credit note as PDF."""
    visit, _ = await seen_by(request, *AT_DESK)
    number = visit.query.get("number", "")[:NAME_MAX].replace("\x00", "")
    note = await look(visit.door, None, lambda views: find_credit_note(views, number))
    if note is None:
        raise NotFoundError("no such note")
    return await note_of(visit.door, note, visit.language)


@router.get("/desk/orders/{order_id}")
async def one_order(request: Request, order_id: str) -> Response:
    """Show an order: where its units and cents are, and its returns."""
    visit, _ = await seen_by(request, *AT_DESK)
    name = decoded(order_id)
    units, returns = await look(
        visit.door, after_in(visit), lambda views: (read_allocation(views, name), read_returns_of_order(views, name))
    )
    order = await run_in_threadpool(_sold, visit.door, name)
    if order is None:
        raise NotFoundError("no such order")
    return visit.page(
        "staff/order.html",
        order=order,
        titles=titles_of(order),
        units=units,
        returns=returns,
        naming=naming,
        done=done_in(visit),
        base=order_path(name),
        suggested=(),
        doable=doable(visit, "order"),
    )


def order_path(order_id: str) -> str:
    """Return the address of an order's page."""
    return f"/desk/orders/{quote(order_id, safe='')}"


def _sold(door: Door, order_id: str) -> dict[str, Any] | None:
    with door.logs.streams() as streams:
        return sold_lines(order_id, streams)
