"""What the command line itself says no with."""

from __future__ import annotations

from typing import ClassVar

from domain.errors import RmaError, UnusableInputError


class SaidNoError(RmaError):
    """The system said no, or a check failed; the message names what to do. Exit code 1."""

    code: ClassVar[str] = "said_no"


class WrongUsageError(UnusableInputError):
    """An argument cannot be used; the message names what would do. Exit code 2."""

    code: ClassVar[str] = "wrong_usage"
