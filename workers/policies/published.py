"""Policies and editions of the law as the event log has them: all that were ever published."""

from __future__ import annotations

from typing import ClassVar, Final, cast

from domain.errors import RmaError
from domain.identity import STATUTES_STREAM, policy_stream
from domain.policy.return_policy import PolicyVersion, ReturnPolicy
from domain.policy.statute_book import StatuteBook
from infra.envelope.codec import Codec
from infra.log.event_log import EventLog
from infra.log.queries import streams_between

POLICIES_AT_ONCE: Final = 1_000
"""Streams of policies that are loaded with one query."""

POLICIES_NAMED_MAX: Final = 5
NEWEST: Final = "newest"
AFTER: Final = policy_stream("")
BEFORE: Final = AFTER[:-1] + chr(ord(AFTER[-1]) + 1)
"""Between these two lie the names of all streams of policies, and no others."""


class UnknownVersionError(RmaError):
    """There is no version of the name given; the message names those there are."""

    code: ClassVar[str] = "unknown_policy_version"


def read_policies(log: EventLog, codec: Codec) -> dict[str, ReturnPolicy]:
    """Return every policy by its id, with all its versions."""
    policies: dict[str, ReturnPolicy] = {}
    after = AFTER
    while names := streams_between(log.connection, after, BEFORE, POLICIES_AT_ONCE):
        for stream, events in log.load(dict.fromkeys(names, 0)).items():
            policy: ReturnPolicy | None = None
            for event in events:
                fact = codec.decode(event.type, stream, event.version, event.occurred_at, event.body)
                policy = cast("ReturnPolicy", fact.mutate(policy))
            if policy is not None:
                policies[policy.policy_id] = policy
        after = names[-1]
    return dict(sorted(policies.items()))


def version_named(policies: dict[str, ReturnPolicy], name: str, policy_id: str) -> PolicyVersion:
    """Return the version that ``3``, or ``winter@3``, names; raises ``UnknownVersionError`` where there is none."""
    named_id, at, number = name.rpartition("@")
    wanted = named_id if at else policy_id
    if not number.isdecimal() and not at and name != NEWEST:
        raise UnknownVersionError(f"{name} is no version; a version looks like 3 or {wanted}@3, see: rma policy list")
    if wanted not in policies:
        shown = sorted(policies)[:POLICIES_NAMED_MAX]
        more = f" and {len(policies) - len(shown):,} more" if len(policies) > len(shown) else ""
        raise UnknownVersionError(
            f"there is no policy {wanted}; there are: {', '.join(shown) or 'none'}{more}, see: rma policy list"
        )
    versions = policies[wanted].versions
    if not number.isdecimal() or not 1 <= int(number) <= len(versions):
        raise UnknownVersionError(f"policy {wanted} has versions 1 to {len(versions)}, not {number}")
    return versions[int(number) - 1]


def read_statutes(log: EventLog, codec: Codec) -> StatuteBook | None:
    """Return which editions of the statutes were published; None where none was."""
    book: StatuteBook | None = None
    for event in log.load({STATUTES_STREAM: 0}).get(STATUTES_STREAM, ()):
        fact = codec.decode(event.type, STATUTES_STREAM, event.version, event.occurred_at, event.body)
        book = cast("StatuteBook", fact.mutate(book))
    return book
