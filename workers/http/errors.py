"""What the door itself says no with: each with an HTTP status and a stable code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from domain.errors import RmaError

RETRY_AFTER_S = 5


class DoorError(RmaError):
    """Root of what the door answers by itself; nothing was published.

    Args:
        message: One sentence for people.
        details: The figures or names that led to it, as JSON values.
    """

    status: ClassVar[int] = 400

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer's header says beside its body."""
        return {}


class NoCloudEventError(DoorError):
    """What was sent is no CloudEvent: no JSON, or no `id`, no `type`."""

    code = "no_cloudevent"


class NewsUnreadableError(DoorError):
    """What a carrier sent is not in the form that was agreed with it."""

    code = "news_unreadable"


class ParameterInvalidError(DoorError):
    """A parameter is not known here, or its value cannot be."""

    code = "parameter_invalid"


class UnauthorizedError(DoorError):
    """Nobody is known by what came with the request."""

    status = 401

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class NoTokenError(UnauthorizedError):
    """The request names no caller: a token belongs into `Authorization: Bearer`."""

    code = "no_token"


class TokenInvalidError(UnauthorizedError):
    """The token is none of ours, has expired, or is not meant for this door."""

    code = "token_invalid"


class SignatureInvalidError(UnauthorizedError):
    """No such carrier is known, or this is not its signature, or it is too old."""

    code = "signature_invalid"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": "Webhook-Signature"}


class ForbiddenError(DoorError):
    """The caller is known, and may not do this."""

    status = 403


class SourceNotAllowedError(ForbiddenError):
    """The command's `source` is not the caller's own."""

    code = "source_not_allowed"


class ActorNotAllowedError(ForbiddenError):
    """The caller may not speak for this kind of actor."""

    code = "actor_not_allowed"


class ReadOnlyError(ForbiddenError):
    """The caller may only read."""

    code = "read_only"


class ApprovalNotAllowedError(ForbiddenError):
    """The caller may not say who approved a command."""

    code = "approval_not_allowed"


class TimeNotAllowedError(ForbiddenError):
    """The command's `time` is further from this door's clock than the caller may set it."""

    code = "time_not_allowed"


class SellerNotAllowedError(ForbiddenError):
    """The command is not about an order of the caller's own sellers."""

    code = "seller_not_allowed"


class NotFoundError(DoorError):
    """There is no such thing, or it is not the caller's to see."""

    status = 404
    code = "not_found"


class NoLabelError(DoorError):
    """The return has no label, or none of this id."""

    status = 404
    code = "no_label"


class MethodNotAllowedError(DoorError):
    """This address does not answer to this method."""

    status = 405
    code = "method_not_allowed"


class BodyUnreadError(DoorError):
    """The rest of the request's body is not read: whatever else the connection would bring is not a request."""

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Connection": "close"}


class RequestTimeoutError(BodyUnreadError):
    """The request's body did not come in time."""

    status = 408
    code = "request_timeout"


class TooLargeError(BodyUnreadError):
    """The request's body, or a batch, is larger than this address takes."""

    status = 413
    code = "too_large"


class MediaTypeError(DoorError):
    """The body is of a type that this address does not read."""

    status = 415
    code = "media_type"


class EvidenceTypeError(DoorError):
    """The file is of no type that evidence may be, by its content, or it is damaged."""

    status = 415
    code = "evidence_type"


class RateLimitedError(DoorError):
    """More requests in a minute than this caller, or this address, may send."""

    status = 429
    code = "rate_limited"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many requests: try again in {retry_after_s} s")
        self._retry_after_s = retry_after_s

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self._retry_after_s)}


class InternalError(DoorError):
    """A defect of ours; the log says which."""

    status = 500
    code = "internal"


class UnavailableError(DoorError):
    """PostgreSQL or Kafka is away, or this door is full: ask again, a command under the same `id`."""

    status = 503
    code = "unavailable"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(RETRY_AFTER_S)}


class NotYetError(UnavailableError):
    """The views have not come as far as `after` asks."""

    code = "not_yet"


class CallersUnreadableError(RmaError):
    """A file that says who may come in, by key or as a carrier, cannot be used."""

    code = "callers_unreadable"
