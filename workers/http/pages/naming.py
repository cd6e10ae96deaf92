"""What codes are called on pages: in the customer's words, never by the code."""

from __future__ import annotations

from typing import Final, get_args

from domain.vocabularies import Reason
from workers.http.pages.words import Words
from workers.pictures.catalogues import catalogue


def N_(sentence: str) -> str:  # noqa: N802 - what gettext's tools look for
    """Mark a sentence for the catalogue that is looked up later."""
    return sentence


WORN: Final = frozenset({"apparel", "clothing", "clothes", "fashion", "shoes", "footwear", "accessories"})
"""Categories of what is worn: it may be too small."""
ONLY_WORN: Final = frozenset({"too_small", "too_large", "fit"})
REASONS: Final[dict[str, str]] = {
    "changed_mind": N_("I changed my mind"),
    "too_small": N_("It is too small"),
    "too_large": N_("It is too large"),
    "fit": N_("It does not fit well"),
    "style_or_color": N_("The style or colour is not for me"),
    "not_as_described": N_("It is not as described"),
    "wrong_item": N_("I received something else"),
    "missing_part": N_("A part is missing"),
    "arrived_late": N_("It arrived too late"),
    "damaged_in_transit": N_("It arrived damaged"),
    "defective": N_("It does not work"),
    "quality": N_("The quality is not good enough"),
    "ordered_by_mistake": N_("I ordered it by mistake"),
    "better_price": N_("I found a better price"),
    "warranty_fault": N_("It broke within the warranty"),
    "other": N_("Another reason"),
}
"""What customers may choose, in this order."""
NO_REASON_OF_CUSTOMERS: Final = frozenset(get_args(Reason)) - REASONS.keys()
WISHES: Final[dict[str, str]] = {
    "refund": N_("My money back"),
    "store_credit": N_("Store credit"),
    "replacement": N_("The same article anew"),
    "repair": N_("A repair"),
}
"""What may be wished for on a page; an exchange needs a quote of the shop, and is asked for there."""
LETTERS: Final[dict[str, str]] = {
    "requested": N_("We have your request"),
    "evidence_asked": N_("We asked you for photos"),
    "approved": N_("Your return is approved"),
    "denied": N_("Your return is not approved"),
    "deadline_near": N_("A reminder to send the goods"),
    "received": N_("Your parcel has arrived"),
    "refunded": N_("Your money was sent"),
    "refund_failed": N_("A payment did not go through"),
    "exchange_shipped": N_("Your new article was sent"),
    "sent_back": N_("The goods were sent back to you"),
    "survey": N_("How did it go?"),
    "closed": N_("Your return is closed"),
}
"""What customers are told by mail."""
METHODS: Final[dict[str, str]] = {
    "label": N_("Send it with the label that you get from us."),
    "own_carrier": N_("Send it with a carrier of your choice."),
    "drop_off": N_("Hand it in at a drop-off point."),
    "store": N_("Bring it to the store."),
    "keep": N_("Keep it: nothing has to be sent."),
}
TENDERS: Final[dict[str, str]] = {
    "card": N_("to your card"),
    "wallet": N_("to your wallet"),
    "gift_card": N_("to your gift card"),
    "store_credit": N_("as store credit"),
    "cash": N_("in cash"),
    "bank_transfer": N_("to your bank account"),
    "on_account": N_("off your invoice"),
    "points": N_("as points"),
    "voucher": N_("as a voucher"),
    "pay_later": N_("to your pay-later account"),
    "cheque": N_("by cheque"),
}
CODES: Final[dict[str, str]] = {
    "window_expired": N_("The time to return it is over."),
    "final_sale": N_("It was sold as final sale and cannot come back."),
    "high_value": N_("Its value is high, so one of us looks at it first."),
    "law_asks_person": N_("One of us has to look at this first."),
    "gift_unproved": N_("We could not match the gift with its order."),
    "wish_not_offered": N_("What you wished for is not offered here."),
    "repair_or_replacement_first": N_("A repair or a replacement comes first."),
    "not_accepted": N_("The goods were not accepted as they came."),
    "serial_mismatch": N_("The serial number is another one."),
}
REFUSALS: Final[dict[str, str]] = {
    "units_not_available": N_("Some of these are already on their way back. Please choose again."),
    "quantity_exceeded": N_("That is more than you received. Please choose again."),
    "answer_missing": N_("Please answer every question that is asked."),
    "answers_incomplete": N_("Please answer every question that is asked."),
    "not_permitted": N_("This order is not yours to return."),
    "wrong_state": N_("Things have moved on meanwhile, and this cannot be done any more."),
    "no_policy": N_("Returns of this order are not open yet. Please try again later."),
}
ANOTHER_TENDER: Final = N_("to what you paid with")
ANOTHER_CODE: Final = N_("The rules of the shop do not allow it.")
ANOTHER_REFUSAL: Final = N_("This cannot be asked for on this page. Please write to us.")
STEPS: Final = (
    N_("Asked for"), N_("Approved"), N_("Sent"), N_("Arrived"), N_("Checked"), N_("Done"),
)  # fmt: skip


def reasons_for(category: str | None, said: Words) -> list[tuple[str, str]]:
    """Return the reasons that may be chosen for an article, each in words, those of its category where there are."""
    is_worn = (category or "").lower() in WORN
    chosen = [reason for reason in REASONS if is_worn or reason not in ONLY_WORN]
    return [(reason, reason_name(reason, category, said)) for reason in chosen]


def reason_name(reason: str, category: str | None, said: Words) -> str:
    """Return what a reason is called for an article of a category."""
    sentence = REASONS.get(reason)
    if sentence is None:
        return catalogue(said.language).value(reason)
    worded = said.pgettext(category.lower(), sentence) if category else sentence
    return said.gettext(sentence) if worded == sentence else worded


def wish_name(wish: str, said: Words) -> str:
    return said.gettext(WISHES[wish]) if wish in WISHES else catalogue(said.language).value(wish)


def method_name(method: str, said: Words) -> str:
    return said.gettext(METHODS[method])


def tender_name(kind: str, said: Words) -> str:
    return said.gettext(TENDERS.get(kind, ANOTHER_TENDER))


def code_name(code: str, said: Words) -> str:
    """Return why something was not approved; of a merchant's own code nothing is known but that it is a rule of his."""
    return said.gettext(CODES.get(code, ANOTHER_CODE))


def refusal_name(code: str, said: Words) -> str:
    return said.gettext(REFUSALS.get(code, ANOTHER_REFUSAL))
