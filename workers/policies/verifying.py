"""`rma policy verify`: every recorded decision made again from its stored inputs, and compared byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from domain.policy.document import PolicyDocument
from domain.policy.return_policy import ReturnPolicy
from domain.policy.verify import decided_again
from infra.envelope.codec import UnreadableEventError
from workers.policies.history import DecidedLine, DecidedReturn, DecisionEvent

DIFFERENCES_KEPT_MAX: Final = 1_000
"""Differences told in full; further ones are counted."""
TELL_EVERY_DECISIONS: Final = 1_000
SHOWN_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class ChangedDecision:
    """One recorded decision that does not come out again: where it stands, and what differs by path."""

    stream: str
    position: int
    line: int | None
    what: str


@dataclass(slots=True)
class Verified:
    """What verifying came to."""

    decisions: int = 0
    differing: int = 0
    differences: list[ChangedDecision] = field(default_factory=list)

    def add(self, difference: ChangedDecision) -> None:
        """Count a difference, and keep it while there is room."""
        self.differing += 1
        if len(self.differences) < DIFFERENCES_KEPT_MAX:
            self.differences.append(difference)


def verify(
    returns: Iterable[DecidedReturn], policies: Mapping[str, ReturnPolicy], tell: Callable[[int], None]
) -> Verified:
    """Decide every recorded decision of these returns again.

    Args:
        returns: As the log has them.
        policies: Every policy by its id.
        tell: Called now and then with how many decisions were made.
    """
    documents = _Documents(policies)
    verified = Verified()
    told = 0
    for one in returns:
        document = documents.of(one.asked["policy"])
        for event in one.events:
            for difference in _differences(one.stream, event, document):
                verified.add(difference)
            verified.decisions += _count(event)
        if verified.decisions - told >= TELL_EVERY_DECISIONS:
            told = verified.decisions
            tell(told)
    tell(verified.decisions)
    return verified


class _Documents:
    """The documents that returns are pinned to; one is good only if it still has the hash that was pinned."""

    def __init__(self, policies: Mapping[str, ReturnPolicy]) -> None:
        self._known = {
            (policy_id, version.number, version.hash): version.document
            for policy_id, policy in policies.items()
            for version in policy.versions
        }

    def of(self, pin: Mapping[str, Any]) -> PolicyDocument | None:
        return self._known.get((pin["policy_id"], pin["number"], pin["hash"]))


def _count(event: DecisionEvent) -> int:
    """Return how many decisions an event holds; one that cannot be read counts as one."""
    try:
        return len(event.lines)
    except UnreadableEventError:
        return 1


def _differences(stream: str, event: DecisionEvent, document: PolicyDocument | None) -> Iterator[ChangedDecision]:
    if document is None:
        yield ChangedDecision(stream, event.position, None, "the policy version it was decided by is not in the log")
        return
    try:
        again = [
            decided_again(line.decision.facts, document, line.decision.edition).model_dump_json().encode()
            for line in event.lines
        ]
    except UnreadableEventError as damaged:
        yield ChangedDecision(stream, event.position, None, f"it cannot be read: {damaged}")
        return
    if body_of(event.lines, again) == event.body:
        return
    for line, stored, made in zip(event.lines, event.decisions, again, strict=True):
        what = difference_between(stored, orjson.loads(made))
        if what:
            yield ChangedDecision(stream, event.position, line.line, what)
            return
    if not event.is_upcast:
        yield ChangedDecision(stream, event.position, None, "the same values, but other bytes")


def body_of(lines: Iterable[DecidedLine], decisions: Iterable[bytes]) -> bytes:
    """Return the body of a decision event whose lines were decided so: what the codec writes."""
    parts = (
        orjson.dumps({"line": line.line, "runs": line.runs})[:-1] + b',"decision":' + decision + b"}"
        for line, decision in zip(lines, decisions, strict=True)
    )
    return b'{"lines":[' + b",".join(parts) + b"]}"


def difference_between(stored: object, made: object, path: str = "$") -> str | None:
    """Return the first place at which two JSON values differ, with both, or None."""
    if isinstance(stored, dict) and isinstance(made, dict):
        for key in [*stored, *(key for key in made if key not in stored)]:
            if key not in stored or key not in made:
                return f"{path}.{key} is {'missing' if key not in made else 'new'}"
            if found := difference_between(stored[key], made[key], f"{path}.{key}"):
                return found
        return None
    if isinstance(stored, list) and isinstance(made, list) and len(stored) == len(made):
        pairs = enumerate(zip(stored, made, strict=True))
        return next((d for i, (a, b) in pairs if (d := difference_between(a, b, f"{path}[{i}]"))), None)
    if type(stored) is type(made) and stored == made:
        return None
    return f"{path}: stored {_short(stored)}, now {_short(made)}"


def _short(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…"
