"""A customer's texts in every field of every command that takes one: put there by the table, so none is left out."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

from commands.personal import FIELDS, PLAIN
from domain.identity import claim_id, deadline_id, goodwill_id, payout_id, refund_id
from tests.support.four_ways import CASES
from tests.support.four_ways.case import SOLD, Body, Step

MARK: Final = "anary"
"""Stands in every text, whatever its form allows."""
COMMANDS: Final = tuple(name for name in CASES if any(kept != PLAIN for kept in FIELDS.get(name, {}).values()))
"""Those that take a text which is sealed."""
ITEMS: Final[Mapping[str, Body]] = {
    "evidence": {"evidence_id": "E-C", "kind": "photo", "uri": "https://photos.example/1.jpg"},
    "unexpected": {"sku": "CUP", "quantity": 1},
}
"""What an item of a list holds beside its text, where a case has no such list."""
HOLDERS: Final[Mapping[str, Body]] = {"address": {"city": "x", "country": "DE", "lines": ["x"]}}


class Planted(NamedTuple):
    """A command's body with a text in each of its fields, and these texts."""

    body: Body
    texts: list[str]


def planted(name: str, body: Body, number: int) -> Planted:
    """Return a body with a text of its own in every field that is sealed; ``number`` tells it from other bodies."""
    filled, texts = copy.deepcopy(body), list[str]()
    for path, treatment in FIELDS[name].items():
        if treatment != PLAIN:
            text = _text(path, number * 100 + len(texts))
            _put(filled, path.replace("[]", ".[]").split("."), text)
            texts.append(text)
    for item in filled.get("evidence", []):
        item["evidence_id"] += f"-{number}"
    return Planted(filled, texts)


def _text(path: str, number: int) -> str:
    match path.removesuffix("[]").rpartition(".")[2]:
        case "email":
            return f"canary{number}@lind.example"
        case "phone":
            return f"+4917{number:09}"
        case "language":
            return f"de-c{number:07}"
        case "postal_code":
            return f"PC {number:09}"
        case "sha256":
            return f"{number:08x}" * 8
        case "uri":
            return f"https://photos.example/canary-{number}.jpg"
    return f"Canary {number} sang, as she was told"


def _put(holder: Any, steps: list[str], text: str) -> None:
    step, rest = steps[0], steps[1:]
    if rest == ["[]"]:
        holder[step] = [text]
    elif rest and rest[0] == "[]":
        for item in holder.setdefault(step, [copy.deepcopy(ITEMS[step])] if step in ITEMS else []):
            _put(item, rest[1:], text)
    elif rest:
        _put(holder.setdefault(step, copy.deepcopy(HOLDERS.get(step, {}))), rest, text)
    else:
        holder[step] = {"seam": text} if step in {"answers", "checklist"} else text


def story(name: str, number: int) -> tuple[list[Step], Step, list[str]]:
    """Return what happened before a command of an order of its own, the command with its texts, and these.

    Every step before is told with texts, too.
    """
    case, texts, steps = CASES[name], list[str](), list[Step]()
    for place, (step, body) in enumerate([*SOLD[1:], *case.before, (name, case.said(1))]):
        own = planted(step, body, number * 100 + place) if step in FIELDS and step in COMMANDS else Planted(body, [])
        steps.append((step, _moved(own.body, number)))
        texts += own.texts
    return steps[:-1], steps[-1], texts


def _moved(body: Body, number: int) -> Body:
    """Return a body about another order and return than the cases', with all ids that follow from them."""
    order = "" if number == 0 else f"-{number}"
    ids = _ids(1) if number == 0 else dict(zip(_ids(1).values(), _ids(number * 1_000 + 1).values(), strict=True))
    moved: Body = _replaced(body, {"O-1": f"O-1{order}", "UP-1": f"UP-1{order}"} | ids)
    return moved


def _ids(rma: int) -> dict[str, str]:
    """Return the ids that follow from a return's, by what they are; those of nine returns in a row among them."""
    own = UUID(int=rma)
    found = {f"rma {n}": UUID(int=rma + n) for n in range(9)} | {
        f"{word} {n}": make(own, n)
        for word, make in (("goodwill", goodwill_id), ("claim", claim_id))
        for n in (1, 2, 3)
    }
    for n in (1, 2, 3):
        refund = refund_id(own, n)
        found[f"refund {n}"] = refund
        found |= {f"payout {n} {t} {a}": payout_id(refund, t, a) for t in ("T1", "T2", None) for a in (1, 2, 3)}
        found[f"ship back {n}"] = deadline_id(own, "ship_back", 1, n)
    return {word: str(made) for word, made in found.items()}


def _replaced(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(inner, names) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(inner, names) for inner in value]
    if not isinstance(value, str):
        return value
    assert value in names or not re.fullmatch(r"[0-9a-f-]{36}", value), f"{value} is an id that nobody moves"
    return names.get(value, value)
