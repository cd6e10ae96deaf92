"""A source does what the operator's file says of it, our own processes do theirs, and nobody anything else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest

from commands.dispatch import handle, parse
from commands.metadata import Meta
from commands.registry import REGISTRATIONS
from commands.sources import ANYONE, OWN, Sources
from domain.errors import NotPermittedError
from domain.vocabularies import ActorKind
from tests.support.pipeline import order
from tests.support.shop import Shop
from workers.runtime.sources_file import SourcesFileError, read_sources

PROJECT = Path(__file__).parents[3]
AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
FILE = """
# who does what
/shop: {actors: [customer, system]}
/warehouse/berlin: {actors: [warehouse], commands: [ReceiveGoods]}
/warehouse/*:
  actors: [warehouse]
  commands: [ReceiveGoods, RecordInspection]
"""


def sources(folder: Path, text: str = FILE) -> Sources:
    file = folder / "sources.yaml"
    file.write_text(text)
    return read_sources(file)


def meta(source: str, actor: str, command: str) -> Meta:
    kind: Any = actor
    return Meta("c-1", source, f"rma.{command}.v1", AT, kind, "X")


@pytest.mark.parametrize(
    ("source", "actor", "command"),
    [
        ("/shop", "customer", "RequestReturn"),
        ("/shop", "system", "RegisterOrder"),
        ("/warehouse/berlin", "warehouse", "ReceiveGoods"),
        ("/warehouse/rome", "warehouse", "RecordInspection"),
        ("/rma/deadlines", "clock", "PassDeadline"),
        ("/carriers/ups", "carrier", "RecordScan"),
    ],
)
def test_a_source_may_do_what_is_said_of_it(tmp_path: Path, source: str, actor: str, command: str) -> None:
    """By its name, by how its name begins, or as one of our own."""
    sources(tmp_path).check(meta(source, actor, command), command)


LATER = ["AskFeedback", "PassDeadline", "Remind"]
"""What the clock's worker sends."""


@pytest.mark.parametrize(
    ("source", "actor", "command", "may"),
    [
        ("/shop", "agent", "RequestReturn", {"actors": ["customer", "system"], "commands": "all"}),
        ("/shop/2", "customer", "RequestReturn", {"actors": [], "commands": []}),
        ("/warehouse/*", "agent", "ReceiveGoods", {"actors": ["warehouse"]}),
        ("/warehouse/berlin", "warehouse", "RecordInspection", {"commands": ["ReceiveGoods"]}),
        ("/warehouse/rome", "warehouse", "RegisterOrder", {"commands": ["ReceiveGoods", "RecordInspection"]}),
        ("/rma/deadlines", "clock", "IssueCreditNote", {"actors": ["clock"], "commands": LATER}),
        ("/rma/payments", "agent", "RecordPayoutOutcome", {"actors": ["gateway"]}),
        ("/rma/else", "clock", "PassDeadline", {"actors": [], "commands": []}),
    ],
)
def test_anything_else_is_refused_with_what_it_may(
    tmp_path: Path, source: str, actor: str, command: str, may: dict[str, object]
) -> None:
    """The refusal names the source, the actors that it may act as and the commands that it may send."""
    with pytest.raises(NotPermittedError) as refused:
        sources(tmp_path).check(meta(source, actor, command), command)

    assert refused.value.code == "not_permitted"
    assert refused.value.details["source"] == source
    assert refused.value.details.items() >= may.items()


def test_the_file_may_say_otherwise_of_our_own(tmp_path: Path) -> None:
    """What it says of a source takes the place of what held without it."""
    known = sources(tmp_path, "/rma/policy: {actors: [agent], commands: [PublishStatutes]}")

    with pytest.raises(NotPermittedError):
        known.check(meta("/rma/policy", "agent", "PublishPolicy"), "PublishPolicy")


def test_without_a_file_any_source_may_do_anything() -> None:
    """As it was before there was such a file."""
    assert read_sources(None) is ANYONE
    ANYONE.check(meta("/anybody", "clock", "PassDeadline"), "PassDeadline")


def test_a_refused_source_brings_nothing_about(tmp_path: Path) -> None:
    """It is looked at before anything else of the command, and nothing is recorded."""
    shop, body = Shop(), parse("rma.RegisterOrder.v1", orjson.dumps(order()))

    with pytest.raises(NotPermittedError):
        handle(body, meta("/elsewhere", "system", "RegisterOrder"), shop, AT, sources(tmp_path))
    assert shop.history == []
    handle(body, meta("/shop", "system", "RegisterOrder"), shop, AT, sources(tmp_path))
    assert shop.history


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("/shop: {actors: [king]}", r"\$\./shop\.actors\[0\]: "),
        ("/shop: {actors: []}", r"\$\./shop\.actors: "),
        ("/shop: {actors: [system], commands: [RegisterOrder, Nonsense]}", r"\$\./shop\.commands.*no command Nonsense"),
        ("/shop: {actors: [system], comands: all}", r"\$\./shop\.comands: "),
        ("/shop: {commands: all}", r"\$\./shop\.actors: "),
        ("'/my shop': {actors: [system]}", r"\$\./my shop"),
        ("", r"\$: "),
        ("/shop: {actors: [system]}\n/shop: {actors: [agent]}", "given twice"),
        ("/shop: [", "not the YAML"),
        ("/shop: &a {actors: *a}", r"\$\./shop|recursive|not the YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_place(tmp_path: Path, text: str, says: str) -> None:
    """A worker does not start with half of what was meant."""
    with pytest.raises(SourcesFileError, match=says) as wrong:
        sources(tmp_path, text)

    assert str(wrong.value).startswith(f"RMA_SOURCES_FILE: {tmp_path / 'sources.yaml'}: ")


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """It is not as if none had been given."""
    with pytest.raises(SourcesFileError, match="cannot be read"):
        read_sources(tmp_path / "none.yaml")


def test_what_holds_of_our_own_is_what_they_send() -> None:
    """Every process and command of ours that sends under a name of its own stands there, and no words are wrong."""
    written = re.compile(r'^SOURCE: Final = "(/(?:rma|doors)/[a-z-]+)"$', re.MULTILINE)
    files = [file for file in (PROJECT / "workers").rglob("*.py") if "trials" not in file.parts]
    sends = {name for file in files for name in written.findall(file.read_text("utf-8"))}

    assert {name for name in OWN if not name.endswith("*")} == sends - {"/rma/quote"}, "a quote sends nothing"
    for rights in OWN.values():
        assert rights.actors <= set(get_args(ActorKind))
        for command in rights.commands:
            assert REGISTRATIONS[f"rma.{command}.v1"].by & rights.actors


def test_what_the_page_shows_is_so(tmp_path: Path) -> None:
    """Its file can be used as it stands there, and its table is what holds of our own."""
    page = (PROJECT / "docs" / "securing.md").read_text("utf-8")
    [shown] = re.findall(r"```yaml\n(/shop.*?)```", page, re.DOTALL)
    sources(tmp_path, shown).check(meta("/warehouse/7", "warehouse", "HoldGoods"), "HoldGoods")
    rows = re.findall(r"^\| `(/[^`]+)` \| ([a-z, ]+) \| ([^|]+) \|", page, re.MULTILINE)

    assert {
        source: (set(actors.split(", ")), set(re.findall(r"`(\w+)`", commands))) for source, actors, commands in rows
    } == {source: (set(rights.actors), set(rights.commands)) for source, rights in OWN.items()}
