"""What is answered to a command that was refused, or that was answered before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from domain.errors import CommandIdReusedError, RuleViolationError
from infra.records import LOST_FINGERPRINT, Answered, Decided, Outcome, SetAside, Verdict
from infra.sealing.fingerprints import Fingerprints
from workers.command_worker.intake import ParsedCommand, answer_key


def answer_again(command: ParsedCommand, before: Outcome | Decided, known: Fingerprints) -> Answered:
    """Answer a command whose id was used before: the same answer for the same command, else a refusal."""
    answer: bytes | Decided | Verdict
    if known.fits(before.fingerprint, command.digest):
        answer = before if isinstance(before, Decided) else before.result
    else:
        answer = refused(CommandIdReusedError("another command came under this id and source before"))
    return Answered(command.stamp, answer_key(command.record), answer)


def answered_before(
    malformed: SetAside, outcomes: Mapping[tuple[str, str], Outcome], known: Fingerprints
) -> Answered | None:
    """Return the first answer to a command that an earlier version, with other rules for its fields, took: it holds."""
    before = None if malformed.id_key is None else outcomes.get(malformed.id_key)
    if before is None or malformed.answered is None or malformed.digest is None or _is_lost(before):
        return None
    if not known.fits(before.fingerprint, malformed.digest):
        return None
    return replace(malformed.answered, answer=before.result)


def refused(refusal: RuleViolationError) -> Verdict:
    """Return a broken rule as what its command is answered."""
    return Verdict("refused", refusal.code, refusal.message, refusal.details)


def _is_lost(before: Outcome) -> bool:
    return before.fingerprint == LOST_FINGERPRINT
