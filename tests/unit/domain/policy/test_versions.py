"""A policy's versions are numbered, hashed and dated; the one in force at an order's time is the order's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import PolicyEffectiveDateError, PolicyRuleImpossibleError, PolicyRuleUnreachableError
from domain.policy.document import content_hash
from domain.policy.return_policy import ReturnPolicy
from tests.support.policy_cases import a_document, rule

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FIRST, SECOND_DOCUMENT = a_document(), a_document(window={"days": 14})
SHADOWED = a_document(rule({"all": []}, method="keep"), rule({"all": []}, method="keep"))
IMPOSSIBLE = a_document(rule({"any": []}, method="keep"))


def published() -> ReturnPolicy:
    """Return a policy of one version, its event recorded."""
    policy = ReturnPolicy.publish("standard", JANUARY, FIRST, at=JANUARY)
    policy.collect_events()
    return policy


def test_the_first_version_begins_the_stream() -> None:
    """Publishing is an event with number, hash, effective date and the document as given."""
    (event,) = ReturnPolicy.publish("standard", MARCH, FIRST, at=JANUARY).collect_events()
    assert isinstance(event, ReturnPolicy.Published)
    assert (event.TOPIC, event.originator_id, event.timestamp) == (
        "rma.ReturnPolicy.Published.v1",
        "policy/standard",
        JANUARY,
    )
    assert (event.number, event.content_hash, event.effective_from) == (1, content_hash(FIRST), MARCH)
    assert event.document == {"window": {"days": 30}, "rules": []}


def test_a_policy_is_what_its_events_say() -> None:
    """Replaying the events gives the same versions."""
    policy = ReturnPolicy.publish("standard", JANUARY, FIRST, at=JANUARY)
    policy.revise(MARCH, SECOND_DOCUMENT, at=JANUARY)
    replayed = None
    for event in policy.collect_events():
        replayed = event.mutate(replayed)
    assert isinstance(replayed, ReturnPolicy)
    assert replayed.versions == policy.versions
    assert [version.number for version in replayed.versions] == [1, 2]
    assert (replayed.policy_id, replayed.partition_key) == ("standard", "standard")
    assert replayed.versions[1].document == SECOND_DOCUMENT


def test_the_version_in_force_at_the_orders_time() -> None:
    """The newest that was in force, to the second; the first where the order is older than all."""
    policy = published()
    policy.revise(MARCH, SECOND_DOCUMENT, at=JANUARY)
    assert policy.version_for(JANUARY - timedelta(days=900)).number == 1
    assert policy.version_for(MARCH - SECOND).number == 1
    assert policy.version_for(MARCH).number == 2
    assert policy.version_for(MARCH).hash == content_hash(SECOND_DOCUMENT)
    with pytest.raises(LookupError):
        policy.version_numbered(3)


@pytest.mark.parametrize("effective_from", [JANUARY, JANUARY - SECOND])
def test_a_version_takes_effect_later_than_those_before(effective_from: datetime) -> None:
    """Two at one instant, or one before an earlier one: refused, nothing recorded."""
    policy = published()
    with pytest.raises(PolicyEffectiveDateError) as refused:
        policy.revise(effective_from, SECOND_DOCUMENT, at=MARCH)
    assert refused.value.details["latest"] == JANUARY.isoformat()
    assert policy.collect_events() == []


def test_nothing_is_published_that_no_one_can_mean() -> None:
    """A rule that can never match or never matter: refused, nothing recorded."""
    with pytest.raises(PolicyRuleImpossibleError):
        ReturnPolicy.publish("standard", JANUARY, IMPOSSIBLE, at=JANUARY)
    policy = published()
    with pytest.raises(PolicyRuleUnreachableError):
        policy.revise(MARCH, SHADOWED, at=JANUARY)
    assert policy.collect_events() == []
