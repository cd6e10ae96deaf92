"""The pages of ``docs/contracts/``, written from the models themselves: ``python -m workers.contract.docs``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from eventsourcing.domain import BaseAggregate
from pydantic import TypeAdapter

from commands.dispatch import MODULES, parse
from commands.registry import REGISTRATIONS, Registration
from domain.errors import RuleViolationError
from domain.order import Order
from domain.policy.return_policy import ReturnPolicy
from domain.rma import Rma
from domain.settlement.difference import SettlementDifference
from infra.envelope.codec import Codec, field_names
from workers.contract.kafka import kafka_page
from workers.contract.schema import field_rows, parts_of, type_text
from workers.contract.views import views_page

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = ROOT / "docs" / "contracts"
COMMAND_EXAMPLES: Final = PAGES / "examples" / "commands.json"
EVENT_EXAMPLES: Final = ROOT / "tests" / "examples" / "events"
GENERATED: Final = "<!-- Written by `python -m workers.contract.docs`; edit the models, not this page. -->\n"
REUSABLE: Final = (
    "shipment_id", "delivery_id", "label_id", "receipt_id", "scan_id", "inspection_id", "evidence_id",
    "spend_id", "difference_id",
)  # fmt: skip
"""Identifiers that stand for one fact: with other content under the same one, a command is refused."""
GROUPS: Final = {
    "commands.policies": "Policies",
    "commands.orders": "Orders, shipments and deliveries",
    "commands.requests": "Requests",
    "commands.evidence": "Evidence",
    "commands.decisions": "Decisions on a request",
    "commands.goods": "Goods on their way and at the dock",
    "commands.money": "What units get, payouts, goodwill, claims, store credit",
    "commands.deadlines": "Deadlines",
    "commands.closing": "Feedback and the end of a return",
    "commands.differences": "Differences between a gateway's books and ours",
}
AGGREGATES: Final[dict[str, type[BaseAggregate[str]]]] = {
    "order": Order,
    "rma": Rma,
    "policy": ReturnPolicy,
    "settlement-difference": SettlementDifference,
}


def pages() -> dict[str, str]:
    """Return every generated page by its file name; the same models give the same bytes."""
    found = {f"commands-{module.__name__.split('.')[1]}.md": _commands_page(module.__name__) for module in MODULES}
    found |= {f"events-{name}.md": _events_page(name) for name in AGGREGATES}
    return found | {"views.md": views_page(GENERATED), "kafka.md": kafka_page(GENERATED), "README.md": _index(found)}


def main() -> None:
    """Write the pages; print the names of those that changed."""
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = PAGES / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"docs/contracts/{name}\n")


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ").strip()


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines) + "\n"


def _json_block(value: object) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n\n"


def _commands_page(module: str) -> str:
    examples: Mapping[str, Any] = json.loads(COMMAND_EXAMPLES.read_text("utf-8"))
    known = [found for found in REGISTRATIONS.values() if found.model.__module__ == module]
    parts: dict[str, dict[str, Any]] = {}
    text = f"{GENERATED}\n# Commands: {GROUPS[module]}\n\n"
    for registration in known:
        name = registration.model.__name__
        parse(
            registration.type_name, json.dumps(examples[name]).encode()
        )  # an example that can't be read is no example
        text += _command(registration, examples[name])
        parts |= parts_of(registration.model.model_json_schema(by_alias=True))
    text += "# Parts\n\n" if parts else ""
    for name in sorted(parts):
        text += f"## {name}\n\n{_described(parts[name])}" + _fields(parts[name])
    return text.rstrip() + "\n"


def _command(registration: Registration, example: object) -> str:
    model = registration.model
    senders = ", ".join(f"`{kind}`" for kind in sorted(registration.by))
    text = f"## {model.__name__}\n\n{_first_line(model)}\n\n"
    text += f"Type `{registration.type_name}`; sent by {senders}.\n\n"
    return text + _fields(model.model_json_schema(by_alias=True)) + _json_block(example)


def _described(schema: Mapping[str, Any]) -> str:
    description = str(schema.get("description", "")).split("\n\n")[0].replace("\n", " ")
    return f"{description}\n\n" if description else ""


def _fields(schema: Mapping[str, Any]) -> str:
    return table(("field", "required", "type"), field_rows(schema)) if schema.get("properties") else ""


def _events_page(name: str) -> str:
    codec = Codec([AGGREGATES[name]])
    text = f"{GENERATED}\n# Events of {name}\n\nThe body holds these fields; stream, version, business time and "
    text += (
        "actor are CloudEvents attributes (see `README.md`). Types are for ever: fields are added, never renamed.\n\n"
    )
    for topic, event_class in sorted(codec.event_classes.items()):
        schema = TypeAdapter(event_class).json_schema(mode="serialization")
        fields = {field: schema["properties"][field] for field in field_names(event_class)}
        rows = ((f"`{field}`", type_text(found)) for field, found in fields.items())
        stored = [json.loads(path.read_text("utf-8"))["body"] for path in EVENT_EXAMPLES.glob(f"{topic}[.+]*")]
        example = max(stored, key=len)  # that of the newest shape: fields are only added
        text += f"## {topic}\n\n{_own_words(event_class)}" + table(("field", "type"), rows) + _json_block(example)
    return text.rstrip() + "\n"


def _own_words(event_class: type) -> str:
    words = _first_line(event_class)
    return "" if words.startswith(f"{event_class.__name__}(") else f"{words}\n\n"  # a dataclass's own signature


def _index(named: Iterable[str]) -> str:
    titles = "".join(
        f"- [{name.removesuffix('.md').replace('-', ': ', 1).replace('-', ' ')}]({name})\n" for name in sorted(named)
    )
    return f"{GENERATED}\n{_README.format(titles=titles, count=len(REGISTRATIONS), codes=_codes())}"


def _codes() -> str:
    known = {found.code for found in RuleViolationError.__subclasses__() if found.code != RuleViolationError.code}
    reused = [f"{name}_reused" for name in REUSABLE]
    return " ".join(f"`{code}`" for code in sorted([*known, *reused]))


_README: Final = """# Contracts

What other systems meet. Commands go to the topic `rma.commands`, answers come on `rma.command-results`, facts on
`rma.events`; the views of schema `rma_read` are for reading. There are {count} commands.

{titles}- [views](views.md)
- [Kafka](kafka.md): topics, keys and partitions, compression, limits, how long things are kept

## Attributes

Commands are accepted as CloudEvents 1.0 in binary mode (`ce_` headers) and in structured mode
(`application/cloudevents+json`); events and results are written in binary mode with `content-type: application/json`.

| attribute | command | event |
| --- | --- | --- |
| `id`, `source` | the idempotency key: a repeat gets the first answer again | the event's id; `/rma` |
| `type` | `rma.RequestReturn.v1` | `rma.Rma.Requested.v1` |
| `time` | business time, required, with an offset | the same business time |
| `subject` | | the stream: `order/O-1001`, `rma/<uuid>`, `policy/standard` |
| `actor` | required, `kind:id` | as the command's |
| `correlationid` | optional | the command's, else the command's `id`; whatever follows from it has the same |
| `causationid` | optional: the `id` of the event it answers | of the first event what its command names, else the \
command's `id`; of each further event of the command the `id` of the one before it |
| `streamversion`, `position`, `recordedat`, `commandid`, `prevhash` | | always set |

The key of a command is its `order_id`, for policies the `policy_id`. An unknown field is malformed.

Commands of the payments and deadline workers name the event that they answer, so that a payout can be followed back to
the request by ids alone. Events of version 0.1.0 have the command's `id` as `causationid`, and stay so.

## Results

```json
{{
  "command_id": "c-1",
  "source": "/shop",
  "type": "rma.RequestReturn.v1",
  "status": "refused",
  "code": "units_not_available",
  "message": "1 of 2 units can still be returned",
  "details": {{"line_id": "L1", "asked": 2, "available": 1}},
  "events": [],
  "recorded_at": "2026-03-01T09:00:00.123Z"
}}
```

`status` is `accepted`, `refused` (with a stable `code`, a `message` for people and the figures in `details`) or
`malformed` (every fault by its JSON path in `details.faults`; the record also goes to `rma.commands.dead`). What was
accepted names its events: `id`, `type`, `stream`, `version`, `position`.

The path of a fault is a header (`$.ce_time`), an attribute of a structured event (`$.time`), or a place in the body
(`$.lines[0].quantity`). Faults of the attributes and of the body are named together, so that a record is mended once.

Codes: {codes}.
"""


if __name__ == "__main__":
    main()
