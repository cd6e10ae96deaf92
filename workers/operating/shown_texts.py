"""Sealed texts for people's eyes: opened where this process has the vault's master key, else marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from typing import Any
from uuid import UUID

import orjson

from infra.addresses import postgres_address
from infra.log.event_log import EventLog
from infra.sealing.bodies import SEALED_MARK, opened_texts
from infra.sealing.master_keys import VaultKeyMissingError
from infra.sealing.sealed_text import DataKey
from infra.sealing.vault import Vault, open_vault
from infra.settings import Settings


def shown_texts(settings: Settings, streams: Iterable[str], *, may_open: bool = True) -> dict[str, str]:
    """Return what stands for each sealed text of these streams: the text, or a mark that says why it cannot be told.

    Only what an event holds where its schema has a sealed text is looked at, never what merely looks sealed.
    """
    with ExitStack() as opened:
        log = opened.enter_context(closing(EventLog(postgres_address(settings))))
        vault = _vault(settings) if may_open else None
        if vault is not None:
            opened.enter_context(closing(vault))
        events = [event for of in log.load(dict.fromkeys(streams, 0)).values() for event in of if event.sealed_key_id]
        keys = {} if vault is None else _keys(vault, {UUID(str(event.sealed_key_id)) for event in events})
        return {
            one.sealed: SEALED_MARK if vault is None else _text(one.opened)
            for event in events
            for one in opened_texts(event.type, event.body, event.stream, event.version, keys)
        }


def with_texts(value: Any, texts: Mapping[str, str]) -> Any:
    """Return JSON-like values with sealed texts replaced by what stands for them."""
    if isinstance(value, str):
        return texts.get(value, value)
    if isinstance(value, dict):
        return {name: with_texts(inner, texts) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [with_texts(inner, texts) for inner in value]
    return value


def _vault(settings: Settings) -> Vault | None:
    try:
        return open_vault(settings)
    except VaultKeyMissingError:
        return None


def _keys(vault: Vault, wanted: Iterable[UUID]) -> dict[UUID, DataKey]:
    return {key.key_id: key for key in vault.find(wanted)}


def _text(opened: object) -> str:
    return str(opened) if isinstance(opened, str) else orjson.dumps(opened).decode()
