"""Photos that a customer sent another way: an agent puts them to the return."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from tests.integration.workers.http.pages.staff.test_acting import SignedIn, form_path
from tests.support.api import Api
from tests.support.desk import asked
from tests.support.pages import Page


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
