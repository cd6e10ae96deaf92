"""Which command is handled by what, and who may send it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from commands import approvals
from commands.fields import Body, OnReturn
from commands.metadata import Meta
from commands.personal import sealed_fields
from commands.streams import Streams, the_order, the_return
from domain.case import Case, deadlines, requesters
from domain.errors import WrongStateError
from domain.values import dataclass
from domain.vocabularies import ActorKind

Command = TypeVar("Command", bound=Body)
ReturnCommand = TypeVar("ReturnCommand", bound=OnReturn)
Handler = Callable[[Command, Meta, Streams], None]


@dataclass(frozen=True, slots=True)
class Registration:
    """A command's model, who may send it, and its handler."""

    model: type[Body]
    by: frozenset[ActorKind]
    handler: Handler[Any]
    """Of the model, and of no other."""

    @property
    def type_name(self) -> str:
        """The CloudEvents type, such as ``rma.RequestReturn.v1``."""
        return f"rma.{self.model.__name__}.v1"


REGISTRATIONS: Final[dict[str, Registration]] = {}


def handles(model: type[Command], *, by: str) -> Callable[[Handler[Command]], Handler[Command]]:
    """Register the handler of a command that any of the kinds of actor in ``by`` (words) may send."""

    def register(handler: Handler[Command]) -> Handler[Command]:
        registration = Registration(model, frozenset(by.split()), handler)  # type: ignore[arg-type]
        REGISTRATIONS[registration.type_name] = registration
        return handler

    return register


def on_return(
    model: type[ReturnCommand],
    *,
    by: str,
    while_closed: bool = False,
    own_money_minor: Callable[[ReturnCommand], int] | None = None,
) -> Callable[[Callable[[ReturnCommand, Case], None]], Handler[ReturnCommand]]:
    """Register the handler of a command about an existing return: it gets the case, and deadlines are kept after it.

    Facts of the outside world are taken ``while_closed`` too; anything else needs the return reopened first. A command
    with ``own_money_minor`` (what it moves by a person's own figure) has ``approved_by``, which is checked.
    """

    def register(handler: Callable[[ReturnCommand, Case], None]) -> Handler[ReturnCommand]:
        def handle(command: ReturnCommand, meta: Meta, streams: Streams) -> None:
            order = the_order(streams, command.order_id)
            agent_id = meta.actor_id if meta.actor_kind == "agent" else None
            approved_by: str | None = getattr(command, "approved_by", None)
            case = Case(order, the_return(streams, command.rma_id, order), meta.occurred_at, agent_id, approved_by)
            if own_money_minor is not None:
                approvals.check(streams, order, meta, approved_by, own_money_minor(command))
            if meta.actor_kind == "customer":
                requesters.check_may_speak(case, meta.actor_id)
            if case.rma.closed_at is not None and not while_closed:
                raise WrongStateError("the return is closed; reopen it first", status="closed")
            handler(command, case)
            deadlines.keep(case)

        return handles(model, by=by)(handle)

    return register


def content_hash(command: Body) -> str:
    """Return the SHA-256 of a command's content, by which the same fact told again is known.

    Of a command that holds what is sealed, a point follows and the SHA-256 of the rest: see ``domain/content.py``.
    """
    whole = command.model_dump_json()
    digest = hashlib.sha256(whole.encode()).hexdigest()
    sealed = sealed_fields(type(command).__name__)
    if sealed is None or not _holds(command, sealed):
        return digest
    plain = command.model_dump_json(exclude=sealed)
    return f"{digest}.{hashlib.sha256(plain.encode()).hexdigest()}"


def _holds(body: Body, fields: Mapping[str, Any]) -> bool:
    """Tell whether one of these fields is given, at any depth."""
    for name, inner in fields.items():
        value = body.named(name)
        if value is None:
            continue
        if inner is True:
            return True
        items = value if "__all__" in inner else (value,)
        if any(_holds(item, inner.get("__all__", inner)) for item in items):
            return True
    return False
