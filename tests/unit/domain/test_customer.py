"""A customer is forgotten as often as he comes back."""

from __future__ import annotations

import pytest

from domain.customer import Customer
from domain.errors import NotPermittedError
from tests.support.shop import Shop, names
from tests.support.stories import day, open_shop

GONE = {"customer_id": "C-1", "reason": "request"}


def test_each_erasure_names_the_keys_that_it_destroys() -> None:
    """The first one begins the customer's stream, the next follows in it."""
    shop = open_shop()
    first = shop.send("EraseCustomer", GONE, at=day(1))
    shop.send("CorrectContact", {"order_id": "O-1", "contact": {"language": "de"}}, at=day(2))
    second = shop.send("EraseCustomer", {**GONE, "reason": "retention"}, actor="system:x", at=day(2))

    assert names([*first, *second]) == ["Erased", "Erased"]
    customer = shop.get("customer/C-1")
    assert isinstance(customer, Customer)
    assert (customer.version, customer.erased_at, customer.partition_key) == (2, day(2), "C-1")
    assert all(isinstance(fact, Customer.Erased) and fact.keys for fact in (*first, *second))


def test_nothing_is_recorded_of_whom_nothing_is_held() -> None:
    """Never seen, or forgotten already: accepted without events."""
    shop = open_shop()
    assert shop.send("EraseCustomer", {**GONE, "customer_id": "C-9"}) == []
    shop.send("EraseCustomer", GONE, at=day(1))
    assert shop.send("EraseCustomer", GONE, at=day(2)) == []


def test_a_customer_does_not_erase_himself() -> None:
    """He asks the merchant, whose people and systems decide."""
    with pytest.raises(NotPermittedError):
        Shop().send("EraseCustomer", GONE, actor="customer:C-1")
