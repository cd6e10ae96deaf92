"""Sealed texts for people's eyes: opened where this process has the vault's master key, else marked."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Any

import orjson

from infra.addresses import postgres_address
from infra.log.event_log import EventLog
from infra.log.texts import TextReader, Texts
from infra.sealing.bodies import Mark
from infra.sealing.master_keys import VaultKeyMissingError
from infra.sealing.openings import Looking
from infra.sealing.sealed_text import LOOKS_SEALED
from infra.sealing.vault import Vault, open_vault
from infra.settings import Settings


def shown_texts(settings: Settings, streams: Iterable[str], why: str) -> dict[str, str]:
    """Return what stands for each sealed text of these streams: the text, or a mark that says why it cannot be told.

    Only what an event holds where its schema has a sealed text is looked at, never what merely looks sealed. What is
    opened is on record, with ``why`` (``rma show``) and who runs this process.
    """
    with ExitStack() as opened:
        log = opened.enter_context(closing(EventLog(postgres_address(settings))))
        vault = _vault(settings)
        if vault is not None:
            opened.enter_context(closing(vault))
        return {sealed: _text(said) for sealed, said in TextReader(log, vault).shown(looking(why), streams).items()}


def looking(why: str) -> Looking:
    """Return who looks where somebody runs a command on this machine: his login's name."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user that has no name here
        name = str(os.getuid())
    return Looking(f"operator:{name}", why)


def with_texts(value: Any, texts: Mapping[str, object]) -> Any:
    """Return JSON-like values with sealed texts replaced by what stands for them."""
    if isinstance(value, str):
        return texts.get(value, value)
    if isinstance(value, dict):
        return {name: with_texts(inner, texts) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [with_texts(inner, texts) for inner in value]
    return value


def told(content: dict[str, Any], texts: Texts) -> dict[str, Any]:
    """Put what texts say in their places, and null where that cannot be told, with the paths in a list of its own."""
    untold: dict[str, list[str]] = {}
    for holder, name, path, sealed in list(sealed_in(content)):
        said = texts.get(sealed, sealed)
        if isinstance(said, Mark):
            untold.setdefault(said.strip("()"), []).append(path)
            said = None
        holder[name] = said
    return content | untold


def sealed_in(value: Any, path: str = "") -> Iterator[tuple[Any, Any, str, str]]:
    """Yield each text that looks sealed: what holds it, under which name or number, at which path, and itself."""
    items: Iterable[tuple[Any, Any, str]] = ()
    if isinstance(value, dict):
        items = [(name, inner, f"{path}.{name}" if path else str(name)) for name, inner in value.items()]
    elif isinstance(value, list):
        items = [(number, inner, f"{path}[{number}]") for number, inner in enumerate(value)]
    for name, inner, where in items:
        if isinstance(inner, str):
            if LOOKS_SEALED.fullmatch(inner):
                yield value, name, where, inner
        else:
            yield from sealed_in(inner, where)


def _vault(settings: Settings) -> Vault | None:
    try:
        return open_vault(settings)
    except VaultKeyMissingError:
        return None


def _text(said: object) -> str:
    return said if isinstance(said, str) else orjson.dumps(said).decode()
