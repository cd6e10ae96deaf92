"""Every interleaving of crashes, lost answers, repeats, reorderings and late changes, within bounds, is searched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from uuid import UUID

import pytest

from domain import ledger
from domain.case import Case, payouts
from domain.fact import Fact
from domain.ledger import Posting
from domain.order import Order
from domain.order.accounts import PayoutNews
from domain.order.money_facts import PayoutHeard
from domain.order.payout import Payout
from domain.settlement import payout_saga
from domain.settlement import payouts as books
from domain.settlement.payout_saga import Answered, PayoutQuestion, Statement
from domain.vocabularies import PayoutOutcome
from tests.support.saga_space import Budgets, Rules, Saga, explore
from tests.support.shop import ORDERED, RMA_ID, Shop

pytestmark = pytest.mark.proof


def shop_with_refund(*tenders_minor: int, gift: bool = False) -> Shop:
    """Return a shop in which a refund was requested, to one tender or several."""
    shop = Shop()
    paid = sum(tenders_minor)
    tenders = [
        {"tender_id": f"T{n}", "kind": kind, "amount_minor": amount}
        for n, (kind, amount) in enumerate(zip(("card", "wallet"), tenders_minor, strict=False), start=1)
    ]
    line = {"line_id": "L1", "sku": "MUG", "quantity": 1, "amount_minor": paid}
    order = {"order_id": "O-1", "customer_id": "C1", "country": "US", "channel": "web", "currency": "USD"}
    document = {"window": {"days": 30}, "method": "keep", "refund_due": "approval"}
    policy = {"policy_id": "standard", "effective_from": "2026-01-01T00:00:00Z", "document": document}
    shop.send("PublishPolicy", policy, actor="agent:A1")
    shop.send("RegisterOrder", order | {"lines": [line], "tenders": tenders}, actor="system:shop")
    delivered = {"order_id": "O-1", "delivery_id": "D1", "lines": [{"line_id": "L1", "quantity": 1}]}
    shop.send("RecordDelivery", delivered, actor="carrier:UPS", at=ORDERED + timedelta(days=1))
    wanted = {"line_id": "L1", "quantity": 1, "reason": "defective", "wish": "refund"}
    request = {"rma_id": str(RMA_ID), "order_id": "O-1", "lines": [wanted], "gift": gift}
    shop.send("RequestReturn", request, actor="customer:C1", at=ORDERED + timedelta(days=2))
    return shop


QUIET = Budgets(0, 0, 0, 0, 0, 0, 0, 0)
RIGHT = Rules()
SPACES = {
    "crashes, lost answers, repeats": ((1999,), QUIET._replace(crashes=2, silences=2, duplicates=1), RIGHT),
    "a settlement taken back": ((1999,), QUIET._replace(crashes=1, silences=1, reversals=1), RIGHT),
    "a settlement taken back, by clocks that differ": (
        (1999,),
        QUIET._replace(crashes=1, silences=1, reversals=1),
        Rules(dated=False),
    ),
    "refused, retried, paid late": (
        (1999,),
        QUIET._replace(crashes=1, silences=1, refusals=1, retries=1, late_payments=1),
        RIGHT,
    ),
    "hearsay": ((1999,), QUIET._replace(crashes=1, silences=1, hearsay=1), RIGHT),
    "charged back": ((1999,), QUIET._replace(crashes=1, silences=1, duplicates=1, chargebacks=1), RIGHT),
    "charged back, and won": ((1999,), QUIET._replace(crashes=1, chargebacks=1, disputes_won=1), RIGHT),
    "charged back, and won, while answers get lost": (
        (1999,),
        QUIET._replace(silences=1, chargebacks=1, disputes_won=1),
        RIGHT,
    ),
    "charged back in parts, by clocks that differ": (
        (1999,),
        QUIET._replace(crashes=1, chargebacks=2),
        Rules(dated=False),
    ),
    "refused, retried and charged back": (
        (1999,),
        QUIET._replace(crashes=1, refusals=1, retries=1, late_payments=1, chargebacks=1),
        RIGHT,
    ),
    "charged back, and a settlement taken back": (
        (1999,),
        QUIET._replace(crashes=1, reversals=1, chargebacks=1),
        RIGHT,
    ),
    "charged back, and hearsay": ((1999,), QUIET._replace(chargebacks=1, hearsay=1), RIGHT),
    "two tenders": ((1500, 499), QUIET._replace(crashes=1, silences=1, duplicates=1), RIGHT),
}
"""What may go wrong how often. Reordering is always allowed: commands on their way have no order."""


@pytest.mark.parametrize("name", SPACES)
def test_no_payout_is_paid_twice_and_no_liability_is_forgotten(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In every world the books balance and nothing was paid twice; all of them come to rest, and rest agrees."""
    tenders, budgets, rules = SPACES[name]
    found = explore(Saga(shop_with_refund(*tenders), rules), budgets)

    with capsys.disabled():
        print(f"\npayout saga, {name}: {found.worlds} worlds, {found.steps} steps, {found.depth} deep")
    assert found.ends > 0


def _silence_is_failure(question: PayoutQuestion, answered: Answered) -> Statement | None:
    return payout_saga.statement(question, "failed" if answered == "unknown" else answered)


def _ids_without_position(question: PayoutQuestion, answered: Answered) -> Statement | None:
    said = payout_saga.statement(question, answered)
    return replace(said, command_id=f"{question.payout_id}/{said.outcome}") if said else None


def _ends_with_the_answer(question: PayoutQuestion, answered: Answered) -> PayoutQuestion:
    after = payout_saga.heard(question, answered)
    return replace(after, open=after.open and answered not in {"settled", "failed"})


def _trusts_the_latest(known: dict[UUID, PayoutQuestion], fact: Fact, *, order_id: str, position: int) -> None:
    payout_saga.follow(known, fact, order_id=order_id, position=position)
    for payout, question in known.items():
        if question.recorded == question.final:
            known[payout] = replace(question, open=False)


def _forgets_retries(known: dict[UUID, PayoutQuestion], fact: Fact, *, order_id: str, position: int) -> None:
    if not isinstance(fact, Order.PayoutRetried):
        payout_saga.follow(known, fact, order_id=order_id, position=position)


def _takes_old_news(known: dict[UUID, PayoutQuestion], fact: Fact, *, order_id: str, position: int) -> None:
    old = isinstance(fact, PayoutHeard) and fact.superseded
    seen = replace(fact, superseded=False) if old else fact  # type: ignore[call-arg]
    payout_saga.follow(known, seen, order_id=order_id, position=position)


def _gives_no_way(known: dict[UUID, PayoutQuestion], fact: Fact, *, order_id: str, position: int) -> None:
    if not (isinstance(fact, Order.PayoutFailed) and fact.gave_way):
        payout_saga.follow(known, fact, order_id=order_id, position=position)


def _forgets_what_gave_way(known: dict[UUID, PayoutQuestion], fact: Fact, *, order_id: str, position: int) -> None:
    payout_saga.follow(known, fact, order_id=order_id, position=position)
    if isinstance(fact, Order.PayoutFailed) and fact.gave_way:
        known[fact.payout_id] = replace(known[fact.payout_id], open=False)


PLANTED = {
    "silence is taken for a failure": (Rules(statement=_silence_is_failure), QUIET._replace(silences=1)),
    "an unknown outcome is paid anew under another key": (
        Rules(key_of=lambda question: f"{question.idempotency_key}/{question.recorded}"),
        QUIET._replace(silences=1),
    ),
    "every ask has a key of its own": (Rules(key_of=lambda _: ""), QUIET._replace(crashes=1)),
    "an answer is saved, then published": (
        Rules(heard=_ends_with_the_answer, save_first=True),
        QUIET._replace(crashes=1),
    ),
    "an unknown outcome is never asked about again": (Rules(once_only=True), QUIET._replace(silences=1)),
    "contradictions are not looked up": (Rules(follow=_trusts_the_latest, dated=False), QUIET._replace(reversals=1)),
    "a new question repeats an old command's id": (
        Rules(statement=_ids_without_position),
        QUIET._replace(hearsay=1),
    ),
    "the worker follows news that change nothing": (Rules(follow=_takes_old_news), QUIET._replace(reversals=1)),
    "what gave way is asked for": (Rules(follow=_gives_no_way), QUIET._replace(chargebacks=1)),
    "what gave way is not looked up": (
        Rules(follow=_forgets_what_gave_way),
        QUIET._replace(silences=1, chargebacks=1),
    ),
    "what still fits is not handed over": (Rules(follow=_forgets_retries), QUIET._replace(chargebacks=1)),
    "a retried payout is not handed over": (
        Rules(follow=_forgets_retries),
        QUIET._replace(refusals=1, retries=1),
    ),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str) -> None:
    """The search is worth something only if it finds what it is meant to find."""
    rules, budgets = PLANTED[bug]

    with pytest.raises(AssertionError):
        explore(Saga(shop_with_refund(1999), rules), budgets)


def _ignore_after_settled(
    record: Callable[..., None], case: Case, payout: Payout, outcome: PayoutOutcome, **facts: str | None
) -> None:
    if payout.status != "settled":
        record(case, payout, outcome, **facts)


def _owe_nothing_back(post: Callable[..., Iterable[Posting]], *args: object) -> tuple[Posting, ...]:
    return tuple(
        replace(posting, account=ledger.REFUNDS_OWED) if posting.account == ledger.CUSTOMER_RECEIVABLE else posting
        for posting in post(*args)
    )


def _old_is_what_is_earlier(_: Callable[..., bool], news: PayoutNews, outcome: PayoutOutcome, at: datetime) -> bool:
    return at < news.latest_at


@pytest.mark.parametrize(
    ("where", "name", "bug", "budgets"),
    [
        (payouts, "record_outcome", _ignore_after_settled, QUIET._replace(reversals=1)),
        (PayoutNews, "is_older", _old_is_what_is_earlier, QUIET._replace(silences=1)),
        (books, "_postings", _owe_nothing_back, QUIET._replace(refusals=1, retries=1, late_payments=1)),
    ],
)
def test_a_bug_planted_in_the_books_is_found(
    where: ModuleType | type,
    name: str,
    bug: Callable[..., object],
    budgets: Budgets,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A failure after a settlement reopens the liability, an overpayment is a debt, and not to know settles nothing."""
    shop = shop_with_refund(1999)
    rule = getattr(where, name)

    def planted(*given: object, **named: object) -> object:
        return bug(rule, *given, **named)

    monkeypatch.setattr(where, name, planted)

    with pytest.raises(AssertionError):
        explore(Saga(shop), budgets)


def test_what_has_a_final_outcome_is_only_looked_up() -> None:
    """Once any final outcome was recorded, asking can no longer pay."""
    shop = shop_with_refund(1999)
    [requested] = [fact for fact in shop.history if isinstance(fact, Order.RefundRequested)]
    known: dict[UUID, PayoutQuestion] = {}
    payout_saga.follow(known, requested, order_id="O-1", position=1)
    [(payout, question)] = known.items()
    assert question.may_pay

    body = {"order_id": "O-1", "rma_id": str(RMA_ID), "payout_id": str(payout)}
    for position, outcome in enumerate(("failed", "settled", "unknown"), start=2):
        for fact in shop.send("RecordPayoutOutcome", body | {"outcome": outcome}, actor="gateway:G1"):
            payout_saga.follow(known, fact, order_id="O-1", position=position)
        assert not known[payout].may_pay
        assert known[payout].open == (outcome != "failed")


def test_store_credit_is_no_gateways_business() -> None:
    """A payout without a tender settles inside the system; nobody is asked about it."""
    known: dict[UUID, PayoutQuestion] = {}

    for position, fact in enumerate(shop_with_refund(1999, gift=True).history, start=1):
        payout_saga.follow(known, fact, order_id="O-1", position=position)

    assert known == {}


def test_waits_grow_to_a_bound() -> None:
    """A gateway that stays silent is asked ever more rarely, but never less than every quarter of an hour."""
    [requested] = [fact for fact in shop_with_refund(1999).history if isinstance(fact, Order.RefundRequested)]
    known: dict[UUID, PayoutQuestion] = {}
    payout_saga.follow(known, requested, order_id="O-1", position=1)
    [question] = known.values()

    waits = [payout_saga.ask_again_after_s(replace(question, asks=asks), "unknown") for asks in (0, 1, 2, 50, 10_000)]

    assert waits == [1.0, 2.0, 4.0, 900.0, 900.0]
