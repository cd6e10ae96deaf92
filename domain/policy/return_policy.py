"""A merchant's return policy: numbered versions of a document, each in force from an instant on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self

from domain.errors import PolicyEffectiveDateError
from domain.fact import AggregateRoot, Fact, FirstFact
from domain.policy.document import PolicyDocument, content_hash
from domain.policy.publication import check
from domain.values import dataclass

STREAM_PREFIX = "policy/"


@dataclass(frozen=True)
class PolicyVersion:
    """One published version: what an order is pinned to."""

    policy_id: str
    number: int
    hash: str
    effective_from: datetime
    document: PolicyDocument


@dataclass(frozen=True)
class _Published:
    """One version as its event tells it."""

    number: int
    content_hash: str
    effective_from: datetime
    document: dict[str, Any]


class ReturnPolicy(AggregateRoot):
    """The versions of one policy, in the order in which they take effect."""

    TOPIC = "rma.ReturnPolicy"

    class Event(Fact): ...

    class Published(Event, FirstFact):
        """The first version; ``document`` is as given, ``content_hash`` of all of it with its defaults filled in."""

        TOPIC = "rma.ReturnPolicy.Published.v1"
        number: int
        content_hash: str
        effective_from: datetime
        document: dict[str, object]

    class Revised(Event):
        """A further version, in force from its own instant on."""

        TOPIC = "rma.ReturnPolicy.Revised.v1"
        number: int
        content_hash: str
        effective_from: datetime
        document: dict[str, object]

        def apply(self, aggregate: ReturnPolicy) -> None:
            aggregate.published.append(_Published(self.number, self.content_hash, self.effective_from, self.document))

    def __init__(self, number: int, content_hash: str, effective_from: datetime, document: dict[str, object]) -> None:
        self.published = [_Published(number, content_hash, effective_from, document)]
        self._versions: dict[int, PolicyVersion] = {}

    @property
    def policy_id(self) -> str:
        """Return the merchant's own name of the policy."""
        return self.id.removeprefix(STREAM_PREFIX)

    @property
    def partition_key(self) -> str:
        """Return the key under which this policy's events are published."""
        return self.policy_id

    @classmethod
    def publish(cls, policy_id: str, effective_from: datetime, document: PolicyDocument, at: datetime) -> Self:
        """Publish the first version.

        Args:
            policy_id: The merchant's own name, without the stream's prefix.
            effective_from: From when on orders are placed under it.
            at: Business time.
        Raises:
            PolicyRuleImpossibleError: A rule can never match.
            PolicyRuleUnreachableError: A rule can never matter.
        """
        check(document)
        return cls._create(
            cls.Published, id=STREAM_PREFIX + policy_id, timestamp=at, **_told(1, effective_from, document)
        )

    def revise(self, effective_from: datetime, document: PolicyDocument, at: datetime) -> None:
        """Publish a further version, which must take effect later than all before it.

        Raises:
            PolicyEffectiveDateError: It would take effect no later than a version before it.
            PolicyRuleImpossibleError: A rule can never match.
            PolicyRuleUnreachableError: A rule can never matter.
        """
        check(document)
        latest = self.published[-1]
        if effective_from <= latest.effective_from:
            raise PolicyEffectiveDateError(
                "a version must take effect later than those before it",
                effective_from=effective_from.astimezone(UTC).isoformat(),
                latest=latest.effective_from.astimezone(UTC).isoformat(),
                version=latest.number,
            )
        self.trigger_event(self.Revised, timestamp=at, **_told(latest.number + 1, effective_from, document))

    @property
    def versions(self) -> tuple[PolicyVersion, ...]:
        """Return all versions, the oldest first."""
        return tuple(self.version_numbered(told.number) for told in self.published)

    def version_for(self, ordered_at: datetime) -> PolicyVersion:
        """Return the version in force at an order's time, or the first where the order is older than all."""
        numbers = [told.number for told in self.published if told.effective_from <= ordered_at]
        return self.version_numbered(numbers[-1] if numbers else 1)

    def version_numbered(self, number: int) -> PolicyVersion:
        """Return a version by its number.

        Raises:
            LookupError: There is no such version.
        """
        if not 1 <= number <= len(self.published):
            raise LookupError(f"{self.id} has no version {number}")
        if number not in self._versions:
            told = self.published[number - 1]
            document = PolicyDocument.model_validate(told.document)
            self._versions[number] = PolicyVersion(
                self.policy_id, number, told.content_hash, told.effective_from, document
            )
        return self._versions[number]


def _told(number: int, effective_from: datetime, document: PolicyDocument) -> dict[str, object]:
    """Return what the event of a version tells."""
    return {
        "number": number,
        "content_hash": content_hash(document),
        "effective_from": effective_from,
        "document": document.model_dump(mode="json", by_alias=True, exclude_unset=True),
    }
