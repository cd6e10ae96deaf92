"""Which commands people send from the desk and the bench, and what each form is called; its fields are the model's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import BaseModel

from commands import dispatch  # noqa: F401 - importing it registers the commands
from commands.registry import REGISTRATIONS
from workers.http.pages.naming import N_

About = Literal["return", "order", "difference", "parcel"]
Group = Literal["decide", "money", "customer", "goods", "end"]
GROUPS: Final[dict[Group, str]] = {
    "decide": N_("Decide"),
    "money": N_("Money"),
    "customer": N_("For the customer"),
    "goods": N_("Goods and parcels"),
    "end": N_("Beginning and end"),
}
APPROVER: Final = "approved_by"
SUBJECT: Final = frozenset({"rma_id", "order_id", "customer_id", "difference_id"})
"""What the page itself is about; nobody types it."""


@dataclass(frozen=True, slots=True)
class FormOf:
    """A form: its command, its words, and the field that is named by the form's own id.

    ``left_out`` are fields that no person gives here. ``photos``: files may come along, as its evidence. ``offered``
    are the subject's options for a field, where they are others than those of its name. ``unseen`` says what would
    happen of which no event tells that the door could play.
    """

    command: str
    title: str
    about: str
    group: Group
    subject: About = "return"
    named: str | None = None
    left_out: frozenset[str] = frozenset()
    photos: bool = False
    offered: Mapping[str, str] = field(default_factory=dict)
    unseen: str | None = None

    @property
    def model(self) -> type[BaseModel]:
        """The command's model."""
        return REGISTRATIONS[self.type].model

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return f"rma.{self.command}.v1"

    @property
    def unasked(self) -> frozenset[str]:
        """The fields that the form has none for."""
        return self.left_out | SUBJECT | {APPROVER} | ({self.named} if self.named else frozenset())

    @property
    def may_need_approval(self) -> bool:
        """Whether the command can say who approved it."""
        return APPROVER in self.model.model_fields


def _left_out(names: str) -> frozenset[str]:
    return frozenset(names.split())


_DESK: Final = (
    FormOf("DecideRequest", N_("Approve or deny"), N_("Answer what policy left to a person, line by line."), "decide"),
    FormOf(
        "DecideResolution",
        N_("Decide what the customer gets"),
        N_("Without an amount, all that policy grants for the units, less fees."),
        "decide",
        left_out=_left_out("inspection_id sku"),
    ),
    FormOf(
        "OverrideDecision",
        N_("Override a decision"),
        N_("Decide against what had been decided. A supervisor has to approve."),
        "decide",
    ),
    FormOf("AnswerRemedy", N_("Answer the offer for the customer"), N_("As the customer says it."), "decide"),
    FormOf(
        "AppealDenial",
        N_("Appeal for the customer"),
        N_("The customer disagrees with a denial: a person looks at it anew."),
        "decide",
        left_out=_left_out("evidence"),
    ),
    FormOf(
        "RetryPayout",
        N_("Pay again"),
        N_("Replace a payout that failed: to the same tender, another, several, or as store credit."),
        "money",
    ),
    FormOf(
        "GrantGoodwill",
        N_("Give goodwill"),
        N_("Store credit beyond what the customer is entitled to."),
        "money",
        named="grant_id",
    ),
    FormOf(
        "ClaimFromCustomer", N_("Ask money back"), N_("The customer owes it from then on."), "money", named="claim_id"
    ),
    FormOf(
        "ReportDifference",
        N_("Report a difference"),
        N_("The gateway's books say something else of a payout than ours; it waits with the other differences."),
        "money",
        named="difference_id",
        offered={"payout_id": "payouts"},
    ),
    FormOf(
        "RequestEvidence",
        N_("Ask for photos"),
        N_("The customer is asked, in his language, with your words."),
        "customer",
    ),
    FormOf(
        "AddEvidence",
        N_("Add photos"),
        N_("What the customer sent another way; it goes with the return."),
        "customer",
        left_out=_left_out("evidence"),
        photos=True,
    ),
    FormOf(
        "CorrectRequest",
        N_("Put the request right"),
        N_("Before anything is handed over; it is decided anew."),
        "customer",
        left_out=_left_out("answers"),
    ),
    FormOf("WithdrawReturn", N_("Cancel the return"), N_("The customer keeps the goods after all."), "customer"),
    FormOf("ExtendDeadline", N_("Give more time"), N_("A deadline ends later."), "customer"),
    FormOf(
        "IssueLabel",
        N_("Record a label"),
        N_("A label that was made elsewhere, for the goods to travel under."),
        "goods",
        named="label_id",
    ),
    FormOf("RecordHandover", N_("Record the hand-over"), N_("A parcel has left the customer."), "goods"),
    FormOf(
        "RecordScan",
        N_("Record what a carrier says"),
        N_("Where a parcel of this return was seen."),
        "goods",
        named="scan_id",
    ),
    FormOf(
        "AssignParcel",
        N_("Place a parcel here"),
        N_("One that nobody could place is received under this return."),
        "goods",
    ),
    FormOf(
        "SpendStoreCredit",
        N_("Pay with store credit"),
        N_("The holder pays for something with what this return gave."),
        "money",
        named="spend_id",
    ),
    FormOf(
        "GiveFeedback", N_("Give feedback for the customer"), N_("As the customer says it; once a return."), "customer"
    ),
    FormOf("CloseReturn", N_("Close the return"), N_("Nothing may be open on it."), "end"),
    FormOf("ReopenReturn", N_("Take it up again"), N_("A closed return is worked on again."), "end"),
    FormOf(
        "RequestReturn",
        N_("Ask for a return"),
        N_("For the customer; policy decides at once."),
        "customer",
        "order",
        "rma_id",
        left_out=_left_out(
            "evidence gift recipient_id case_id gift_code informed_at contact lines.answers lines.exchange_for"
        ),
    ),
    FormOf(
        "CorrectContact",
        N_("Put the contact right"),
        N_("What is given takes the place of all that was known."),
        "customer",
        "order",
    ),
    FormOf(
        "EraseCustomer",
        N_("Forget the customer"),
        N_("The customer asks to be forgotten, or the law does. It cannot be undone."),
        "customer",
        "order",
        unseen=N_(
            "All that this customer wrote, and that others wrote of him, becomes unreadable for ever: in this order, "
            "in all others, and in messages. Amounts, days and articles stay."
        ),
    ),
    FormOf(
        "RefundOrder",
        N_("Refund without a return"),
        N_("Money goes back while the goods stay, or never came."),
        "money",
        "order",
        "refund_request_id",
    ),
    FormOf(
        "RecordExternalRefund",
        N_("Record a refund made elsewhere"),
        N_("Money that already went back at the bank or at the gateway."),
        "money",
        "order",
    ),
    FormOf("RecordChargebackOutcome", N_("Record what came of a chargeback"), N_("Won or lost."), "money", "order"),
    FormOf(
        "RecordCustomerPayment",
        N_("Record a payment of the customer"),
        N_("What is owed is paid, the oldest first."),
        "money",
        "order",
        "payment_id",
    ),
    FormOf(
        "WriteOffReceivable",
        N_("Write off what is owed"),
        N_("The customer will not pay. A supervisor has to approve."),
        "money",
        "order",
        "write_off_id",
    ),
    FormOf(
        "CancelUnits",
        N_("Cancel units"),
        N_("They have not left and never will; what was paid for them goes back."),
        "goods",
        "order",
        "cancellation_id",
    ),
    FormOf(
        "RecordShipment",
        N_("Record what was sent out"),
        N_("Units have left for the customer."),
        "goods",
        "order",
        "shipment_id",
    ),
    FormOf(
        "RecordDelivery",
        N_("Record a delivery"),
        N_("Units have reached the customer."),
        "goods",
        "order",
        "delivery_id",
    ),
    FormOf(
        "RecordPayment",
        N_("Record a payment on account"),
        N_("What was sold on account is paid, in full or in part."),
        "money",
        "order",
        "payment_id",
    ),
    FormOf(
        "ResolveDifference",
        N_("Resolve the difference"),
        N_("Say what was behind it; money is moved by forms of its own."),
        "money",
        "difference",
    ),
)
_BENCH: Final = (
    FormOf(
        "ReceiveGoods",
        N_("Receive"),
        N_("Count what is in the parcel."),
        "goods",
        named="receipt_id",
        left_out=_left_out("supersedes"),
    ),
    FormOf(
        "RecordInspection",
        N_("Inspect"),
        N_("Say what the bench finds; photographs help."),
        "goods",
        named="inspection_id",
        left_out=_left_out("checklist evidence supersedes sku"),
        photos=True,
    ),
    FormOf(
        "DecideDisposition",
        N_("Where the goods go"),
        N_("Stock is told."),
        "goods",
        left_out=_left_out("inspection_id sku"),
    ),
    FormOf("HoldGoods", N_("Hold back"), N_("Nobody inspects them until they are released."), "goods"),
    FormOf("ReleaseGoods", N_("Release"), N_("They may be inspected again."), "goods"),
    FormOf("TransferGoods", N_("Move to another site"), N_("They have gone there."), "goods", named="transfer_id"),
    FormOf("SendBack", N_("Send back"), N_("Refused goods are on their way back to the customer."), "goods"),
    FormOf("RecordRepair", N_("Repaired"), N_("Repaired and on their way back to the customer."), "goods"),
    FormOf("ShipReplacement", N_("Send the new article"), N_("It has left."), "goods"),
    FormOf("RecordReplacementLost", N_("New article lost"), N_("It did not arrive."), "goods", named="loss_id"),
    FormOf(
        "RecordUnknownParcel",
        N_("Keep a parcel that nobody can place"),
        N_("An agent looks for its owner."),
        "goods",
        "parcel",
        "parcel_id",
    ),
)
DESK: Final = {form.command: form for form in _DESK}
BENCH: Final = {form.command: form for form in _BENCH}
ELSEWHERE: Final = frozenset(
    # an order is told by the shop, with every line and tender that money will go back to; policies and the law are
    # everybody's, and an operator's to try before they are published: rma policy, rma statutes
    "RegisterOrder PublishPolicy PublishStatutes".split()
)
"""What agents may send and no form does."""
