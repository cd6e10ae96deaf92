"""What is refused of editions of the statutes."""

from __future__ import annotations

from typing import ClassVar

from domain.errors import RmaError, RuleViolationError


class StatutesRefusedError(RmaError):
    """An edition holds what cannot be law; ``path`` is the file's name and the place in it."""

    code: ClassVar[str] = "statutes_refused"

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class UnknownEditionError(RuleViolationError):
    """There is no edition of the statutes of this number; `editions` are those there are."""

    code = "unknown_edition"


class EditionPublishedError(RuleViolationError):
    """The edition was published already, from another instant on."""

    code = "edition_published"


class EditionOlderError(RuleViolationError):
    """The edition is older than the newest that was published."""

    code = "edition_older"


class EditionEffectiveDateError(RuleViolationError):
    """The edition would take effect no later than the one published before it."""

    code = "edition_effective_date"
