"""Forms of the desk: filled in, shown with what would come of it, then sent; or laid before a supervisor."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from commands.faults import MalformedError
from domain.errors import RuleViolationError
from domain.settlement.approval import ApprovalNeededError
from infra.kafka.command_client import OutgoingCommand
from workers.desk.rehearsing import Intended, Played, rehearse
from workers.http.approvals import Pending, keep_pending
from workers.http.errors import EvidenceTypeError, NotFoundError
from workers.http.pages.photos import keep_photos, photo_fields
from workers.http.pages.questions import Question, answers_to
from workers.http.pages.sending import Answer, send_as, was_accepted
from workers.http.pages.staff import naming
from workers.http.pages.staff.cases import uuid_of
from workers.http.pages.staff.facts import Told, told
from workers.http.pages.staff.fields import Asking, Field, Filled, fields_of
from workers.http.pages.staff.forms import APPROVER, DESK, FormOf
from workers.http.pages.staff.labels import label
from workers.http.pages.staff.questioning import answer_field, answers_in, names_of, questions_about
from workers.http.pages.staff.subjects import Subject, subject_difference, subject_order, subject_return
from workers.http.pages.staff.visits import RoleMissingError, StaffRoute, seen_by, sent_by
from workers.http.pages.staff.waiting import Waiting, settle, waiting_in
from workers.http.pages.visits import CSRF, LANGUAGE, Visit, see_other
from workers.http.pages.words import Words
from workers.http.reading import decoded
from workers.http.staff import Person

SOURCE: Final = "/doors/desk"
READY: Final = {"DecideRequest": "to_decide", "OverrideDecision": "all", "DecideResolution": "inspected"}
"""Which units a form is about, that is filled in with them; a line counts once something is decided on it."""
ASKS: Final = "RequestReturn"
"""The command before which policy may have questions."""
SOMEBODY: Final = "a-supervisor"
"""Who will approve, for as long as nobody has."""
OWN: Final = frozenset({CSRF, LANGUAGE, "id", "step", "digest", "asked"})
"""Fields that a form has beside those of its command."""

router = APIRouter(route_class=StaffRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Act:
    """One form at work: who fills it in, about what, under which id, and what was typed.

    ``evidence`` are files that came along, as the command names them; ``waiting`` is what the form gives its place;
    ``questions`` are what policy asks of lines, by their ids.
    """

    visit: Visit
    person: Person
    form: FormOf
    subject: Subject
    path: str
    id: UUID
    texts: Mapping[str, str]
    source: str = SOURCE
    actor_kind: str = "agent"
    evidence: Sequence[Mapping[str, Any]] = ()
    waiting: Waiting | None = None
    questions: Mapping[str, list[Question]] = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        """When the command takes effect: now, or when that happened which is given its place."""
        return (self.waiting and self.waiting.at) or self.visit.door.clock()

    @property
    def actor(self) -> str:
        return f"{self.actor_kind}:{self.person.person}"

    @property
    def fields(self) -> tuple[Field, ...]:
        offered = {name: self.subject.options.get(said, ()) for name, said in self.form.offered.items()}
        return fields_of(self.form.model, Asking({**self.subject.options, **offered}, self.texts, self.form.unasked))

    def body(self) -> dict[str, Any]:
        """Return the command's body, as it was typed."""
        known = set(self.form.model.model_fields)
        named = {self.form.named: str(self.id)} if self.form.named else {}
        ids = {name: text for name, text in self.subject.ids.items() if name in known}
        typed = Filled(self.texts, self.subject.currency, self.subject.zone).body(self.fields)
        for line in typed["lines"] if self.questions else ():
            if answers := answers_to(self.questions.get(line["line_id"], []), answers_in(self.texts, line["line_id"])):
                line["answers"] = answers
        photos = {"evidence": list(self.evidence)} if self.evidence else {}
        given = self.waiting.given if self.waiting else {}
        return {**ids, **named, **typed, **photos, **given}

    def command(self) -> OutgoingCommand:
        """Return the command as it is sent."""
        return OutgoingCommand(self.form.command, str(self.id), self.source, None, self.at, self.actor, self.body())


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would come of a command, or why it would be refused; ``approval`` says that somebody has to approve."""

    facts: tuple[Told, ...] = ()
    approval: bool = False
    refusal: Answer | None = None
    faults: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        said = [[one.title, *one.details] for one in self.facts]
        return hashlib.sha256(orjson.dumps([said, self.approval])).hexdigest()[:32]


ABOUT: Final[Mapping[str, tuple[str, Callable[[Visit, str], Awaitable[Subject]]]]] = {
    "returns": ("return", lambda visit, name: subject_return(visit, uuid_of(name))),
    "orders": ("order", lambda visit, name: subject_order(visit, decoded(name))),
    "differences": ("difference", lambda visit, name: subject_difference(visit, uuid_of(name))),
}
"""What forms are about, by the part of the path that says so: as ``FormOf.subject`` calls it, and how it is found."""


@router.get("/desk/{about}/{name}/do/{command}")
async def show(request: Request, about: str, name: str, command: str) -> Response:
    """Show a form."""
    visit, person = await seen_by(request, "agent", "supervisor")
    form, subject = await _wanted(visit, about, name, command)
    return filling(await _act(visit, person, form, subject))


@router.post("/desk/{about}/{name}/do/{command}")
async def take(request: Request, about: str, name: str, command: str) -> Response:
    """Take a form: to look at it, to show what would come of it, to send it."""
    visit, person = await sent_by(request, "agent", "supervisor")
    form, subject = await _wanted(visit, about, name, command)
    return await _taken(visit, person, form, subject)


async def _wanted(visit: Visit, about: str, name: str, command: str) -> tuple[FormOf, Subject]:
    """Return a form and what it is about; raises ``NotFoundError`` where there is none such."""
    if about not in ABOUT:
        raise NotFoundError("no such form")
    kind, find = ABOUT[about]
    return _form(command, kind), await find(visit, name)


def _form(command: str, subject: str) -> FormOf:
    form = DESK.get(command)
    if form is None or form.subject != subject:
        raise NotFoundError("no such form")
    return form


async def _act(visit: Visit, person: Person, form: FormOf, subject: Subject) -> Act:
    waiting = await waiting_in(visit) if "kind" in visit.query else None
    if waiting and waiting.command != form.command:
        raise NotFoundError("it becomes something else")
    path = f"{visit.path}?{waiting.query}" if waiting else visit.path
    if visit.method == "GET":
        expected = _expected(form, subject, waiting)
        return Act(visit, person, form, subject, path, uuid4(), expected, waiting=waiting)
    texts = {name: text for name, text in visit.form.texts if name not in OWN}
    return Act(visit, person, form, subject, path, uuid_of(visit.form.get("id")), texts, waiting=waiting)


def _expected(form: FormOf, subject: Subject, waiting: Waiting | None) -> dict[str, str]:
    """Return what a form is filled in with: the units of each line that it is about, where that is known."""
    ready = subject.units.get(READY.get(form.command, ""), {})
    lines = [int(line) for line, _ in subject.options.get("line", ())]
    filled = {f"lines.{number}.quantity": str(ready[line]) for number, line in enumerate(lines) if line in ready}
    only = [line for line in lines if line in ready]
    if len(only) == 1:
        filled |= {"line": str(only[0]), "quantity": str(ready[only[0]])}
    return {
        **filled,
        **(_all_free(subject) if waiting and waiting.is_on_order else {}),
        **(waiting.fills if waiting else {}),
    }


def _all_free(subject: Subject) -> dict[str, str]:
    """Return every unit of an order that can still come back, for money."""
    filled: dict[str, str] = {}
    for number, (line_id, _) in enumerate(subject.options["lines.line_id"]):
        if free := subject.free.get(line_id):
            filled |= {f"lines.{number}.quantity": str(free), f"lines.{number}.wish": "refund"}
    return filled


async def _taken(visit: Visit, person: Person, form: FormOf, subject: Subject) -> Response:
    form_id = uuid_of(visit.form.get("id"))
    if await run_in_threadpool(was_accepted, visit.door, SOURCE, str(form_id)):
        return see_other(back(subject, form, 0))
    act = await _act(visit, person, form, subject)
    if form.command == ASKS:
        about = subject.ids["order_id"], act.body().get("lines", []), act.texts
        act = replace(act, questions=await run_in_threadpool(questions_about, visit.door, *about))
    if form.photos:
        try:
            act = await _with_photos(act)
        except EvidenceTypeError as unreadable:
            return filling(act, Rehearsed(refusal=Answer("refused", unreadable.code, 0, unreadable.message)), 415)
    match visit.form.get("step"):
        case "check" if names_of(act.questions) != visit.form.get("asked"):
            return filling(act)
        case "check":
            return await _checking(act)
        case "send":
            return await _sent(act)
        case "ask":
            return await _asked(act)
        case _:
            return filling(act)


async def _with_photos(act: Act) -> Act:
    """Return a form with the files that came with it, or with an earlier page of it; raises ``EvidenceTypeError``."""
    evidence = await keep_photos(act.visit, act.source, act.texts)
    return replace(act, evidence=evidence, texts={**act.texts, **photo_fields(evidence)})


def filling(act: Act, seen: Rehearsed | None = None, status: int = 200) -> Response:
    return act.visit.page(
        "staff/bench-form.html" if act.actor_kind == "warehouse" else "staff/form.html",
        status,
        act=act,
        fields=act.fields,
        seen=seen,
        label=label,
        naming=naming,
        kept=list(act.texts.items()),
        asked=names_of(act.questions),
        answer_field=answer_field,
        photo_fields=photo_fields(act.evidence),
    )


async def _checking(act: Act, *, changed: bool = False) -> Response:
    seen = await run_in_threadpool(rehearsed, act)
    if seen.refusal or seen.faults:
        return filling(act, seen, 409 if seen.refusal else 422)
    return act.visit.page(
        "staff/check.html", act=act, seen=seen, changed=changed, kept=list(act.texts.items()), typed=typed_in(act)
    )


def rehearsed(act: Act) -> Rehearsed:
    """Play the command; where it needs somebody's approval, play on as if somebody gave it."""
    body, said = act.body(), act.visit.words
    approval = act.form.may_need_approval and act.form.model.model_fields[APPROVER].is_required()
    try:
        try:
            facts = _play(act, body | ({APPROVER: SOMEBODY} if approval else {}))
        except ApprovalNeededError:
            approval = True
            facts = _play(act, body | {APPROVER: SOMEBODY})
    except RuleViolationError as refused:
        return Rehearsed(refusal=Answer("refused", refused.code, 0, refused.message, refused.details))
    except MalformedError as malformed:
        return Rehearsed(faults=tuple((in_words(fault.path, said), fault.message) for fault in malformed.faults))
    unseen = (Told(said.gettext(act.form.unseen), (), ()),) if act.form.unseen else ()
    return Rehearsed(in_sentences(facts, act.subject.currency, said) + unseen, approval)


def _play(act: Act, body: dict[str, Any]) -> list[Played]:
    door = act.visit.door
    intended = Intended(act.form.type, orjson.dumps(body), act.source, act.actor, act.at)
    with door.logs.streams() as streams:
        return rehearse(intended, streams)


def in_sentences(facts: list[Played], currency: str, said: Words) -> tuple[Told, ...]:
    """Return what would happen in words, without what only follows from it."""
    sentences = [told(fact.type, fact.data, currency, said) for fact in facts]
    return tuple(one for one in sentences if not one.is_still)


def in_words(path: str, said: Words) -> str:
    """Return which field a fault is about, as the form calls it."""
    names = [part for part in path.removeprefix("$").replace("[", ".").replace("]", "").split(".") if part]
    named = [name for name in names if not name.isdecimal()]
    return label(named[-1], said) if named else path


async def _sent(act: Act) -> Response:
    """Send the command; where what was shown is no longer so, show that first."""
    seen = await run_in_threadpool(rehearsed, act)
    if seen.refusal or seen.faults:
        return filling(act, seen, 409 if seen.refusal else 422)
    if seen.approval or seen.digest != act.visit.form.get("digest"):
        return await _checking(act, changed=True)
    answer = await send_as(act.visit.door, act.command())
    if act.waiting and answer.status == "accepted":
        await settle(act.visit.door, act.waiting, UUID(answer.command_id))
    return answered(act, seen, answer)


def answered(act: Act, seen: Rehearsed, answer: Answer) -> Response:
    """Return what is shown once a command was sent: its page again, or why it was refused."""
    if answer.status == "accepted":
        return see_other(back(act.subject, act.form, answer.position))
    if answer.status == "pending":
        return act.visit.page("staff/pending.html", 202, act=act, seen=seen, kept=list(act.texts.items()))
    return filling(act, Rehearsed(refusal=answer), 409)


async def _asked(act: Act) -> Response:
    """Keep the command for a supervisor, once it could be sent but for him."""
    seen = await run_in_threadpool(rehearsed, act)
    if seen.refusal or seen.faults:
        return filling(act, seen, 409 if seen.refusal else 422)
    if not act.form.may_need_approval:
        raise RoleMissingError("nobody approves of this")
    pending = Pending(
        act.id, act.form.command, act.body(), act.person.person, act.person.name, act.subject.name, act.subject.back,
        act.subject.currency, act.visit.door.clock(),
    )  # fmt: skip

    def keep() -> None:
        with act.visit.door.views.connection() as connection:
            keep_pending(connection, pending)

    await run_in_threadpool(keep)
    return see_other(f"/desk/approvals/{act.id}")


def typed_in(act: Act) -> list[tuple[str, str]]:
    """Return what was typed, each with what its field is called, for a page that shows it once more."""
    found = []
    for one in act.fields:
        if one.kind not in {"rows", "group"} and (text := act.texts.get(one.path, "").strip()):
            names = dict(one.options)
            is_code = one.kind in {"choice", "truth"}
            shown = names.get(text) or (naming.value_name(text, act.visit.words, one.name) if is_code else text)
            found.append((label(one.name, act.visit.words), shown))
    return found


def back(subject: Subject, form: FormOf, position: int) -> str:
    query = {"done": form.command} | ({"after": str(position)} if position else {})
    return subject.back + ("&" if "?" in subject.back else "?") + urlencode(query)
