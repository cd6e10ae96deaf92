"""From a command's bytes to its handler: parsed once, at the edge, then checked for permission and handled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from commands import (  # importing them registers their handlers
    closing,
    deadlines,
    decisions,
    differences,
    evidence,
    goods,
    money,
    orders,
    policies,
    requests,
)
from commands.fields import Body
from commands.metadata import Meta
from commands.registry import REGISTRATIONS, Registration
from commands.streams import Streams
from domain.errors import NotPermittedError, RmaError
from domain.identity import difference_stream, order_stream, policy_stream, rma_stream

FAULTS_MAX: Final = 100
MODULES: Final = (policies, orders, requests, evidence, decisions, goods, money, deadlines, closing, differences)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one part of a record, by its JSON path."""

    path: str
    message: str


class MalformedError(RmaError):
    """A record that no handler can read; every fault is named."""

    code: ClassVar[str] = "malformed"

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in faults))
        self.faults = faults


def registration_of(type_name: str) -> Registration:
    """Return what is registered for a CloudEvents type; raises ``MalformedError`` for an unknown one."""
    if type_name not in REGISTRATIONS:
        raise MalformedError([Fault("$.type", f"unknown command type {type_name}")])
    return REGISTRATIONS[type_name]


def parse(type_name: str, body: bytes) -> Body:
    """Return the command of a JSON body; raises ``MalformedError`` with every fault by its JSON path."""
    model = registration_of(type_name).model
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        data = _read(body)
        faults = [Fault(json_path(_place(one, data)), one["msg"]) for one in found if not _is_echo(one, found)]
        raise MalformedError(_one_each(faults)[:FAULTS_MAX]) from error


def _is_echo(fault: ErrorDetails, faults: list[ErrorDetails]) -> bool:
    """Tell whether a list is called too short only because its faulty items were not counted."""
    inside = len(fault["loc"])
    return fault["type"] == "too_short" and any(
        len(other["loc"]) > inside and other["loc"][:inside] == fault["loc"] for other in faults
    )


def _read(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError:
        return None  # no JSON: the one fault there is has no place in it


def _place(fault: ErrorDetails, data: Any) -> tuple[int | str, ...]:
    """Return where in the body a fault is: what the model calls its own alternatives is no part of the path."""
    location = fault["loc"]
    for depth, part in enumerate(location):
        within = (isinstance(data, dict) and part in data) or (isinstance(data, list) and part in range(len(data)))
        if not within:
            return location if fault["type"] == "missing" else location[:depth]
        data = data[part]
    return location


def _one_each(faults: list[Fault]) -> list[Fault]:
    """Return one fault for each path: a value that none of several types will do for is one fault."""
    messages: dict[str, list[str]] = {}
    for fault in faults:
        messages.setdefault(fault.path, []).append(fault.message)
    return [Fault(path, "; or: ".join(dict.fromkeys(said))) for path, said in messages.items()]


def json_path(location: tuple[int | str, ...]) -> str:
    """Return a place in a body as a JSON path, such as ``$.lines[0].quantity``."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def streams_of(command: Body) -> tuple[str, ...]:
    """Return the streams that a command names itself."""
    named = []
    if order_id := getattr(command, "order_id", None):
        named.append(order_stream(order_id))
    if rma_id := getattr(command, "rma_id", None):
        named.append(rma_stream(rma_id))
    if policy_id := getattr(command, "policy_id", None):
        named.append(policy_stream(policy_id))
    if difference_id := getattr(command, "difference_id", None):
        named.append(difference_stream(difference_id))
    return tuple(named)


def handle(command: Body, meta: Meta, streams: Streams) -> None:
    """Decide a command: new events are pending on the aggregates it touched, or ``RuleViolationError`` is raised."""
    registration = registration_of(meta.type)
    if meta.actor_kind not in registration.by:
        raise NotPermittedError(
            f"{meta.actor_kind} may not send {registration.model.__name__}",
            actor_kind=meta.actor_kind,
            permitted=sorted(registration.by),
        )
    registration.handler(command, meta, streams)
