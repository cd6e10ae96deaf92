"""Which source may act as whom, and send what: as an operator's file says, and as our own processes need it.

A source is what a sender calls itself: that it is who it says is held where it comes in, by the keys of the HTTP API or
by the broker. What is held here is that nobody does what is another's to do, whoever he says he is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from commands.metadata import Meta
from commands.registry import REGISTRATIONS
from domain.errors import NotPermittedError
from domain.values import dataclass
from domain.vocabularies import ActorKind

ALL: Final = "all"
ANY_FURTHER: Final = "*"
"""What a name ends with that stands for all sources that begin like it."""


def _source_name(given: str) -> str:
    if not re.fullmatch(r"[!-~]{1,256}", given):
        raise ValueError("is no source: 1 to 256 printable characters of ASCII, without spaces")
    return given


def _command_name(given: str) -> str:
    if f"rma.{given}.v1" not in REGISTRATIONS:
        raise ValueError(f"there is no command {given}")
    return given


SourceName = Annotated[str, AfterValidator(_source_name)]
CommandName = Annotated[str, AfterValidator(_command_name)]


class SourceRights(BaseModel):
    """What a source may do: act as these kinds of actors, and send these commands; both have to hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actors: Annotated[frozenset[ActorKind], Field(min_length=1)]
    commands: Literal["all"] | Annotated[frozenset[CommandName], Field(min_length=1)] = ALL


def _own(actors: str, commands: str) -> SourceRights:
    # the words are checked by a test: when this is read, no command is registered yet
    return SourceRights.model_construct(actors=frozenset(actors.split()), commands=frozenset(commands.split()))


OWN: Final[Mapping[str, SourceRights]] = {
    "/rma/deadlines": _own("clock", "PassDeadline Remind AskFeedback"),
    "/rma/credit-notes": _own("clock", "IssueCreditNote"),
    "/rma/labels": _own("system", "IssueLabel"),
    "/rma/payments": _own("gateway", "RecordPayoutOutcome"),
    "/rma/notices": _own("system", "RecordNotice RecordNoticeOutcome"),
    "/rma/bounces": _own("system", "RecordNoticeOutcome"),
    "/rma/reconcile": _own("system", "ReportDifference"),
    "/rma/match": _own("agent customer", "RequestReturn"),
    "/rma/review": _own("agent", "DecideRequest"),
    "/rma/privacy": _own("agent system", "EraseCustomer"),
    "/rma/differences": _own("agent", "ResolveDifference"),
    "/rma/policy": _own("agent system", "PublishPolicy"),
    "/rma/statutes": _own("agent system", "PublishStatutes"),
    "/rma/init": _own("system", "PublishPolicy PublishStatutes"),
    "/doors/customer": _own(
        "customer",
        "RequestReturn CorrectRequest WithdrawReturn GiveFeedback AddEvidence AppealDenial AnswerRemedy CorrectContact",
    ),
    "/doors/desk": _own(
        "agent",
        "AddEvidence DecideRequest DecideResolution OverrideDecision AnswerRemedy AppealDenial RetryPayout "
        "GrantGoodwill ClaimFromCustomer RequestEvidence CorrectRequest WithdrawReturn ExtendDeadline IssueLabel "
        "RecordHandover CloseReturn ReopenReturn CorrectContact RefundOrder RecordExternalRefund "
        "RecordChargebackOutcome RecordCustomerPayment WriteOffReceivable CancelUnits ResolveDifference "
        "RequestReturn RecordScan AssignParcel GiveFeedback SpendStoreCredit RecordShipment RecordDelivery "
        "RecordPayment ReportDifference EraseCustomer",
    ),
    "/doors/bench": _own(
        "warehouse",
        "ReceiveGoods RecordInspection DecideDisposition HoldGoods ReleaseGoods TransferGoods SendBack RecordRepair "
        "ShipReplacement RecordReplacementLost RecordUnknownParcel",
    ),
    "/carriers/*": _own("carrier", "RecordHandover RecordScan"),
}
"""What our own processes and commands send: it holds beside the file, unless the file says otherwise of a source."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What each source may do, by its name; ``known`` is None where any source may do anything."""

    known: Mapping[str, SourceRights] | None = None

    @classmethod
    def beside_own(cls, said: Mapping[str, SourceRights]) -> Self:
        """Return what an operator's file says, and what holds beside it for our own processes."""
        return cls({**OWN, **said})

    def check(self, meta: Meta, command: str) -> None:
        """Raise ``NotPermittedError`` where a source may not act as this actor, or not send a command of this name."""
        if self.known is None:
            return
        rights = _rights_of(meta.source, self.known)
        if rights is None:
            raise NotPermittedError(
                f"the source {meta.source} is not known", source=meta.source, actors=[], commands=[]
            )
        may_send = rights.commands == ALL or command in rights.commands
        if not (may_send and meta.actor_kind in rights.actors):
            raise NotPermittedError(
                f"the source {meta.source} may not send {command} as {meta.actor_kind}",
                source=meta.source,
                actors=sorted(rights.actors),
                commands=ALL if rights.commands == ALL else sorted(rights.commands),
            )


def _rights_of(source: str, known: Mapping[str, SourceRights]) -> SourceRights | None:
    """Return what is said of a source by its name, else by the longest beginning of it that something is said of."""
    if source in known and not source.endswith(ANY_FURTHER):
        return known[source]
    begins = [name.removesuffix(ANY_FURTHER) for name in known if name.endswith(ANY_FURTHER)]
    longest = max((begin for begin in begins if source.startswith(begin)), key=len, default=None)
    return None if longest is None else known[longest + ANY_FURTHER]


ANYONE: Final = Sources()
"""Any source may act as anyone."""
