"""How events of earlier versions are read: what each stored type became, and how its body becomes the newer one.

An event class whose fields changed beyond adding some with defaults gets a new ``TOPIC``; its old one gets an *upcast*
here. Nothing that was stored is ever rewritten, and whoever reads events asks the codec which stored types a class has
had, so that an event of any version counts the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Upcast:
    """The next step of an old type.

    Args:
        to: The type it became: one that has a class, or the next old one on the way there.
        body: Returns the newer body of an old one, both as JSON values; it follows from the old body alone.
    """

    to: str
    body: Callable[[dict[str, Any]], dict[str, Any]]


UPCASTS: Final[Mapping[str, Upcast]] = {}
"""By the old type. There is none so far: every type that was ever stored still has its class."""
