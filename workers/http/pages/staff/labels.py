"""What the fields of commands are called on forms."""

from __future__ import annotations

from typing import Final

from workers.http.pages.naming import N_
from workers.http.pages.words import Words

LABELS: Final[dict[str, str]] = {
    "accepted": N_("Does the customer take it?"),
    "address": N_("Address"),
    "amount_minor": N_("Amount"),
    "as_store_credit": N_("As store credit"),
    "carrier": N_("Carrier"),
    "cause": N_("What is behind it"),
    "city": N_("City"),
    "code": N_("Why not, as a code"),
    "comment": N_("What the customer says"),
    "complete": N_("Is that all? Nothing more is expected"),
    "contact": N_("Contact"),
    "country": N_("Country, two letters"),
    "credit_id": N_("Store credit"),
    "deadline_id": N_("Deadline"),
    "decision": N_("Decision"),
    "disposition": N_("Where the goods go"),
    "drop_off": N_("Where it was handed in"),
    "due_at": N_("New last day"),
    "email": N_("E-mail"),
    "external_id": N_("Its name at the bank or gateway"),
    "fault_appeared_on": N_("When the fault showed"),
    "currency": N_("Currency, three letters"),
    "grade": N_("Condition"),
    "grounds": N_("Why the customer disagrees"),
    "here": N_("As our books have it"),
    "instead_of": N_("Instead of"),
    "items": N_("What arrived"),
    "keep": N_("The goods stay with the customer"),
    "kind": N_("Kind"),
    "language": N_("Language, such as de"),
    "liable_party": N_("Who answers for it"),
    "line": N_("Line"),
    "lines": N_("Lines"),
    "name": N_("Name"),
    "note": N_("Note"),
    "outcome": N_("Outcome"),
    "parcel_id": N_("Parcel, by the bench's name of it"),
    "payout_id": N_("Payout"),
    "phone": N_("Phone, with the country's code"),
    "place": N_("Where"),
    "postal_code": N_("Postal code"),
    "quantity": N_("Units"),
    "reason": N_("Reason"),
    "reference": N_("Reference"),
    "region": N_("Region"),
    "repair_back_on": N_("When it came back from repair"),
    "repairs_tried": N_("How often it was repaired"),
    "resolution": N_("What comes of it"),
    "return_shipping_minor": N_("Return shipping kept"),
    "score": N_("From 1, not well at all, to 5, very well"),
    "serial": N_("Serial number"),
    "serials": N_("Serial numbers, one a line"),
    "ship_to": N_("Where it goes"),
    "shipping_minor": N_("Of outward shipping"),
    "site": N_("Site"),
    "sku": N_("Article number"),
    "spent_on": N_("For which order"),
    "status": N_("What the carrier says"),
    "tender_id": N_("Paid with"),
    "tender_kind": N_("Means of payment"),
    "tenders": N_("Shared out to"),
    "there": N_("As the gateway's books have it"),
    "to_site": N_("New site"),
    "tracking_number": N_("Parcel's number"),
    "unexpected": N_("Other articles that were in the parcel"),
    "unsealed": N_("The seal was broken"),
    "wish": N_("What is wished for"),
    "withdrawal": N_("It is a withdrawal as the law provides for it"),
}
IN_CONTACT: Final[dict[str, str]] = {"lines": N_("Street and house, one line each")}
IN_BOOKS: Final[dict[str, str]] = {"status": N_("Where the payment stands")}
"""Where the same name means something else: in an address, in the books."""


def label(name: str, said: Words, within: str = "") -> str:
    """Return what a field is called; ``within`` is the path of what it is a part of."""
    if "address" in within and name in IN_CONTACT:
        return said.gettext(IN_CONTACT[name])
    if within == "here" and name in IN_BOOKS:
        return said.gettext(IN_BOOKS[name])
    return said.gettext(LABELS[name]) if name in LABELS else name
