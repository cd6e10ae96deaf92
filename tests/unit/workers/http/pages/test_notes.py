"""What a credit note says to who reads it: his language's words, what he bought by its name, and no code of ours."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from uuid import UUID

from domain.identity import rma_number
from infra.sellers import Seller
from workers.http.pages.notes import TITLE_MAX, sheet_of
from workers.http.pages.words import words

RMA_ID: Final = UUID("0e4cf1de-1fd4-4a4e-9d3e-111111111111")
GOODS: Final[dict[str, Any]] = {
    "kind": "goods", "sku": "MUG", "line_id": "L1", "quantity": 2, "net_minor": 336, "gross_minor": 400,
    "taxes": [{"code": "A", "rate_bps": 1_900, "amount_minor": 64}],
}  # fmt: skip
FEE: Final[dict[str, Any]] = {
    "kind": "return_shipping", "sku": None, "line_id": None, "quantity": None, "net_minor": -100, "gross_minor": -100,
    "taxes": [],
}  # fmt: skip
NOTE: Final[dict[str, Any]] = {
    "number": "CN-default-2026-000001", "kind": "credit", "series_id": "default", "issued_on": date(2026, 3, 5),
    "customer_id": "C-1", "order_id": "O-1", "rma_id": RMA_ID, "refund_id": UUID(int=7), "claim_id": None,
    "external_id": None, "currency": "EUR", "net_minor": 236, "tax_minor": 64, "gross_minor": 300,
    "taxes": [{"code": "A", "rate_bps": 1_900, "amount_minor": 64}, {"code": "B", "rate_bps": None, "amount_minor": 0}],
    "lines": [GOODS, FEE],
}  # fmt: skip
SELLER: Final = Seller(name="Aurora", address=("12 Harbour Road",), tax_id="IE 1")


def test_a_note_is_told_in_plain_words() -> None:
    """The article by its name, amounts and days as people write them, the return by its number."""
    sheet = sheet_of(NOTE, SELLER, words("en"), {"L1": "Blue mug"})

    assert sheet.title == "Credit note CN-default-2026-000001"
    assert list(sheet.seller) == ["Aurora", "12 Harbour Road"]
    assert sheet.lines == [
        ("Blue mug", "2", "€3.36", "€0.64", "€4.00"),
        ("Return shipping", "", "-€1.00", "€0.00", "-€1.00"),
    ]
    assert sheet.about == [
        "March 5, 2026", "Tax number: IE 1", "Customer C-1", "Order O-1", f"Return {rma_number(RMA_ID)}",
        f"Our reference: {UUID(int=7)}",
    ]  # fmt: skip
    assert sheet.totals == [
        ("Without tax", "€2.36"), ("Tax A 19 %", "€0.64"), ("Tax B", "€0.00"), ("Total", "€3.00"),
    ]  # fmt: skip


def test_a_chinese_note_has_no_english_word() -> None:
    """Its titles, columns, fees and sums."""
    sheet = sheet_of(NOTE | {"kind": "debit"}, SELLER, words("zh"), {"L1": "蓝色马克杯"})

    assert sheet.title == "借记单 CN-default-2026-000001"
    assert sheet.about[0] == "2026年3月5日"
    assert [cells[0] for cells in sheet.lines] == ["蓝色马克杯", "退货运费"]
    said = [*sheet.columns, *(name for name, _ in sheet.totals)]
    assert not [word for word in said if word.replace(" ", "").isascii()]


def test_shipping_alone_and_long_names() -> None:
    """Shipping that goes back alone says so; a name that would not fit on a page is cut; without one it is the SKU."""
    alone = GOODS | {"quantity": None}
    sheet = sheet_of(NOTE | {"lines": [GOODS, alone]}, SELLER, words("en"), {"L1": "x" * 4_000})

    assert [len(cells[0]) for cells in sheet.lines] == [TITLE_MAX, TITLE_MAX + len("Outward shipping of ")]
    assert sheet_of(NOTE, SELLER, words("en"), {}).lines[0][0] == "MUG"
