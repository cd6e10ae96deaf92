"""What a caller may send: its own source, its kinds of actors, its time, its approvals, its sellers' orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from commands.metadata import parse_actor
from infra.envelope.command_record import parse_time
from workers.http.callers import Caller
from workers.http.errors import (
    ActorNotAllowedError,
    ApprovalNotAllowedError,
    ReadOnlyError,
    SellerNotAllowedError,
    SourceNotAllowedError,
    TimeNotAllowedError,
)
from workers.http.incoming import Incoming

TIME_OFF_MAX: Final = timedelta(minutes=5)
"""How far a command's time may be from the door's clock: clocks differ, and a request may wait."""
REGISTER: Final = "rma.RegisterOrder.v1"

Answered = Callable[[Incoming], bool]
SellerOf = Callable[[str], str | None]


def check(caller: Caller, command: Incoming, now: datetime, answered: Answered) -> None:
    """Raise where a caller may not send a command, whatever it says.

    What the command worker would find malformed anyway is left to it.

    Args:
        caller: Who sends it.
        command: What is sent.
        now: The door's clock.
        answered: Tells whether the command was answered before. A repeat, which is answered as the first time, comes
            later than its time says.
    Raises:
        ForbiddenError: The one that says what the caller may not.
    """
    if caller.access != "write":
        raise ReadOnlyError("this caller may only read")
    if command.source != caller.source:
        raise SourceNotAllowedError(f"the source of this caller is {caller.source}", allowed=caller.source)
    _check_actor(caller, command)
    if not caller.approve and isinstance(command.data, Mapping) and command.data.get("approved_by") is not None:
        raise ApprovalNotAllowedError("this caller may not set approved_by")
    if not caller.backdate and _is_off(command, now) and not answered(command):
        raise TimeNotAllowedError(
            "the time of a command is now; another needs a caller that may backdate", now=now.isoformat()
        )


def _check_actor(caller: Caller, command: Incoming) -> None:
    try:
        kind, _ = parse_actor(command.attributes.get("actor", ""))
    except ValueError:
        return
    if kind not in caller.kinds:
        allowed = sorted(caller.kinds)
        raise ActorNotAllowedError(f"this caller speaks for {', '.join(allowed)}, not for {kind}", allowed=allowed)


def _is_off(command: Incoming, now: datetime) -> bool:
    try:
        return abs(parse_time(command.attributes.get("time", "")) - now) > TIME_OFF_MAX
    except ValueError:
        return False


def check_sellers(caller: Caller, commands: Iterable[Incoming], seller_of: SellerOf) -> None:
    """Raise ``SellerNotAllowedError`` where a command is not about an order of the caller's sellers.

    An order that nobody knows is nobody's: it has to be registered, with its seller, before it is spoken about.

    Args:
        caller: Who sends them.
        commands: In their order: one may register the order that the next is about.
        seller_of: Returns the seller of an order; None: it has none, or there is no such order.
    """
    if caller.scope == "all":
        return
    registered: dict[str, str] = {}
    for command in commands:
        data: Any = command.data if isinstance(command.data, Mapping) else {}
        order_id, seller = data.get("order_id"), data.get("seller_id")
        if command.attributes["type"] != REGISTER:
            seller = registered.get(order_id) or seller_of(order_id) if isinstance(order_id, str) else None
        if not (isinstance(order_id, str) and isinstance(seller, str) and seller in caller.scope):
            raise SellerNotAllowedError("this caller speaks only about orders of its own sellers, once they are known")
        registered[order_id] = seller
