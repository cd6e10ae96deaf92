"""Settings under which every worker of the list has something to do, so that none is left out of a test of all."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import SecretStr

from infra.settings import Settings
from workers.registry import WORKERS

NOBODY_LISTENS: Final = "127.0.0.1:1"
NEEDED: Final = {
    "audit_key_file": Path("audit.key"),
    "gateway_url": SecretStr(f"http://{NOBODY_LISTENS}"),
    "http_keys_file": Path("keys.jsonl"),
    "sites_file": Path("sites.json"),
    "smtp_url": SecretStr(f"smtp://{NOBODY_LISTENS}"),
    "vault_socket": Path("vault.sock"),
    "webhooks": True,
}
"""One setting of each worker's ``needs``; nothing is reached by any of them."""


def with_work_for_all(settings: Settings) -> Settings:
    """Return settings with what workers need to run at all, for tests in which none comes to work by it."""
    missing = {name: value for name, value in NEEDED.items() if not getattr(settings, name)}
    wanting = settings.model_copy(update=missing)
    idle = [worker.name for worker in WORKERS if not worker.wanted(wanting)]
    assert not idle, f"NEEDED lacks a setting of {idle}"
    return wanting
