"""What codes are called where people work: short words, and the code itself only where it is nobody else's."""

from __future__ import annotations

from typing import Final

from infra.sealing.bodies import Mark
from workers.http.pages.naming import N_
from workers.http.pages.words import Words
from workers.pictures.catalogues import catalogue

STATUSES: Final[dict[str, str]] = {
    "requested": N_("Asked for"),
    "needs_review": N_("To be decided"),
    "authorized": N_("Approved, not sent yet"),
    "in_transit": N_("On its way"),
    "received": N_("Arrived"),
    "inspected": N_("Checked at the bench"),
    "resolved": N_("Resolved"),
    "denied": N_("Denied"),
    "expired": N_("Lapsed: nothing was sent"),
    "withdrawn": N_("Cancelled"),
    "closed": N_("Closed"),
}
STEPS: Final[dict[str, str]] = {
    "decide": N_("Somebody decides"),
    "ship": N_("The customer sends it"),
    "receive": N_("It arrives"),
    "inspect": N_("The bench looks at it"),
    "resolve": N_("Somebody decides what it is worth"),
    "pay": N_("The money arrives"),
    "close": N_("It can be closed"),
    "none": N_("Nothing"),
}
QUEUES: Final[dict[str, str]] = {
    "review": N_("To be decided"),
    "appeals": N_("Appeals"),
    "overdue": N_("Overdue"),
    "payouts": N_("Failed payouts"),
    "differences": N_("Differences"),
    "messages": N_("Messages that came back"),
    "withdrawals": N_("Withdrawals"),
    "parcels": N_("Unknown parcels"),
    "news": N_("Carriers' news"),
    "approvals": N_("To be approved"),
}
PLACING: Final[dict[str, str]] = {
    "withdrawal": N_("A withdrawal without a return"),
    "parcel": N_("A parcel that nobody could place"),
    "news": N_("News of a parcel that nobody knows"),
}
STATES: Final[dict[str, str]] = {
    "requested": N_("asked for"),
    "needs_review": N_("to be decided"),
    "authorized": N_("approved"),
    "denied": N_("denied"),
    "withdrawn": N_("cancelled"),
    "expired": N_("lapsed"),
    "with_customer": N_("with the customer"),
    "in_transit": N_("on its way"),
    "delivered": N_("delivered"),
    "received": N_("arrived"),
    "lost": N_("lost"),
    "short": N_("did not arrive"),
    "wrong_item": N_("another article"),
    "kept": N_("stays with the customer"),
    "awaiting": N_("not checked yet"),
    "held": N_("held back"),
    "inspected": N_("checked"),
    "undecided": N_("undecided"),
    "send_back": N_("goes back to the customer"),
    "none": N_("nothing"),
    "due": N_("due"),
    "pending": N_("on its way"),
    "settled": N_("arrived"),
    "failed": N_("failed"),
    "unknown": N_("unclear"),
    "met": N_("met"),
    "passed": N_("passed"),
    "cancelled": N_("no longer needed"),
    "open": N_("open"),
    "sent": N_("sent"),
    "bounced": N_("came back"),
    "skipped": N_("not sent"),
    "issued": N_("label issued"),
    "handed_over": N_("handed over"),
    "accepted": N_("taken by the carrier"),
    "out_for_delivery": N_("out for delivery"),
    "exception": N_("held up"),
}
DEADLINES: Final[dict[str, str]] = {
    "ship_back": N_("The goods are sent"),
    "inspect": N_("The bench has looked"),
    "refund": N_("The money is there"),
    "appeal": N_("The customer may appeal"),
    "close": N_("It closes by itself"),
    "remedy": N_("The customer answers the offer"),
}
DIFFERENCES: Final[dict[str, str]] = {
    "missing_here": N_("The gateway has it, we do not"),
    "missing_there": N_("We have it, the gateway does not"),
    "different_amount": N_("The amounts differ"),
    "twice_there": N_("The gateway has it twice"),
}
NOTICES: Final[dict[str, str]] = {
    "requested": N_("Request received"),
    "evidence_asked": N_("Photos asked for"),
    "approved": N_("Approved"),
    "denied": N_("Not approved"),
    "deadline_near": N_("Deadline is near"),
    "received": N_("Goods arrived"),
    "refunded": N_("Money sent"),
    "refund_failed": N_("Payout failed"),
    "exchange_shipped": N_("New article sent"),
    "sent_back": N_("Goods sent back"),
    "survey": N_("Survey"),
    "closed": N_("Closed"),
}
DISPOSITIONS: Final[dict[str, str]] = {
    "restock": N_("Back to stock"),
    "open_box": N_("Sold as opened"),
    "refurbish": N_("Made good as new"),
    "return_to_supplier": N_("Back to the supplier"),
    "liquidate": N_("Sold off"),
    "donate": N_("Given away"),
    "recycle": N_("Recycled"),
    "scrap": N_("Scrapped"),
    "send_back": N_("Sent back to the customer"),
    "hold": N_("Held"),
    "not_returned": N_("Was not returned"),
}
CAUSES: Final[dict[str, str]] = {
    "none_found": N_("nothing wrong"),
    "manufacturing": N_("made wrongly"),
    "design": N_("designed wrongly"),
    "packaging": N_("packed badly"),
    "carrier_damage": N_("damaged on its way"),
    "picking_error": N_("picked wrongly"),
    "listing_error": N_("described wrongly"),
    "misuse": N_("misused"),
    "wear": N_("worn"),
    "tampering": N_("tampered with"),
    "counterfeit": N_("counterfeit"),
    "unknown": N_("unclear"),
}
GRADES: Final[dict[str, str]] = {
    "A": N_("A: as new, unopened"),
    "B": N_("B: opened, else as new"),
    "C": N_("C: used, and showing it"),
    "D": N_("D: damaged"),
    "E": N_("E: unusable"),
    "X": N_("X: not the article at all"),
}
LIABLE: Final[dict[str, str]] = {"none": N_("nobody")}
VALUES: Final[dict[str, str]] = {
    "approve": N_("approve"),
    "deny": N_("deny"),
    "console": N_("made by hand at the gateway"),
    "chargeback": N_("chargeback"),
    "won": N_("won"),
    "other_period": N_("belongs to another period"),
    "corrected_here": N_("corrected here"),
    "corrected_there": N_("corrected there"),
    "written_off": N_("written off"),
    "missing_here": N_("missing here"),
    "missing_there": N_("missing there"),
    "different_amount": N_("another amount"),
    "twice_there": N_("there twice"),
    "request": N_("the customer asked"),
    "retention": N_("kept long enough"),
    "court": N_("a court"),
    "other": N_("something else"),
    "yes": N_("yes"),
    "no": N_("no"),
}
EVIDENCE: Final[dict[str, str]] = {"photo": N_("Photo"), "video": N_("Video"), "document": N_("Document")}
MARKS: Final[dict[str, str]] = {
    "(sealed)": N_("(sealed)"),
    "(erased)": N_("(erased)"),
    "(unreadable)": N_("(unreadable)"),
}
SEALED: Final = "sealed:v1:"


def named(names: dict[str, str], code: str, said: Words) -> str:
    """Return what a code is called; a code that has no name is shown as it is."""
    return said.gettext(names[code]) if code in names else code.replace("_", " ")


def state_name(code: str, said: Words) -> str:
    """Return what the state of units, of money or of a message is called."""
    return named(STATES, code, said) if code in STATES else catalogue(said.language).value(code)


def value_name(code: str, said: Words, name: str = "") -> str:
    """Return what one of the values of a field is called; ``name`` is the field's own."""
    own = {"grade": GRADES, "cause": CAUSES, "disposition": DISPOSITIONS, "liable_party": LIABLE}.get(name, VALUES)
    return said.gettext(own[code]) if code in own else state_name(code, said)


def cause_name(code: str, said: Words) -> str:
    """Return what the bench found to be behind it."""
    return named(CAUSES, code, said)


def code_name(code: str, said: Words) -> str:
    """Return why something was decided as it was, with the code: agents tell each other codes."""
    name = catalogue(said.language).name("codes", code)
    return code if name == code else f"{name} [{code}]"


def shown(text: object, said: Words) -> str:
    """Return a text for people; one that is sealed, or cannot be told, is not shown."""
    if isinstance(text, Mark):
        return said.gettext(MARKS.get(text, MARKS["(sealed)"]))
    return said.gettext("(sealed)") if isinstance(text, str) and text.startswith(SEALED) else str(text)
