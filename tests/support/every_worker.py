"""Settings under which every worker of the list has something to do, so that none is left out of a test of all."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from infra.settings import Settings
from workers.registry import WORKERS

NOBODY_LISTENS: Final = "127.0.0.1:1"
NEEDED: Final[Mapping[str, object]] = {
    "audit_key_file": Path("audit.key"),
    "gateway_url": SecretStr(f"http://{NOBODY_LISTENS}"),
    "http_keys_file": Path("keys.jsonl"),
    "http_public_url": "http://localhost:8080",
    "notices_sender": "returns@shop.example",
    "sites_file": Path("sites.json"),
    "smtp_url": SecretStr(f"smtp://{NOBODY_LISTENS}"),
    "vault_socket": Path("vault.sock"),
    "webhooks": True,
}
"""One setting of each worker's ``needs``, with what it hangs on; nothing is reached by any of them."""


def with_work_for_all(settings: Settings) -> Settings:
    """Return settings with what workers need to run at all, for tests in which none comes to work by it."""
    missing = {name: value for name, value in NEEDED.items() if not getattr(settings, name)}
    wanting = settings.model_copy(update=missing)
    idle = [worker.name for worker in WORKERS if not worker.wanted(wanting)]
    assert not idle, f"NEEDED lacks a setting of {idle}"
    return wanting


def vault_socket_in(folder: Path) -> Path:
    """Return where the vault may listen in a folder: from here, since a socket's whole name has at most 107 bytes."""
    return Path(os.path.relpath(folder / "vault.sock"))
