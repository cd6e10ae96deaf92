"""Goodwill and claims with a name of their own: the same told again counts once, another under it is refused."""

from __future__ import annotations

import pytest

from domain.ledger import balance
from tests.support.refusals import refused, unchanged
from tests.support.shop import Shop
from tests.support.stories import day, on_return, open_shop, request

COMMANDS = [("GrantGoodwill", "grant_id", "goodwill"), ("ClaimFromCustomer", "claim_id", "customer_receivable")]


def asked_shop() -> Shop:
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    return shop


def on_account(shop: Shop, account: str) -> int:
    return balance([p for fact in shop.history for p in getattr(fact, "postings", ())], account)


@pytest.mark.parametrize(("command", "name", "account"), COMMANDS)
def test_told_again_it_counts_once(command: str, name: str, account: str) -> None:
    """Under a new command id, hours later, the same content is the same fact; under another name it is another."""
    shop = asked_shop()
    told = on_return() | {"amount_minor": 300, "reason": "long wait", "line": 1, name: "N-1"}
    shop.send(command, told, at=day(4))
    unchanged(shop, command, told, at=day(5))
    assert on_account(shop, account) == 300
    shop.send(command, {**told, name: "N-2"}, at=day(5))
    assert on_account(shop, account) == 600


@pytest.mark.parametrize(("command", "name", "account"), COMMANDS)
def test_another_fact_under_the_same_name_is_refused(command: str, name: str, account: str) -> None:
    """Other money under a name that is taken is a mistake, never a correction."""
    shop = asked_shop()
    told = on_return() | {"amount_minor": 300, "reason": "long wait", name: "N-1"}
    shop.send(command, told, at=day(4))
    refused(shop, f"{name}_reused", command, {**told, "amount_minor": 301}, at=day(5))
    assert on_account(shop, account) == 300


@pytest.mark.parametrize(("command", "name", "account"), COMMANDS)
def test_a_refused_one_leaves_its_name_free(command: str, name: str, account: str) -> None:
    """What was refused was not recorded: its name may be used."""
    shop = asked_shop()
    told = on_return() | {"amount_minor": 300, "reason": "long wait", "line": 7, name: "N-1"}
    refused(shop, "unknown_line", command, told, at=day(4), line=7)
    shop.send(command, {**told, "line": 1}, at=day(5))
    assert on_account(shop, account) == 300


@pytest.mark.parametrize(("command", "name", "account"), COMMANDS)
def test_without_a_name_each_is_another(command: str, name: str, account: str) -> None:
    """As ever: two commands, two facts."""
    shop = asked_shop()
    for on in (4, 5):
        shop.send(command, on_return(amount_minor=300, reason="long wait"), at=day(on))
    assert on_account(shop, account) == 600, name
