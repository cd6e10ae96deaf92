"""What a message says: its kind, given all that its command did, and the parts that its template fills in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from domain.fact import Fact
from domain.order import Order
from domain.order.payout import Payout
from domain.rma import Rma
from domain.rma.parts import Deadline, LineDecision, PersonDecision
from domain.units import total
from domain.vocabularies import DeadlineKind, NoticeKind
from infra.sites import Site, lines_of
from workers.notices.case import Case

DECISIONS: Final = (Rma.Authorized, Rma.Denied, Rma.ReviewDecided, Rma.DecisionOverridden)
SCORES: Final = range(1, 6)
Parts = dict[str, Any]


def kind_of(case: Case, kind: NoticeKind) -> NoticeKind | None:
    """Return of which kind a message is; None: another event of the same command tells of it, or nobody cares any more.

    A request that was decided at once is told of with the decision; of several decisions, or sums, the first tells all.
    """
    fact = case.told.fact
    match fact:
        case Rma.Requested():
            return None if decisions(case) else "requested"
        case Rma.Authorized() | Rma.Denied() | Rma.ReviewDecided() | Rma.DecisionOverridden():
            if fact is not decisions(case)[0]:
                return None
            return "approved" if approved(case) else "denied"
        case Order.PayoutSettled() | Order.PayoutFailed():
            return kind if fact is payouts_heard(case, type(fact))[0] else None
        case Rma.ReplacementShipped() | Rma.Repaired() | Rma.SentBack():
            return kind if fact is case.facts(type(fact))[0] else None
    return kind


def is_past(case: Case, now: datetime) -> bool:
    """Tell whether a message is of no use any more: what it asks for was done, or the time for it is over."""
    match case.told.fact:
        case Rma.Reminded(deadline_id=deadline_id):
            deadline = case.now.deadlines[deadline_id]
            return not deadline.is_open or deadline.due_at <= now
        case Rma.FeedbackAsked(lapses_at=lapses_at):
            return case.now.score is not None or lapses_at <= now
    return False


def parts_of(case: Case, kind: NoticeKind, link: str, sites: Mapping[str, Site]) -> Parts:
    """Return what the template of a kind may say of a case; ``sites`` are the addresses that goods go to."""
    common = {
        "number": case.rma.rma_number,
        "order_id": case.rma.order_id,
        "link": link,
        "is_withdrawal": case.rma.withdrawal,
        "declared": _declared(case),
        "lines": [_line(case, number, line.asked.quantity) for number, line in case.rma.lines.items()],
    }
    return common | _own_parts(case, kind, link, sites)


def _declared(case: Case) -> Parts | None:
    """Return when a withdrawal was declared, and the id of its record, which can be proved; None: this is no receipt.

    The law has it acknowledged with what was declared and when, whatever was decided (2011/83 art. 11a).
    """
    request = case.declaration
    if request is None:
        return None
    return {"at": request.event.occurred_at, "record": str(request.event.event_id)}


def _own_parts(case: Case, kind: NoticeKind, link: str, sites: Mapping[str, Site]) -> Parts:
    fact = case.told.fact
    match kind:
        case "requested":
            return {"has_offer": bool(case.facts(Rma.RemedyOffered))}
        case "approved" | "denied":
            return _decided(case, sites)
        case "deadline_near":
            assert isinstance(fact, Rma.Reminded)  # noqa: S101 - chosen by it
            return {"deadline": _deadline(case, case.now.deadlines[fact.deadline_id])}
        case "refunded" | "refund_failed":
            heard = payouts_heard(case, type(fact))
            return {"payouts": [_payout(case, case.order.payouts[one.payout_id]) for one in heard]}
        case "evidence_asked":
            assert isinstance(fact, Rma.EvidenceRequested)  # noqa: S101 - chosen by it
            return {"note": fact.note, "title": None if fact.line is None else _title(case, fact.line)}
        case "exchange_shipped" | "sent_back":
            return {"tracking_number": getattr(fact, "tracking_number", None)}
        case "survey":
            assert isinstance(fact, Rma.FeedbackAsked)  # noqa: S101 - chosen by it
            return {"lapses_at": fact.lapses_at, "scores": [(score, f"{link}?score={score}") for score in SCORES]}
    return {}


def decisions(case: Case) -> list[Fact]:
    """Return the decisions on units that a command took, in their order."""
    return [fact for fact in case.beside if isinstance(fact, DECISIONS)]


def payouts_heard(case: Case, kind: type[Fact]) -> list[Any]:
    """Return the payouts of the return of which a command told the same."""
    return [
        fact
        for fact in case.beside
        if isinstance(fact, kind)
        and getattr(fact, "rma_id", None) == case.rma.rma_id
        and not getattr(fact, "superseded", False)
        and not getattr(fact, "gave_way", False)
    ]


def approved(case: Case) -> list[LineDecision | PersonDecision]:
    """Return the decisions on lines by which units may come back."""
    return [line for line, is_approved in _on_lines(decisions(case)) if is_approved]


def _on_lines(facts: Iterable[Fact]) -> Iterable[tuple[LineDecision | PersonDecision, bool]]:
    for fact in facts:
        if isinstance(fact, Rma.Authorized | Rma.Denied):
            yield from ((line, isinstance(fact, Rma.Authorized)) for line in fact.lines)
        elif isinstance(fact, Rma.ReviewDecided | Rma.DecisionOverridden):
            yield from ((line, line.approved) for line in fact.lines)


def _decided(case: Case, sites: Mapping[str, Site]) -> Parts:
    """Return both what may come back and what may not: one letter tells of both."""
    on_lines = list(_on_lines(decisions(case)))
    yes = [line for line, is_approved in on_lines if is_approved]
    no = [line for line, is_approved in on_lines if not is_approved]
    # after an appeal against an inspection the goods are here: nothing has to be sent
    back = [line for line in yes if not (isinstance(line, PersonDecision) and line.stage == "inspection")]
    terms = next((known.terms for one in back if (known := case.rma.lines[one.line]).terms), None)
    return {
        "approved": [_line(case, one.line, total(one.runs)) for one in yes],
        "denied": [{**_line(case, one.line, total(one.runs)), "code": _code(one)} for one in no],
        "method": terms and terms.method,
        "return_to": terms and ", ".join(lines_of(sites, terms.return_to)),
        "ship_back": _earliest(case, "ship_back", [one.line for one in back]),
        "appeal": _earliest(case, "appeal", [one.line for one in no]),
    }


def _code(decided: LineDecision | PersonDecision) -> str:
    code = decided.code if isinstance(decided, PersonDecision) else next(iter(decided.decision.codes), None)
    return code or ""


def _earliest(case: Case, kind: DeadlineKind, lines: Sequence[int]) -> Parts | None:
    """Return the earliest deadline of a kind that is open on any of these lines."""
    found = [one for one in case.rma.deadlines.values() if one.is_open and one.kind == kind and one.line in lines]
    return _deadline(case, min(found, key=lambda one: one.due_at)) if found else None


def _deadline(case: Case, deadline: Deadline) -> Parts:
    """Return a deadline with the zone in which its days are counted."""
    terms = case.rma.lines[deadline.line].terms if deadline.line is not None else None
    return {"kind": deadline.kind, "due_at": deadline.due_at, "zone": terms.zone if terms else "UTC"}


def _payout(case: Case, payout: Payout) -> Parts:
    return {"amount_minor": payout.amount_minor, "currency": case.order.currency, "tender_kind": payout.tender_kind}


def _line(case: Case, number: int, quantity: int) -> Parts:
    return {"title": _title(case, number), "quantity": quantity}


def _title(case: Case, number: int) -> str:
    asked = case.rma.lines[number].asked
    sold = case.order.lines.get(asked.line_id)
    return (sold.fact.title if sold else None) or asked.sku


def headers_of(kind: NoticeKind, link: str) -> Mapping[str, str]:
    """Return the headers of a kind of letter: one click in a mail program ends surveys (RFC 8058)."""
    if kind != "survey":
        return {}
    return {"List-Unsubscribe": f"<{link}/unsubscribe>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
