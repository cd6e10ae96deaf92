"""Policies as the event log has them: every version ever published, and documents from files beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

import orjson
from pydantic import ValidationError

from commands.dispatch import json_path
from domain.errors import RuleViolationError
from domain.policy.document import PolicyDocument
from domain.policy.publication import check
from domain.policy.return_policy import PolicyVersion, ReturnPolicy
from infra.envelope.codec import Codec
from infra.log.event_log import EventLog
from workers.errors import SaidNoError, WrongUsageError

POLICIES_MAX: Final = 10_000
DOCUMENT_BYTES_MAX: Final = 1024 * 1024
FAULTS_MAX: Final = 100
POLICIES_NAMED_MAX: Final = 5
NEWEST: Final = "newest"
STREAMS: Final = (
    "SELECT stream FROM rma_log.events WHERE stream >= 'policy/' AND stream < 'policy0' AND version = 1"
    " ORDER BY stream LIMIT %s"
)
"""``0`` follows ``/``: all streams of policies, by the index."""


def read_policies(log: EventLog, codec: Codec) -> dict[str, ReturnPolicy]:
    """Return every policy by its id, with all its versions."""
    streams = [stream for (stream,) in log.connection.execute(STREAMS, (POLICIES_MAX,))]
    policies: dict[str, ReturnPolicy] = {}
    for stream, events in log.load(dict.fromkeys(streams, 0)).items():
        policy: ReturnPolicy | None = None
        for event in events:
            fact = codec.decode(event.type, stream, event.version, event.occurred_at, event.body)
            policy = cast("ReturnPolicy", fact.mutate(policy))
        if policy is not None:
            policies[policy.policy_id] = policy
    return dict(sorted(policies.items()))


def version_named(policies: dict[str, ReturnPolicy], name: str, policy_id: str) -> PolicyVersion:
    """Return the version that ``3``, or ``winter@3``, names; raises ``SaidNoError`` where there is none."""
    named_id, at, number = name.rpartition("@")
    wanted = named_id if at else policy_id
    if not number.isdecimal() and not at and name != NEWEST:
        raise SaidNoError(f"{name} is no version; a version looks like 3 or {wanted}@3, see: rma policy list")
    if wanted not in policies:
        shown = sorted(policies)[:POLICIES_NAMED_MAX]
        more = f" and {len(policies) - len(shown):,} more" if len(policies) > len(shown) else ""
        raise SaidNoError(
            f"there is no policy {wanted}; there are: {', '.join(shown) or 'none'}{more}, see: rma policy list"
        )
    versions = policies[wanted].versions
    if not number.isdecimal() or not 1 <= int(number) <= len(versions):
        raise SaidNoError(f"policy {wanted} has versions 1 to {len(versions)}, not {number}")
    return versions[int(number) - 1]


def read_json(file: Path) -> Any:
    """Return what a JSON file holds; raises ``WrongUsageError`` where it cannot be read or is too long."""
    try:
        if file.stat().st_size > DOCUMENT_BYTES_MAX:
            raise WrongUsageError(f"{file} is longer than {DOCUMENT_BYTES_MAX:,} bytes")
        return orjson.loads(file.read_bytes())
    except OSError as error:
        raise WrongUsageError(f"{file} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise WrongUsageError(f"{file} is not JSON: {error}") from error


def read_document(file: Path) -> PolicyDocument:
    """Return the policy document in a file.

    Raises:
        WrongUsageError: The file cannot be read or is not JSON.
        SaidNoError: It is no policy document; every fault is named by its path.
    """
    content = orjson.dumps(read_json(file))
    try:
        return PolicyDocument.model_validate_json(content)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)[:FAULTS_MAX]
        named = "\n".join(f"{json_path(fault['loc'])}: {fault['msg']}" for fault in faults)
        raise SaidNoError(f"{file} is no policy document:\n{named}") from error


def read_sound_document(file: Path) -> PolicyDocument:
    """Return a document that could be published; raises what ``read_document`` does, and for what no one can mean."""
    document = read_document(file)
    try:
        check(document)
    except RuleViolationError as error:
        raise SaidNoError(f"{error.code}: {error.message}") from error
    return document
