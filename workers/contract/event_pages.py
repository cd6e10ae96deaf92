"""The pages of the events, one for each kind of stream."""

from __future__ import annotations

from typing import Final

from eventsourcing.domain import BaseAggregate
from pydantic import TypeAdapter

from domain.customer import Customer
from domain.order import Order
from domain.order.bundle import Bundle
from domain.policy.return_policy import ReturnPolicy
from domain.policy.statute_book import StatuteBook
from domain.rma import Rma
from domain.rma.unknown_parcel import UnknownParcel
from domain.settlement.credit_note_series import CreditNoteSeries
from domain.settlement.difference import SettlementDifference
from infra.envelope.codec import Codec, field_names
from workers.contract.examples import event_example
from workers.contract.field_rows import type_text
from workers.contract.markdown import GENERATED, described, json_block, table

AGGREGATES: Final[dict[str, type[BaseAggregate[str]]]] = {
    "order": Order,
    "bundle": Bundle,
    "rma": Rma,
    "policy": ReturnPolicy,
    "statutes": StatuteBook,
    "settlement-difference": SettlementDifference,
    "unknown-parcel": UnknownParcel,
    "credit-note-series": CreditNoteSeries,
    "customer": Customer,
}
HEAD: Final = (
    "The body holds these fields; stream, version, business time and actor are CloudEvents attributes (see "
    "`README.md`). Types are for ever: fields are added, never renamed.\n\n"
)


def event_pages() -> dict[str, str]:
    """Return the page of each kind of stream, by file name."""
    return {f"events-{name}.md": _page(name) for name in AGGREGATES}


def _page(name: str) -> str:
    text = f"{GENERATED}\n# Events of {name}\n\n{HEAD}"
    for topic, event_class in sorted(Codec([AGGREGATES[name]]).event_classes.items()):
        schema = TypeAdapter(event_class).json_schema(mode="serialization")
        fields = {field: schema["properties"][field] for field in field_names(event_class)}
        rows = ((f"`{field}`", type_text(found)) for field, found in fields.items())
        words = described(event_class)
        text += f"## {topic}\n\n" + (f"{words}\n\n" if words else "")
        text += table(("field", "type"), rows) + json_block(event_example(topic)["body"])
    return text.rstrip() + "\n"
