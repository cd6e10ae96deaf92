"""Whatever the document and the facts: there is one decision, the same again, and never below the law."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.policy.decision import Decision
from domain.policy.document import PolicyDocument, content_hash
from domain.policy.evaluate import decide, decide_without_reasons
from domain.policy.facts import Facts
from domain.policy.rights import right_end
from domain.policy.statutes import NO_LAW, Statute
from domain.policy.terms import REFUND_DUE_ORDER
from domain.policy.verify import decided_again
from tests.support.policy_cases import apply_flip, decided, documents, facts, plausible_facts, rights

pytestmark = pytest.mark.proof

any_facts = facts | plausible_facts()

NEVER = datetime.max.replace(tzinfo=UTC)


@settings(deadline=None, max_examples=150)
@given(documents, any_facts)
def test_every_line_is_decided_and_the_same_again(document: PolicyDocument, given_facts: Facts) -> None:
    """A decision is total and a function of its inputs alone, byte for byte, read back or not."""
    decision = decided(document, given_facts)
    stored = decision.model_dump_json()
    assert decided(document, given_facts).model_dump_json() == stored
    read = Decision.model_validate_json(stored)
    assert read.model_dump_json() == stored
    assert decided_again(read.facts, document).model_dump_json() == stored


@settings(deadline=None)
@given(documents, any_facts)
def test_a_document_read_back_decides_the_same(document: PolicyDocument, given_facts: Facts) -> None:
    """Neither a document's nor the facts' way through JSON changes a decision or the document's hash."""
    reread = PolicyDocument.model_validate_json(document.model_dump_json(by_alias=True, exclude_unset=True))
    refacts = Facts.model_validate_json(given_facts.model_dump_json())
    assert content_hash(reread) == content_hash(document)
    assert decided(reread, refacts).model_dump_json() == decided(document, given_facts).model_dump_json()


def _holds(right: Statute, line: Facts, zone: str) -> bool:
    anchor_at: datetime | None = getattr(line, f"{right.anchor}_at")
    return (
        line.country in right.countries
        and (right.reasons is None or line.reason in right.reasons)
        and line.withdrawal_exception not in right.exceptions
        and (anchor_at is None or line.requested_at < (right_end(right, line, anchor_at, zone) or NEVER))
    )


@settings(deadline=None, max_examples=150)
@given(documents, plausible_facts(), st.sampled_from(["DE", "FR", "GB", "CN"]))
def test_nothing_falls_below_a_right_that_holds(document: PolicyDocument, line: Facts, country: str) -> None:
    """Where a right holds its wish is approved and offered, its fees, dates and shipping are met, effect by effect."""
    line = line.model_copy(update={"country": country})
    decision = decided(document, line)
    for right in rights(line).rights:
        if not _holds(right, line, decision.zone):
            continue
        assert set(right.grants) <= set(decision.offers)
        assert decision.outcome != "deny"
        if line.wish in right.grants:
            assert decision.outcome == "approve"
        if right.restocking_bps_max is not None:
            assert decision.fees.restocking_bps <= right.restocking_bps_max
        assert decision.fees.fee_free or not right.fee_free
        assert decision.refunds_outward_shipping or not right.refunds_outward_shipping
        if right.refund_due is not None:
            order = REFUND_DUE_ORDER.index
            assert order(decision.refund_due) <= order(right.refund_due)
        if right.refund_within_days is not None:
            assert decision.refund_within_days is not None
            assert decision.refund_within_days <= right.refund_within_days


@settings(deadline=None, max_examples=150)
@given(documents, any_facts)
def test_statutes_only_widen(document: PolicyDocument, line: Facts) -> None:
    """With statutes a line is never worse off than without them."""
    rank = ["deny", "review", "approve"].index
    order = REFUND_DUE_ORDER.index
    alone, above = decide(document, NO_LAW, line), decided(document, line)
    assert rank(above.outcome) >= rank(alone.outcome)
    assert set(alone.offers) <= set(above.offers)
    assert above.fees.restocking_bps <= alone.fees.restocking_bps
    assert order(above.refund_due) <= order(alone.refund_due)
    assert above.refunds_outward_shipping or not alone.refunds_outward_shipping
    if not above.statutes:
        fees = above.fees.model_copy(update={"fee_free": alone.fees.fee_free})  # where there is no fee to be free of
        assert (above.outcome, above.codes, fees) == (alone.outcome, alone.codes, alone.fees)


@settings(deadline=None, max_examples=150)
@given(documents, any_facts)
def test_flips_flip(document: PolicyDocument, line: Facts) -> None:
    """Each flip changes one fact, from what it was, and deciding again with it approves; only denials have flips."""
    decision = decided(document, line)
    assert decision.outcome == "deny" or not decision.flips
    for flip in decision.flips:
        changed = apply_flip(line, flip)
        assert changed != line
        assert decide(document, rights(line), changed).outcome == "approve"


@settings(deadline=None)
@given(documents, any_facts)
def test_a_decision_without_reasons_is_the_same(document: PolicyDocument, line: Facts) -> None:
    """Leaving out the trace and the flips changes nothing else."""
    brief = decide_without_reasons(document, rights(line), line)
    assert brief == decided(document, line).model_copy(update={"trace": (), "flips": ()})


@settings(deadline=None)
@given(documents, any_facts)
def test_each_effect_is_won_once(document: PolicyDocument, line: Facts) -> None:
    """For each effect the first rule that matches and speaks of it wins, and the others name it."""
    winners: dict[str, str] = {}
    for entry in decided(document, line).trace:
        if entry["kind"] == "rule":
            assert entry["matched"] or not (entry["won"] or entry["lost"])
            for effect, winner in entry["lost"].items():
                assert winners[effect] == winner
            for effect in entry["won"]:
                assert effect not in winners
                winners[effect] = entry["name"]
