"""What a person writes, in whatever field of whatever command, is in nothing stored plain, and in no refusal."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import orjson
import pytest

from domain.errors import RuleViolationError
from infra.envelope.codec import topic_of
from infra.records import Answered, SetAside, Verdict
from infra.sealing.bodies import open_body, seal_body
from infra.sealing.vault import new_key
from tests.support.canaries import COMMANDS, MARK, planted
from tests.support.four_ways import CASES, actor_of
from tests.support.four_ways.case import AT, SOLD, Body
from tests.support.pipeline import Polled, headers
from tests.support.shop import Shop
from workers.command_worker.intake import ParsedCommand, take_in
from workers.runtime.every_event import make_codec

CODEC: Final = make_codec()
KEPT_NOWHERE: Final = {"RecordPayoutOutcome"}
"""A payout that went through has no reason; one that failed keeps it (``rma.Order.PayoutFailed.v1``)."""
LONG: Final = "Canary " * 5_000
"""Longer than any field takes."""


def prepared(name: str) -> Shop:
    shop, case = Shop(), CASES[name]
    for step, body in [*SOLD, *case.before]:
        shop.send(step, body, actor=actor_of(step), at=AT)
    return shop


def refused(shop: Shop, name: str, body: Body, at: datetime) -> str:
    """Return what a command is refused with; nothing where it is not."""
    try:
        shop.send(name, body, actor=actor_of(name), at=at)
    except RuleViolationError as refusal:
        return f"{refusal.message} {refusal.details}"
    return ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_text_of_a_command_is_sealed_before_it_is_stored(name: str) -> None:
    """And comes back from what was sealed: each field is recorded, and none is plain."""
    shop, case, key = prepared(name), CASES[name], new_key("customer/C-1")
    told = planted(name, case.said(1), 7)
    facts = shop.send(name, told.body, actor=actor_of(name), at=case.at)

    opened = b""
    for fact in facts:
        place = (fact.originator_id, fact.originator_version)
        body, key_id = seal_body(topic_of(type(fact)), CODEC.encode(fact), *place, lambda: key)
        assert not [text for text in (*told.texts, MARK) if text.encode() in body], topic_of(type(fact))
        opened += body if key_id is None else open_body(topic_of(type(fact)), body, *place, {key.key_id: key})
    lost = [text for text in told.texts if text.encode() not in opened]
    assert lost == (told.texts if name in KEPT_NOWHERE else [])


@pytest.mark.parametrize("name", COMMANDS)
def test_no_refusal_repeats_a_text(name: str) -> None:
    """Message and details are published and logged."""
    case = CASES[name]
    for body in (case.wrong, case.said(1), case.said(2)):
        shop = prepared(name)
        for number in (1, 2):
            refusal = refused(shop, name, planted(name, body, number).body, case.at)
            assert MARK not in refusal


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "wrong", [LONG, "Canary\x00", ["Canary"], {"Canary": 1}, 7], ids=["long", "nul", "list", "map", "number"]
)
def test_no_fault_repeats_a_text(name: str, wrong: object) -> None:
    """A malformed command is told the path and what is wrong there, in the answer as in the dead letter."""
    body = planted(name, CASES[name].said(1), 7)
    spoiled = _spoiled(body.body, wrong)
    taken = take_in(Polled(orjson.dumps(spoiled), headers(name)), "dead")

    if isinstance(taken, ParsedCommand):
        return  # a field that takes any value
    assert isinstance(taken, SetAside)
    answered = taken.answered
    assert isinstance(answered, Answered)
    assert isinstance(answered.answer, Verdict)
    own = b"".join(value for header, value in taken.letter.headers if header.startswith("rma_dead_"))
    assert MARK not in f"{answered.answer} {own.decode()}"


def _spoiled(value: object, wrong: object) -> object:
    """Return a body with something else in the place of each of its texts."""
    if isinstance(value, dict):
        return {name: _spoiled(inner, wrong) for name, inner in value.items()}
    if isinstance(value, list):
        return [_spoiled(inner, wrong) for inner in value]
    return wrong if isinstance(value, str) and MARK in value else value
