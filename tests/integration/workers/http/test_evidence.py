"""Evidence over HTTP: files in, named by a return, and out again to whoever sees it."""

from __future__ import annotations

import hashlib
from contextlib import closing
from io import BytesIO
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from PIL import Image

from infra.addresses import postgres_address
from infra.settings import Settings
from tests.support.api import Api, Keys
from workers.http.evidence_store import Folder, forget_orphans

PDF = b"%PDF-1.7\n%%EOF\n"


def photo() -> bytes:
    image, file = Image.new("RGB", (8, 8), "red"), BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_a_file_comes_back_as_it_is_kept(api: Api) -> None:
    """With what a command says of it; to be kept, never to be shown as a page of ours."""
    told = api.post("/v1/evidence", content=photo(), headers={"content-type": "text/html"})
    stored = told.json()
    back = api.get(stored["uri"])

    assert told.status_code == 201, told.text
    assert told.headers["location"] == stored["uri"]
    assert (stored["kind"], stored["media_type"]) == ("photo", "image/png")
    assert (hashlib.sha256(back.content).hexdigest(), len(back.content)) == (stored["sha256"], stored["bytes"])
    assert back.headers["content-type"] == "image/png"
    assert back.headers["content-disposition"].startswith("attachment; filename=")
    assert back.headers["content-security-policy"].startswith("sandbox")
    assert back.headers["x-content-type-options"] == "nosniff"


def test_a_seller_gets_the_files_of_his_own_returns(api: Api, keys: Keys) -> None:
    """As soon as the return names one; another seller never does. Who brought a file gets it back."""
    uri = api.post("/v1/evidence", content=PDF).json()["uri"]
    api.sell("O-evidence", seller_id="S-1")
    with api.as_holder_of(keys["seller"]) as seller, api.as_holder_of(keys["rival"]) as rival:
        assert seller.get(uri).status_code == 404
        item = {"evidence_id": "E-1", "kind": "document", "uri": uri}
        _, asked = api.ask_return("O-evidence", evidence=[item])
        position = {"after": asked["events"][-1]["position"]}

        assert seller.get(uri, params=position).content == PDF
        assert rival.get(uri).status_code == 404
        own = rival.post("/v1/evidence", content=PDF).json()["uri"]
        assert rival.get(own).content == PDF
        assert seller.get(own).status_code == 404


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"<svg onload='alert(1)'/>", 415, "evidence_type"),
        (b"", 415, "evidence_type"),
        (b"\xff\xd8\xff<script>", 415, "evidence_type"),
        (b"%PDF-" + b" " * 20_000_000, 413, "too_large"),
    ],
    ids=["svg", "nothing", "no image", "too large"],
)
def test_what_is_no_evidence_is_not_kept(
    api: Api, door_settings: tuple[Settings, Keys], content: bytes, status: int, code: str
) -> None:
    """Nothing of it stays in the folder."""
    folder = door_settings[0].evidence_dir
    assert folder
    before = sorted(folder.rglob("*.*"))
    told = api.post("/v1/evidence", content=content)

    assert (told.status_code, told.json()["code"]) == (status, code)
    assert sorted(folder.rglob("*.*")) == before


def test_a_file_as_large_as_may_be_is_taken(api: Api) -> None:
    """Twenty megabytes, to the byte."""
    told = api.post("/v1/evidence", content=PDF + b" " * (20_000_000 - len(PDF)))

    assert (told.status_code, told.json()["bytes"]) == (201, 20_000_000)


@pytest.mark.parametrize(
    "name", ["b4c0fce2-5c3c-4a35-9b6e-0d6f0a3f9c11", "..", "..%2F..%2Fetc%2Fpasswd", "%2e%2e", "x"]
)
def test_no_name_leads_out_of_the_folder(api: Api, name: str) -> None:
    """A name is a UUID, or it is none."""
    assert api.get(f"/v1/evidence/{name}").status_code in {400, 404, 405}


def test_who_may_only_read_puts_nothing_forward(api: Api, keys: Keys) -> None:
    with api.as_holder_of(keys["reader"]) as reader:
        assert reader.post("/v1/evidence", content=PDF).json()["code"] == "read_only"


def test_what_no_return_names_is_gone_after_a_week(api: Api, door_settings: tuple[Settings, Keys]) -> None:
    """And what one names stays, though it is as old."""
    settings = door_settings[0]
    loose, named = (api.post("/v1/evidence", content=PDF).json()["uri"] for _ in range(2))
    api.sell("O-week")
    _, asked = api.ask_return("O-week", evidence=[{"evidence_id": "E-1", "kind": "document", "uri": named}])
    api.get("/v1/returns", params={"after": asked["events"][-1]["position"]})
    folder = Folder(settings.evidence_dir or Path())
    with closing(psycopg.connect(postgres_address(settings), autocommit=True)) as connection:
        ids = [UUID(uri.rpartition("/")[2]) for uri in (loose, named)]
        older = "UPDATE rma_http.evidence SET stored_at = now() - interval '8 days' WHERE evidence_id = ANY(%s)"
        connection.execute(older, (ids,))

        assert forget_orphans(connection, folder) >= 1
        assert forget_orphans(connection, folder) == 0

    assert [api.get(uri).status_code for uri in (loose, named)] == [404, 200]
    assert not folder.path_of(ids[0]).exists()
