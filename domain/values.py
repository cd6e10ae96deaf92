"""Values: data that nobody changes once it is made. Every module here takes ``dataclass`` from this one.

That nothing is assigned to a frozen value is held by the type checker, which sees the library's own decorator. The
library holds it at run time, too, by making each field through ``object.__setattr__``: that takes ten times as long,
and one command makes a hundred and fifty fields of values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses

    def dataclass(cls=None, /, *, frozen=False, eq=True, **options):
        """Do as ``dataclasses.dataclass`` does, but let the type checker alone hold that a value is frozen."""

        def decorate(cls):
            has_hash = frozen and eq and "__hash__" not in vars(cls)
            return dataclasses.dataclass(eq=eq, unsafe_hash=has_hash, **options)(cls)

        return decorate if cls is None else decorate(cls)


__all__ = ["dataclass"]
