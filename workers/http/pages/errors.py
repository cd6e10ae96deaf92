"""What the pages themselves say no with."""

from __future__ import annotations

from workers.http.errors import DoorError, ForbiddenError


class WrongHostError(DoorError):
    """The request was sent to a name that is not this door's."""

    status = 421
    code = "wrong_host"


class FormForgedError(ForbiddenError):
    """The form was not filled in on a page of this door, or long ago."""

    code = "form_forged"


class FormUnreadableError(DoorError):
    """What was sent is no form of ours."""

    code = "form_unreadable"


class LetInNeededError(ForbiddenError):
    """The visit has ended, or never began: a link lets the visitor in."""

    code = "let_in_needed"
