"""The pages of the commands, one for each file of handlers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from commands.dispatch import MODULES
from commands.registry import REGISTRATIONS, Registration
from workers.contract.examples import command_example
from workers.contract.field_rows import field_rows, parts_of
from workers.contract.markdown import GENERATED, described, json_block, table

GROUPS: Final = {
    "commands.policies": "Policies",
    "commands.statutes": "Statutes",
    "commands.orders": "Orders, shipments and deliveries",
    "commands.requests": "Requests",
    "commands.evidence": "Evidence",
    "commands.decisions": "Decisions on a request",
    "commands.parcels": "Parcels on their way",
    "commands.goods": "Goods at the dock, on the bench and out again",
    "commands.unknown_parcels": "Parcels that nobody can place",
    "commands.money": "What units get, payouts, goodwill, claims, store credit",
    "commands.order_money": "Money of an order that no return asks for",
    "commands.external_refunds": "Money that went back elsewhere",
    "commands.deadlines": "Deadlines",
    "commands.notices": "What the customer is told and asked",
    "commands.closing": "Feedback and the end of a return",
    "commands.differences": "Differences between a gateway's books and ours",
    "commands.credit_notes": "Credit notes",
    "commands.customers": "Customers who are forgotten",
}


def command_pages() -> dict[str, str]:
    """Return the page of each module of commands, by file name."""
    return {f"commands-{module.__name__.split('.')[1]}.md": _page(module.__name__) for module in MODULES}


def _page(module: str) -> str:
    known = [found for found in REGISTRATIONS.values() if found.model.__module__ == module]
    parts: dict[str, dict[str, Any]] = {}
    text = f"{GENERATED}\n# Commands: {GROUPS[module]}\n\n"
    for registration in known:
        text += _command(registration)
        parts |= parts_of(registration.model.model_json_schema(by_alias=True))
    text += "# Parts\n\n" if parts else ""
    for name in sorted(parts):
        description = str(parts[name].get("description", "")).split("\n\n")[0].replace("\n", " ")
        text += f"## {name}\n\n" + (f"{description}\n\n" if description else "") + _fields(parts[name])
    return text.rstrip() + "\n"


def _command(registration: Registration) -> str:
    model = registration.model
    senders = ", ".join(f"`{kind}`" for kind in sorted(registration.by))
    text = f"## {model.__name__}\n\n{described(model)}\n\n"
    text += f"Type `{registration.type_name}`; sent by {senders}.\n\n"
    return text + _fields(model.model_json_schema(by_alias=True)) + json_block(command_example(registration))


def _fields(schema: Mapping[str, Any]) -> str:
    return table(("field", "required", "type"), field_rows(schema)) if schema.get("properties") else ""
