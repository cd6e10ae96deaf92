"""Photos that a customer sent another way: an agent puts them to the return."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO

from PIL import Image

from infra.kafka.command_client import conversation
from tests.integration.workers.http.pages.staff.test_acting import SignedIn, form_path
from tests.support.api import Api
from tests.support.desk import asked
from tests.support.pages import Page
from tests.support.twins import KAFKA, all_of, recorded, told
from workers.http.door import Door
from workers.http.pages.staff import acting


def picture(colour: str) -> bytes:
    drawn = BytesIO()
    Image.new("RGB", (8, 8), colour).save(drawn, "PNG")
    return drawn.getvalue()


def test_an_agent_adds_photos_that_were_mailed(shop: Api, signed_in: SignedIn) -> None:
    """Files of two pages of the form go with it, under the agent's name, as they can be opened at the desk."""
    rma_id = asked(shop, "P-mailed")
    path = form_path(rma_id, "AddEvidence")
    ada = signed_in("ada")

    empty = ada.press(ada.look(path), path, {"step": "check"})
    seen = Page(ada.post(path, data=dict(empty.form(path).fields) | {"step": "check"}, files=files("red")))
    edited = ada.press(seen, path, {"step": "edit"})
    both = Page(ada.post(path, data=dict(edited.form(path).fields) | {"step": "check"}, files=files("blue")))
    sent = ada.press(both, path, {"step": "send"})

    assert empty.status == 422
    assert "One file has been added." in edited.text
    assert "Done: Add photos" in sent.text, sent.text
    [event] = [
        one
        for one in shop.get(f"/v1/returns/{rma_id}/timeline").json()["items"]
        if one["type"] == "rma.Rma.EvidenceAdded.v1"
    ]
    assert event["actor"] == "agent:ada"
    kept = [Image.open(BytesIO(shop.get(one["uri"]).content)).convert("RGB") for one in event["data"]["evidence"]]
    assert [one.getpixel((4, 4)) for one in kept] == [(255, 0, 0), (0, 0, 255)]


def test_a_form_with_photos_leads_to_the_facts_that_its_command_leads_to(
    shop: Api, signed_in: SignedIn, staff_door: tuple[Door, object]
) -> None:
    """Sent by the page, and sent by Kafka about another return, with the same file."""
    door, _ = staff_door
    here, there = asked(shop, "P-here"), asked(shop, "P-there")
    ada, path = signed_in("ada"), form_path(here, "AddEvidence")
    form = dict(ada.look(path).form(path).fields) | {"step": "check"}
    checked = Page(ada.post(path, data=form, files=files("red")))
    assert "Done: Add photos" in ada.press(checked, path, {"step": "send"}).text

    [event] = [one for one in shop.get(f"/v1/returns/{here}/timeline").json()["items"] if "Evidence" in one["type"]]
    [item] = event["data"]["evidence"]
    digest = sha256(shop.get(item["uri"]).content).hexdigest()  # the event's own is sealed
    named = {"evidence_id": item["evidence_id"], "kind": item["kind"], "uri": item["uri"], "sha256": digest}
    with conversation(door.settings) as kafka:
        about = {"rma_id": there, "order_id": "P-there", "evidence": [named]}
        [answer] = all_of(kafka, iter([told("AddEvidence", about, "agent:ada")]))

    by_kafka = recorded(door, KAFKA, answer["command_id"])
    assert by_kafka
    assert recorded(door, acting.SOURCE, checked.form(path).named("id")) == by_kafka


def test_what_is_no_photo_is_said_so(shop: Api, signed_in: SignedIn) -> None:
    """415, and nothing is sent; nor is a file named that came through no desk."""
    rma_id = asked(shop, "P-none")
    path = form_path(rma_id, "AddEvidence")
    ada = signed_in("ada")
    fields = dict(ada.look(path).form(path).fields) | {"step": "check"}

    page = Page(ada.post(path, data=fields, files={"photos": ("a.png", b"<svg onload=alert(1)>")}))
    evidence_id = shop.post("/v1/evidence", content=picture("red")).json()["uri"].rpartition("/")[2]
    foreign = ada.post(path, data=fields | {"photo.0": evidence_id})
    broken = ada.post(path, data=fields | {"photo.0": "../x"})

    assert (page.status, foreign.status_code, broken.status_code) == (415, 422, 404)


def files(colour: str) -> dict[str, tuple[str, bytes]]:
    return {"photos": (f"{colour}.png", picture(colour))}
