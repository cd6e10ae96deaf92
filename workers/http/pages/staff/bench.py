"""`/bench`: the number is scanned or typed, then goods are received, inspected, and told where to go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from projections.tracking.case_file import find_by_number
from workers.http.errors import EvidenceTypeError, NotFoundError
from workers.http.pages.naming import wish_name
from workers.http.pages.photos import keep_photos
from workers.http.pages.sending import Answer, send_as, was_accepted
from workers.http.pages.staff import naming
from workers.http.pages.staff.acting import OWN, Act, Rehearsed, answered, back, filling, rehearsed
from workers.http.pages.staff.cases import read_case, uuid_of
from workers.http.pages.staff.forms import BENCH, About, FormOf
from workers.http.pages.staff.subjects import Subject, subject_parcel, subject_return, units_of
from workers.http.pages.staff.visits import AT_BENCH, StaffRoute, seen_by, sent_by
from workers.http.pages.visits import Visit, see_other
from workers.http.reading import NAME_MAX, look
from workers.http.staff import Person, note_site

SOURCE: Final = "/doors/bench"
BASE: Final = "/bench/"
PARCELS: Final = "/bench/parcels"
UNKNOWN: Final = "RecordUnknownParcel"
READY: Final[Mapping[str, str]] = {
    "ReceiveGoods": "to_come",
    "RecordInspection": "to_inspect",
    "DecideDisposition": "inspected",
}
"""Which units a form is about, that is filled in with them."""

router = APIRouter(route_class=StaffRoute, include_in_schema=False)


@router.get("/bench")
async def scan(request: Request) -> Response:
    """Wait for a number; a scanner types it and presses Enter."""
    visit, _ = await seen_by(request, *AT_BENCH)
    typed = visit.query.get("q", "").strip().replace("\x00", "")[:NAME_MAX]
    found = await look(visit.door, None, lambda views: find_by_number(views, typed)) if typed else {}
    if len(found) == 1:
        return see_other(f"{BASE}{next(iter(found))}")
    done = BENCH.get(visit.query.get("done", ""))
    return visit.page("staff/bench.html", typed=typed, found=found, done=done, keep=f"{PARCELS}/do/{UNKNOWN}")


@router.get("/bench/{rma_id}")
async def one_return(request: Request, rma_id: str) -> Response:
    """Show a return as the bench needs it: what is expected, what is here, what is next."""
    visit, _ = await seen_by(request, *AT_BENCH)
    seen = await read_case(visit, uuid_of(rma_id))
    subject = await subject_return(visit, uuid_of(rma_id), base=BASE)
    done = BENCH.get(visit.query.get("done", ""))
    return visit.page(
        "staff/bench-return.html",
        summary=seen.summary,
        rows=seen.case.lines,
        claims={row["line"]: row for row in seen.case.claims},
        names=dict(subject.options["line"]),
        units=units_of(seen.case),
        forms={name: form for name, form in BENCH.items() if form.subject == "return"},
        done=done,
        naming=naming,
        wish_name=wish_name,
        base=f"{BASE}{rma_id}",
    )


@router.get("/bench/parcels/do/{command}")
async def open_on_parcel(request: Request, command: str) -> Response:
    """Show the form about a parcel that nobody can place, with the number that was scanned."""
    visit, person = await seen_by(request, *AT_BENCH)
    filled = {"site": person.site or "", "tracking_number": visit.query.get("q", "").strip()[:NAME_MAX]}
    return filling(_act(visit, person, _form(command, "parcel"), subject_parcel(visit), filled))


@router.post("/bench/parcels/do/{command}")
async def act_on_parcel(request: Request, command: str) -> Response:
    """Send what was filled in about a parcel."""
    visit, person = await sent_by(request, *AT_BENCH)
    return await _taken(visit, person, _form(command, "parcel"), subject_parcel(visit))


@router.get("/bench/{rma_id}/do/{command}")
async def open_form(request: Request, rma_id: str, command: str) -> Response:
    """Show a form, filled in with what is expected."""
    visit, person = await seen_by(request, *AT_BENCH)
    subject = await subject_return(visit, uuid_of(rma_id), base=BASE)
    form = _form(command, "return")
    return filling(_act(visit, person, form, subject, _expected(visit, person, form, subject)))


@router.post("/bench/{rma_id}/do/{command}")
async def act(request: Request, rma_id: str, command: str) -> Response:
    """Send what was filled in, at once: whoever stands at the bench has it in his hands."""
    visit, person = await sent_by(request, *AT_BENCH)
    subject = await subject_return(visit, uuid_of(rma_id), base=BASE)
    return await _taken(visit, person, _form(command, "return"), subject)


async def _taken(visit: Visit, person: Person, form: FormOf, subject: Subject) -> Response:
    texts = {name: text for name, text in visit.form.texts if name not in OWN}
    doing = _act(visit, person, form, subject, texts)
    if await run_in_threadpool(was_accepted, visit.door, SOURCE, str(doing.id)):
        return see_other(back(subject, form, 0))
    if visit.form.get("step") != "send":
        return filling(doing)
    try:
        doing = replace(doing, evidence=await keep_photos(visit, SOURCE, {}) if form.photos else ())
    except EvidenceTypeError as unreadable:
        return filling(doing, Rehearsed(refusal=Answer("refused", unreadable.code, 0, unreadable.message)), 415)
    seen = await run_in_threadpool(rehearsed, doing)
    if seen.refusal or seen.faults:
        return filling(doing, seen, 409 if seen.refusal else 422)
    if site := texts.get("site", "").strip():
        await run_in_threadpool(_remember, visit, site)
    return answered(doing, seen, await send_as(visit.door, doing.command()))


def _form(command: str, subject: About) -> FormOf:
    form = BENCH.get(command)
    if form is None or form.subject != subject:
        raise NotFoundError("no such form")
    return form


def _act(visit: Visit, person: Person, form: FormOf, subject: Subject, texts: Mapping[str, str]) -> Act:
    form_id = uuid4() if visit.method == "GET" else uuid_of(visit.form.get("id"))
    return Act(visit, person, form, subject, visit.path, form_id, texts, SOURCE, "warehouse")


def _expected(visit: Visit, person: Person, form: FormOf, subject: Subject) -> dict[str, str]:
    """Return what a form is filled in with: the line that was chosen, the units that wait, the site."""
    ready = subject.units.get(READY.get(form.command, "all"), {})
    filled = {"site": person.site or "", "complete": "yes"}
    for number, (line, _) in enumerate(subject.options["line"]):
        filled[f"items.{number}.quantity"] = str(ready.get(int(line), 0) or "")
    chosen = visit.query.get("line", "")
    if chosen.isascii() and chosen.isdecimal() and len(chosen) < 6:
        filled |= {"line": str(int(chosen)), "quantity": str(ready.get(int(chosen), 1))}
    return filled


def _remember(visit: Visit, site: str) -> None:
    with visit.door.views.connection() as connection:
        note_site(connection, visit.token, site[:64])
