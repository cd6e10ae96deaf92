"""What a draft policy would have changed on one return: outcomes, terms, and what goes back, line by line.

What goes back is taken as at the request: the cents of the units, less the fees of the terms by the reason claimed,
as if the bench found nothing; return shipping once a return. A line that waits for a person counts nothing. What is
lost of promotions is not taken off: it hangs on what else comes back, so that only the terms say whether it would be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from domain.case.line_facts import PolicyInForce
from domain.money import basis_points_minor, run_minor
from domain.policy.document import PolicyDocument, content_hash
from domain.policy.evaluate import Gist, gist_of
from domain.policy.facts import Facts
from domain.policy.return_policy import PolicyVersion
from domain.policy.rules import compiled
from domain.policy.statutes import law_for
from domain.vocabularies import PAID_OUT, SET_OFF
from infra.calendars import holidays_of
from infra.records import rfc3339
from workers.policies.history import DecidedLine, DecidedReturn, DecisionEvent, StoredDecision

EVER: Final = datetime.min.replace(tzinfo=UTC)

SEEN: Final = 7
"""The first so many terms are what the customer meets; the others count by the money that they leave."""


class Terms(NamedTuple):
    """What a decision comes to for the customer."""

    outcome: str
    codes: tuple[str, ...]
    method: str
    refund_due: str
    remedy: str
    grade_share_bps: str
    """The grades that are worth a share, each with it."""
    promotions: str
    restocking_bps: int
    return_shipping_minor: int
    is_waived: bool
    on_exchange: bool
    refunds_outward_shipping: bool
    statutes: tuple[str, ...]


class Worth(NamedTuple):
    """What the units of a line are worth: goods and tax, and their share of outward shipping (minor units)."""

    wish: str
    paid_minor: int
    shipping_minor: int


class ChangedLine(NamedTuple):
    """One line that the draft would have decided otherwise; the columns of the report, in order."""

    rma_id: str
    rma_number: str
    line: int
    order_id: str
    customer_id: str
    sku: str | None
    category: str | None
    reason: str | None
    wish: str | None
    quantity: int | None
    currency: str
    requested_at: str
    policy_id: str
    policy_version: int
    outcome_before: str
    outcome_after: str
    codes_before: str
    codes_after: str
    decided_by_before: str
    decided_by_after: str
    method_before: str
    method_after: str
    refund_due_before: str
    refund_due_after: str
    remedy_before: str
    remedy_after: str
    grade_share_bps_before: str
    grade_share_bps_after: str
    promotions_before: str
    promotions_after: str
    back_before_minor: int
    back_after_minor: int
    difference_minor: int
    statutes_after: str


class Compared(NamedTuple):
    """One line before and after."""

    event: DecisionEvent
    decided: DecidedLine
    facts: Facts
    before: Terms
    after: Terms
    decided_by_after: str
    back_before_minor: int
    back_after_minor: int
    unanswered: tuple[str, ...]
    """The questions that the draft requires of the line, and that the request did not answer so that it would do."""

    @property
    def is_changed(self) -> bool:
        """Tell whether the customer would have met anything else, whichever right it rests on."""
        same_terms = self.before[:SEEN] == self.after[:SEEN]
        return not same_terms or self.back_before_minor != self.back_after_minor


class Draft:
    """A draft document, ready to decide on stored facts."""

    def __init__(self, document: PolicyDocument) -> None:
        self._document = document
        self._questions = compiled(document).questions
        self._has_calendars = bool(document.calendars())
        version = PolicyVersion("draft", 0, content_hash(document), EVER, document)
        self._in_force = PolicyInForce(version, holidays_of)

    def facts_for(self, facts: Facts) -> Facts:
        """Return stored facts with the holidays of the draft's own calendars."""
        if not self._has_calendars:
            return facts
        between = (facts.ordered_at, facts.requested_at)
        holidays = self._in_force.holidays_between(*between)
        return facts.model_copy(
            update={"holidays": holidays, "rule_holidays": self._in_force.rule_holidays_between(*between)}
        )

    def decide(self, facts: Facts, edition: int) -> Gist:
        """Return what the draft comes to for a line under an edition of the statutes."""
        return gist_of(self._document, law_for(facts.country or "", facts.ordered_at, edition), facts)

    def unanswered(self, facts: Facts) -> tuple[str, ...]:
        """Return the questions for whose answers a request with these facts would be refused."""
        return tuple(
            asked.question.name for asked in self._questions if asked.is_missed(facts) or asked.is_mistaken(facts)
        )


def compare(one: DecidedReturn, draft: Draft) -> list[Compared]:
    """Return each line of a return as the standing decision left it, and as the draft would have."""
    asked = {line["line"]: line for line in one.asked["lines"]}
    standing = list(one.last_decisions().values())
    facts = [draft.facts_for(line.decision.facts) for _, line in standing]
    before = [_terms_stored(line.decision) for _, line in standing]
    editions = [line.decision.edition for _, line in standing]
    gists = [draft.decide(known, edition) for known, edition in zip(facts, editions, strict=True)]
    after = [_terms_drafted(gist, known) for gist, known in zip(gists, facts, strict=True)]
    worth = [_worth(asked[line.line], line) for _, line in standing]
    backs = list(zip(given_back(before, worth), given_back(after, worth), strict=True))
    return [
        Compared(
            event,
            line,
            facts[index],
            before[index],
            after[index],
            gists[index].ruling.decided_by,
            *backs[index],
            draft.unanswered(facts[index]),
        )
        for index, (event, line) in enumerate(standing)
    ]


def _terms_stored(decision: StoredDecision) -> Terms:
    fees = decision.fees
    return Terms(
        decision.outcome,
        decision.codes,
        decision.method,
        decision.refund_due,
        decision.remedy.kind if decision.remedy else "",
        _shares(decision.grade_share_bps.items()),
        decision.promotions,
        fees.restocking_bps,
        fees.return_shipping_minor,
        fees.fee_free or decision.facts.reason in fees.waived_for,
        fees.on_exchange,
        decision.refunds_outward_shipping,
        decision.statutes,
    )


def _terms_drafted(gist: Gist, facts: Facts) -> Terms:
    terms = gist.terms
    fees, remedy = terms["fees"], terms["remedy"]
    return Terms(
        gist.ruling.outcome,
        gist.ruling.codes,
        terms["method"],
        terms["refund_due"],
        remedy.kind if remedy else "",
        _shares(terms["grade_share_bps"].items()),
        terms["promotions"],
        fees.restocking_bps,
        fees.return_shipping_minor,
        fees.fee_free or facts.reason in fees.waived_for,
        fees.on_exchange,
        terms["refunds_outward_shipping"],
        gist.statutes,
    )


def _shares(grade_share_bps: Iterable[tuple[str, int]]) -> str:
    return " ".join(f"{grade}={share_bps}" for grade, share_bps in sorted(grade_share_bps))


def _worth(asked: Mapping[str, Any], line: DecidedLine) -> Worth:
    sold, shipping = asked["sold"], asked["shipping_minor"]
    share = sum(run_minor(shipping, sold, run.first, run.count) for run in line.runs) if shipping else 0
    facts = line.decision.facts
    return Worth(facts.wish or "", facts.line_paid_minor or 0, share)


def given_back(terms: Sequence[Terms], worth: Sequence[Worth]) -> list[int]:
    """Return what goes back for each line of a return, net of fees (minor units)."""
    approved = [line.outcome == "approve" and of.wish in SET_OFF for line, of in zip(terms, worth, strict=True)]
    free_of_shipping = any(line.is_waived and goes for line, goes in zip(terms, approved, strict=True))
    taken, backs = 0, []
    for line, of, goes in zip(terms, worth, approved, strict=True):
        if not goes:
            backs.append(0)
            continue
        pays_fees = of.wish in PAID_OUT or line.on_exchange
        fee = basis_points_minor(of.paid_minor, line.restocking_bps) if pays_fees and not line.is_waived else 0
        net = of.paid_minor + (of.shipping_minor if line.refunds_outward_shipping else 0) - fee
        if line.method == "label" and pays_fees and not free_of_shipping:
            bears = min(max(line.return_shipping_minor - taken, 0), net)
            taken, net = taken + bears, net - bears
        backs.append(net)
    return backs


def row_of(one: DecidedReturn, line: Compared) -> ChangedLine:
    """Return a changed line as a row of the report."""
    asked, facts = one.asked, line.facts
    return ChangedLine(
        rma_id=asked["rma_id"],
        rma_number=asked["rma_number"],
        line=line.decided.line,
        order_id=asked["order_id"],
        customer_id=asked["customer_id"],
        sku=facts.sku,
        category=facts.category,
        reason=facts.reason,
        wish=facts.wish,
        quantity=facts.quantity,
        currency=asked["currency"],
        requested_at=rfc3339(facts.requested_at),
        policy_id=asked["policy"]["policy_id"],
        policy_version=asked["policy"]["number"],
        outcome_before=line.before.outcome,
        outcome_after=line.after.outcome,
        codes_before=" ".join(line.before.codes),
        codes_after=" ".join(line.after.codes),
        decided_by_before=line.event.decided_by(line.decided),
        decided_by_after=line.decided_by_after,
        method_before=line.before.method,
        method_after=line.after.method,
        refund_due_before=line.before.refund_due,
        refund_due_after=line.after.refund_due,
        remedy_before=line.before.remedy,
        remedy_after=line.after.remedy,
        grade_share_bps_before=line.before.grade_share_bps,
        grade_share_bps_after=line.after.grade_share_bps,
        promotions_before=line.before.promotions,
        promotions_after=line.after.promotions,
        back_before_minor=line.back_before_minor,
        back_after_minor=line.back_after_minor,
        difference_minor=line.back_after_minor - line.back_before_minor,
        statutes_after=" ".join(line.after.statutes),
    )
