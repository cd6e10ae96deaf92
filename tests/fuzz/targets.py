"""What is tried: a record goes the whole way of the command worker but for the database, and says what came of it."""

from __future__ import annotations

import copy
import random
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any, Final, Literal

import orjson

from commands.dispatch import handle
from domain.errors import RuleViolationError
from domain.fact import Fact
from domain.policy.document import PolicyDocument, canonical_json
from infra.envelope.codec import Codec
from infra.kafka.command_client import HEADERS
from infra.records import Answered, NewEvent, SetAside, Verdict
from tests.fuzz.mutations import places, spoiled, spoiled_bytes, written
from tests.support.four_ways import CASES, actor_of
from tests.support.four_ways.case import AT, SOLD
from tests.support.pipeline import Polled
from tests.support.policy_cases import decided, facts_of
from tests.support.shop import Shop
from workers.command_worker.answering import refused
from workers.command_worker.intake import ParsedCommand, take_in
from workers.command_worker.writing import refuse_too_large
from workers.runtime.every_event import make_codec

Target = Literal["envelope", "command", "policy"]

TARGETS: Final[tuple[Target, ...]] = ("envelope", "command", "policy")
HANGS_AFTER_S: Final = 10.0
"""What takes so long holds up a worker; most take less than a millisecond."""

NAME: Final = re.compile(r"\w+")
OPENED_MAX: Final = 200
BYTES_MAX: Final = 16 * 1024
"""What is longer, or opens more lists and objects, is spoiled as bytes: there is little more to change in it."""
ENVELOPE_WORDS: Final = ("ce_id", "ce_source", "ce_type", "ce_time", "ce_actor", "ce_specversion", "content-type")
DOCUMENT: Final[dict[str, Any]] = {
    "window": {"days": 30, "anchor": "delivered", "count": "business", "calendar": "GB", "zone": "Europe/Berlin"},
    "offers": ["refund", "exchange"], "method": "label", "return_to": "WH-1", "refund_due": "inspection",
    "sites": {"WH-1": {"name": "North", "address": "1 Dock Rd", "country": "DE"}},
    "fees": {"restocking_bps": 1_000, "return_shipping_minor": 500, "waived_for": ["defective"], "on_exchange": True},
    "accept_grades": ["A", "B"], "grade_share_bps": {"C": 5_000}, "limits": {"agent_minor": 5_000},
    "questions": [
        {"name": "worn", "text": "Was it worn outside?", "kind": "truth"},
        {"name": "score", "text": "How bad?", "kind": "number"},
    ],
    "rules": [
        {"name": "gift", "when": {"fact": "gift", "is": True}, "then": {"decide": "review", "code": "gift"}},
        {
            "name": "worn", "then": {"decide": "deny", "code": "worn", "fees": {"restocking_bps": 1}},
            "when": {"all": [{"fact": "answers.worn", "is": True}, {"not": {"fact": "line_paid_minor", "at_most": 9}}]},
        },
        {
            "name": "late", "then": {"window": {"days": 10}},
            "when": {"any": [{"fact": "ordered_at", "after": "2026-01-01"}, {"fact": "country", "in": ["DE", "FR"]}]},
        },
    ],
}  # fmt: skip


class FuzzError(AssertionError):
    """A record did something else than to be accepted, refused or malformed."""


def drawn(target: Target, chance: random.Random, kept: Sequence[Polled]) -> Polled:
    """Return a record that nobody has sent: spoiled from one of the contract, or from what the corpus holds."""
    before = chance.choice(kept) if kept and chance.random() < 0.4 else _sound(target, chance)
    if target == "envelope" and chance.random() < 0.5:
        return _spoiled_envelope(before, chance)
    event = _event_of(before)
    if event is None:
        return Polled(spoiled_bytes(before.value or b"", chance), before.headers)
    if target == "envelope" or "data" not in event:
        return Polled(written(spoiled(event, chance, _bodies()), chance), before.headers)
    data = event["data"]
    if target == "policy" and isinstance(data, dict) and "document" in data:
        event["data"] = data | {"document": spoiled(data["document"], chance, [DOCUMENT])}
    else:
        event["data"] = spoiled(data, chance, _bodies())
    return Polled(written(event, chance), before.headers)


def outcome(record: Polled) -> str:
    """Return what came of a record, and what of it: what else had the same outcome went the same way.

    Raises:
        FuzzError: It crashed, it hung, or what came of it can neither be kept nor read again.
    """
    try:
        with _bounded():
            taken = take_in(record, "dead")
            return _malformed(taken) if isinstance(taken, SetAside) else _handled(taken)
    except Exception as broke:
        raise FuzzError(f"{broke!r}: {record.headers} {record.value!r}") from broke


def _malformed(taken: SetAside) -> str:
    if not isinstance(taken.answered, Answered):
        return "malformed, by nobody"
    assert isinstance(taken.answered.answer, Verdict)
    orjson.dumps(taken.answered.answer.details)
    faults: Any = taken.answered.answer.details["faults"]
    known = [name for name in NAME.findall(str(faults[0]["path"])) if name in _names()]
    return f"malformed {taken.answered.stamp.type if known else ''} {'.'.join(known)}"


def _handled(command: ParsedCommand) -> str:
    name = command.meta.type.split(".")[1]
    shop = copy.deepcopy(_prepared(name))
    known = len(shop.history)
    try:
        handle(command.command, command.meta, shop, CASES[name].at)
        facts = shop.history[known:]
        refuse_too_large([_kept(shop, fact) for fact in facts])
    except RuleViolationError as refusal:
        verdict = refused(refusal)
        orjson.dumps(verdict.details)
        return f"refused {name} {verdict.code}"
    if name == "PublishPolicy":
        _decided_by(command)
    return f"accepted {name} {' '.join(type(fact).__name__ for fact in facts)[:80]}"


def _kept(shop: Shop, fact: Fact) -> NewEvent:
    """Return a fact as the log takes it; what it holds has to be read again as it was."""
    codec, stream = _codec(), fact.originator_id
    body = codec.encode(fact)
    event = NewEvent(stream, fact.originator_version, fact.TOPIC, fact.timestamp, "key", body)  # type: ignore[attr-defined]
    again = codec.decode(event.type, stream, event.version, event.occurred_at, body)
    assert codec.encode(again) == body, f"{event.type} is not read as it was written: {body!r}"
    assert b"\\u0000" not in body, f"{event.type} holds U+0000, which PostgreSQL does not take"
    return event


def _decided_by(command: ParsedCommand) -> None:
    """Let a document that was accepted decide something, and be read from its canonical JSON."""
    document = command.command.named("document")
    assert isinstance(document, PolicyDocument)
    text = canonical_json(document)
    assert canonical_json(PolicyDocument.model_validate_json(text)) == text
    decided(document, facts_of(country="DE", answers={"worn": True, "score": 1.5}))


def _sound(target: Target, chance: random.Random) -> Polled:
    name = "PublishPolicy" if target == "policy" else chance.choice(sorted(CASES))
    case = CASES[name]
    data = chance.choice((case.said(1), case.wrong))
    if target == "policy":
        data = {**data, "document": DOCUMENT}
    event = {
        "specversion": "1.0", "id": "f-1", "source": "/fuzz", "type": f"rma.{name}.v1", "time": case.at.isoformat(),
        "actor": actor_of(name), "data": data,
    }  # fmt: skip
    return Polled(orjson.dumps(event), HEADERS)


def _event_of(record: Polled) -> dict[str, Any] | None:
    """Return a record in structured mode as JSON values; None where it is none, or nests too much to be worth it."""
    text = record.value or b""
    if len(text) > BYTES_MAX or text.count(b"[") + text.count(b"{") > OPENED_MAX:
        return None
    try:
        event = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return event if isinstance(event, dict) else None


def _spoiled_envelope(before: Polled, chance: random.Random) -> Polled:
    """Return a record in binary mode, its headers spoiled; now and then it is in neither mode."""
    event = _event_of(before) or {}
    told = {name: said for name, said in event.items() if isinstance(said, str)}
    headers: list[tuple[str, bytes | None]] = [(f"ce_{name}", said.encode()) for name, said in told.items()]
    for _ in range(chance.randint(1, 3)):
        name, said = chance.choice(headers or [("ce_id", b"1")])
        match chance.randrange(5):
            case 0:
                headers = [header for header in headers if header[0] != name]
            case 1:
                headers.append((name, said))
            case 2:
                headers.append((chance.choice(ENVELOPE_WORDS), spoiled_bytes(said or b"", chance)))
            case 3:
                headers = [(one, spoiled_bytes(text or b"", chance) if one == name else text) for one, text in headers]
            case _:
                headers.append((name.upper(), None))
    value = orjson.dumps(event["data"]) if "data" in event else before.value
    return Polled(chance.choice((value, value, value, None, b"", before.value)), headers)


@cache
def _prepared(name: str) -> Shop:
    """Return a shop in which all happened that lets a command be accepted."""
    shop = Shop()
    for step, body in [*SOLD, *CASES[name].before]:
        shop.send(step, body, actor=actor_of(step), at=AT)
    return shop


@cache
def _codec() -> Codec:
    return make_codec()


@cache
def _names() -> frozenset[str]:
    """Return every name of the contract that a path may hold."""
    everywhere = [part for body in [*_bodies(), DOCUMENT] for place in places(body) for part in place]
    return frozenset(part for part in everywhere if isinstance(part, str))


@cache
def _bodies() -> list[Any]:
    return [case.said(1) for case in CASES.values()]


@contextmanager
def _bounded() -> Iterator[None]:
    """Raise ``TimeoutError`` in a block that takes too long."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"took more than {HANGS_AFTER_S:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, HANGS_AFTER_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
