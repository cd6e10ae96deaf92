"""Who may see what people wrote sees it through the vault; nobody else does, and the door holds no key."""

from __future__ import annotations

from contextlib import closing
from typing import Any, Final
from uuid import uuid4

from infra.sealing.openings import Looked, openings
from infra.sealing.vault import opened_register
from infra.settings import Settings
from tests.integration.workers.http.test_reads import get
from tests.support.api import Api, Keys, open_door

COMMENT: Final = "the canary's heel came off"


def ask(api: Api, order_id: str, customer_id: str) -> tuple[str, dict[str, Any]]:
    api.sell(order_id, customer_id=customer_id)
    rma_id = str(uuid4())
    line = {"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund", "comment": COMMENT}
    body = {"rma_id": rma_id, "order_id": order_id, "lines": [line]}
    return rma_id, api.accepted("RequestReturn", body, actor=f"customer:{customer_id}")


def comment_in(timeline: dict[str, Any]) -> Any:
    [requested] = [one for one in timeline["items"] if one["type"] == "rma.Rma.Requested.v1"]
    return requested["data"]["lines"][0]["comment"]


def test_only_a_key_with_the_right_sees_texts(api: Api, keys: Keys, door_settings: tuple[Settings, Keys]) -> None:
    """The others get what views hold; who looked is on record under the name of the key."""
    rma_id, asked = ask(api, "O-personal", "C-personal")
    seer = api.as_holder_of(keys["seer"])

    assert comment_in(get(api, f"/v1/returns/{rma_id}/timeline", asked)).startswith("sealed:v1:")
    assert comment_in(get(seer, f"/v1/returns/{rma_id}/timeline", asked)) == COMMENT
    with closing(opened_register(door_settings[0])) as connection:
        looked = list(openings(connection, Looked(persons=["customer/C-personal"])))
    assert [(one.actor, one.why, one.fields) for one in looked] == [
        ("caller:seer", "GET /v1/returns/timeline", ["Requested.lines[0].comment"])
    ]


def test_an_erased_text_is_null_and_named(api: Api, keys: Keys) -> None:
    """Beside the rows stands the path of each text that cannot be told, and why."""
    rma_id, asked = ask(api, "O-forgotten", "C-forgotten")
    get(api, f"/v1/returns/{rma_id}/timeline", asked)
    api.accepted("EraseCustomer", {"customer_id": "C-forgotten", "reason": "request"})

    told = get(api.as_holder_of(keys["seer"]), f"/v1/returns/{rma_id}/timeline")
    assert comment_in(told) is None
    assert [path.rpartition("data.")[2] for path in told["erased"]] == ["lines[0].comment"]


def test_while_the_vault_is_away_texts_stay_sealed(api: Api, keys: Keys, door_settings: tuple[Settings, Keys]) -> None:
    """A read is answered all the same, each text null and named."""
    rma_id, asked = ask(api, "O-vault-away", "C-away")
    settings = door_settings[0]
    assert settings.vault_socket is not None
    for nobody in (settings.vault_socket.with_name("nobody.sock"), None):
        with open_door(settings.model_copy(update={"vault_socket": nobody})) as url, Api(url, keys["seer"]) as seer:
            told = get(seer, f"/v1/returns/{rma_id}/timeline", asked)
        assert comment_in(told) is None
        assert [path.rpartition("data.")[2] for path in told["sealed"]] == ["lines[0].comment"]
