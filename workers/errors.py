"""What processes and the command line say no with."""

from __future__ import annotations

from typing import ClassVar

from domain.errors import RmaError


class SaidNoError(RmaError):
    """The system said no, or a check failed; the message names what to do. Exit code 1."""

    code: ClassVar[str] = "said_no"


class WrongUsageError(RmaError):
    """An argument cannot be used; the message names what would do. Exit code 2."""

    code: ClassVar[str] = "wrong_usage"
