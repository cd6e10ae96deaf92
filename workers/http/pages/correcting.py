"""What a customer puts right on his return's page: a line of his request, and how he is reached."""

from __future__ import annotations

from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from commands.contact import Contact
from commands.fields import TEXT_MAX
from workers.http.errors import NotFoundError
from workers.http.pages import naming
from workers.http.pages.answering import line_in
from workers.http.pages.progress import command_id_in, fresh_link_to, link_to, page_of, summary_of, tell
from workers.http.pages.sending import send
from workers.http.pages.visits import PageRoute, Visit, check_form, see_other
from workers.http.reading import NAME_MAX

QUANTITY_DIGITS_MAX: Final = 6
IN_CONTACT: Final = ("name", "email", "phone")
IN_ADDRESS: Final = ("city", "postal_code", "country")

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post("/r/{token}/correct")
async def correct(request: Request, token: str) -> Response:
    """Put a line of the request right: why it comes back, how many, what is wished for; it is decided anew."""
    visit = check_form(request)
    link = await link_to(visit, token)
    changes = _changes(visit)
    if not changes:
        said = visit.words.gettext("Nothing is different yet. Please change what is not right.")
        return await page_of(visit, token, status=422, said=said)
    return await tell(visit, token, link, "CorrectRequest", {"line": line_in(visit)} | changes)


def _changes(visit: Visit) -> dict[str, Any]:
    """Return what is no longer as it was, by the form's own word of what that is."""
    form, changes = visit.form, dict[str, Any]()
    for name, known in (("reason", naming.REASONS), ("wish", naming.WISHES)):
        if form.get(name) in known and form.get(name) != form.get(f"{name}_before"):
            changes[name] = form.get(name)
    quantity = form.get("quantity")
    if quantity.isascii() and quantity.isdecimal() and len(quantity) <= QUANTITY_DIGITS_MAX:
        changes |= {"quantity": int(quantity)} if quantity != form.get("quantity_before") else {}
    if comment := form.get("comment")[:TEXT_MAX]:
        changes["comment"] = comment
    return changes


@router.post("/r/{token}/contact")
async def correct_contact(request: Request, token: str) -> Response:
    """Put right how the customer is reached; only somebody with a fresh visit may, and no gift's recipient."""
    visit = check_form(request)
    link = await fresh_link_to(visit, token)
    if (await summary_of(visit, link))["gift"]:
        raise NotFoundError("the contact is the giver's")
    contact = _contact(visit)
    if contact is None:
        said = visit.words.gettext(
            "Please look again: a whole e-mail address, a phone number with + and the country's number, an address with"
            " street, city and country."
        )
        return await page_of(visit, token, status=422, said=said, typed=dict(visit.form.texts))
    body = {"order_id": link.order_id, "contact": contact}
    answer = await send(visit.door, "CorrectContact", command_id_in(visit), link.customer_id, body)
    if answer.status == "accepted":
        return see_other("/returns/order?contact=corrected")
    if answer.status == "pending":
        said = visit.words.gettext("We have it, and it is being worked on. Look again in a minute.")
        return await page_of(visit, token, status=202, said=said)
    return await page_of(visit, token, status=409, said=naming.refusal_name(answer.code, visit.words))


def _contact(visit: Visit) -> dict[str, Any] | None:
    """Return the contact that was typed, in the language of the page; None where it is none."""
    typed = {name: text for name, text in visit.form.texts if text.strip()}
    found: dict[str, Any] = {name: typed[name].strip()[:NAME_MAX] for name in IN_CONTACT if name in typed}
    street = [line.strip() for line in typed.get("street", "").splitlines() if line.strip()]
    address = {name: typed[name].strip()[:NAME_MAX] for name in IN_ADDRESS if name in typed}
    if street or address:
        country = {"country": address["country"].upper()} if "country" in address else {}
        found["address"] = {"lines": street, **address, **country}
    try:
        Contact.model_validate_json(orjson.dumps(found))
    except ValidationError:
        return None
    return found | {"language": visit.language} if "email" in found else None
