"""How customers are reached: what orders and returns say of it, opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import orjson


@dataclass(frozen=True, slots=True)
class Contact:
    """How a customer is reached; ``language`` as the shop told it (BCP 47)."""

    email: str | None = None
    phone: str | None = None
    language: str | None = None

    @classmethod
    def read(cls, written: str | None) -> Self | None:
        """Return the contact of a text as orders and returns keep it; None where there is none, or it was erased."""
        try:
            said = orjson.loads(written) if written else None
        except orjson.JSONDecodeError:
            return None
        if not isinstance(said, dict):
            return None
        known = {name: said.get(name) for name in ("email", "phone", "language")}
        return cls(**{name: value for name, value in known.items() if isinstance(value, str)})


def is_same_address(one: str, other: str) -> bool:
    """Tell whether two addresses are one, as people type them."""
    return one.strip().casefold() == other.strip().casefold()
