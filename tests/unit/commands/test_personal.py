"""Every field of a command that takes a text has a row in the table of what is sealed."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from commands.dispatch import parse
from commands.faults import MalformedError
from commands.fields import NO_NUL
from commands.personal import FIELDS
from commands.registry import REGISTRATIONS, content_hash
from domain.content import is_same_content
from tests.support.stories import on_return

POLICIES = {"PublishPolicy", "PublishStatutes"}
"""Their texts are the merchant's own."""


def test_every_text_has_a_row() -> None:
    """A field of type Text, alone, in a list, or as an answer, that nobody thought about would stay plain for ever."""
    for registration in REGISTRATIONS.values():
        command = registration.model.__name__
        if command not in POLICIES:
            missing = set(texts_of(registration.model)) - FIELDS.get(command, {}).keys()
            assert not missing, (command, missing)


def test_a_text_without_a_row_is_seen() -> None:
    """Alone, as what may be left out, in a list's item: or the test above would hold of anything."""
    seen = {name: set(texts_of(REGISTRATIONS[f"rma.{name}.v1"].model)) for name in ("CloseReturn", "ReceiveGoods")}

    assert seen == {"CloseReturn": {"reason"}, "ReceiveGoods": {"unexpected[].note"}}
    assert "comment" in set(texts_of(REGISTRATIONS["rma.GiveFeedback.v1"].model))


def test_no_row_is_of_a_field_that_is_not_there() -> None:
    """The table says nothing of what does not exist."""
    for command, rows in FIELDS.items():
        model = REGISTRATIONS[f"rma.{command}.v1"].model
        for path in rows:
            holder: Any = model
            for step in path.replace("[]", "").split("."):
                holder = model_in(holder.model_fields[step].annotation) or holder.model_fields[step]


def test_the_same_content_is_known_with_and_without_its_texts() -> None:
    """Two hashes are kept where something is sealed: the one over the rest is left when the other is lost."""
    plain, with_text = (
        content_hash(parse("rma.IssueLabel.v1", orjson.dumps(on_return(UUID(int=1), **LABEL, ship_to=ship_to))))
        for ship_to in ("Lindenweg 7", "Ulmenweg 8")
    )

    assert plain != with_text
    assert not is_same_content(plain, with_text)
    assert is_same_content(f".{plain.partition('.')[2]}", with_text)
    assert is_same_content(plain.partition(".")[0], plain), "recorded before anything was sealed"


def test_a_command_without_texts_has_one_hash() -> None:
    """It is the one that it always had."""
    command = parse("rma.RecordScan.v1", orjson.dumps(on_return(tracking_number="T", scan_id="S", status="accepted")))

    assert "." not in content_hash(command)


LABEL = {"label_id": "L-1", "carrier": "DHL", "tracking_number": "T-1"}


CANARY = "Canary Lind"
SPOILED: tuple[Any, ...] = (CANARY * 3_000, f"{CANARY}\x00", [[CANARY]], {"x": [CANARY]})
BODIES: dict[str, dict[str, Any]] = orjson.loads(
    (Path(__file__).parents[3] / "docs" / "contracts" / "examples" / "commands.json").read_bytes()
)


@pytest.mark.parametrize("name", [name for name, rows in FIELDS.items() if set(rows.values()) != {"plain"}])
def test_what_is_wrong_with_a_text_is_told_without_it(name: str) -> None:
    """An answer is published, and kept for ever, plain: of a field that is sealed it says place and fault alone."""
    for path, treatment in FIELDS[name].items():
        for spoiled in SPOILED if treatment != "plain" else ():
            body = orjson.loads(orjson.dumps(BODIES[name]))
            put(body, path.split("."), spoiled)
            with pytest.raises(MalformedError) as told:
                parse(f"rma.{name}.v1", orjson.dumps(body))
            assert "anary" not in f"{told.value} {told.value.faults}", path


def put(holder: dict[str, Any], steps: list[str], value: Any) -> None:
    """Put a value where a row's path leads in a body, with what is missing on the way."""
    step, *further = steps
    name, many = step.removesuffix("[]"), step.endswith("[]")
    if not further:
        holder[name] = [value] if many else value
        return
    inner: Any = holder.get(name) or ([{}] if many else {})
    holder[name] = inner
    put(inner[0] if many else inner, further, value)


def texts_of(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        here = f"{path}{name}"
        if inner := model_in(field.annotation):
            many = "[]" if typing.get_origin(field.annotation) is tuple or "tuple" in str(field.annotation) else ""
            yield from texts_of(inner, f"{here}{many}.")
        elif takes_text(field):
            yield here


def takes_text(field: FieldInfo) -> bool:
    """Tell whether a field takes a text: what is free but for U+0000 and its length."""
    pattern = repr(NO_NUL)  # as it stands in what pydantic prints, its backslash twice
    return pattern in repr(field.annotation) or pattern in repr(field.metadata)


def model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := model_in(part))), None)


@pytest.mark.parametrize(
    ("contact", "is_fine"),
    [
        ({"email": "anna@shop.example"}, True),
        ({"email": "änna.lind+x@shop.example"}, True),
        ({"email": "anna"}, False),
        ({"email": "anna@shop.example, b@c.example"}, False),
        ({"email": "anna\n@shop.example"}, False),
        ({"email": f"{'a' * 64}@{'b' * 180}.{'c' * 20}"}, False),
        ({"phone": "+4915112345678"}, True),
        ({"phone": "0151 12345"}, False),
        ({"language": "pt-BR"}, True),
        ({"language": "German (Germany)"}, False),
        ({"address": {"lines": ["Lindenweg 7"], "city": "Ulm", "country": "DE"}}, True),
        ({"address": {"lines": [], "city": "Ulm", "country": "DE"}}, False),
        ({"name": "Anna\x07"}, False),
    ],
)
def test_a_contact_is_what_can_be_written_to(contact: dict[str, Any], is_fine: bool) -> None:
    """One address of mail, a phone number with its country, a language of BCP 47, lines of an address."""
    body = orjson.dumps({"order_id": "O-1", "contact": contact})
    if is_fine:
        parse("rma.CorrectContact.v1", body)
    else:
        with pytest.raises(MalformedError):
            parse("rma.CorrectContact.v1", body)
