"""Goods on their way, at the dock and on the bench, in four ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.support.four_ways.case import (
    CAME,
    DELIVERED,
    PARCEL,
    WORN,
    Case,
    asked,
    decided,
    inspection,
    on_return,
    on_units,
    receipt,
    returned,
)

CASES: Final[Mapping[str, Case]] = {
    "IssueLabel": Case(
        before=[DELIVERED, asked()],
        said=lambda n: on_return(
            label_id=f"LB-{n}", carrier="DHL", tracking_number=f"T-{n}", ship_to="W", lines=[{"line": 1, "quantity": 2}]
        ),
        second="quantity_exceeded",
        again="nothing",
        wrong=on_return(
            label_id="LB", carrier="DHL", tracking_number="T", ship_to="W", lines=[{"line": 1, "quantity": 4}]
        ),
        code="quantity_exceeded",
    ),
    "RecordHandover": Case(
        before=[DELIVERED, asked()],
        said=lambda n: on_return(tracking_number="T-1", drop_off=f"{n}"),
        second="nothing",
        again="nothing",
        wrong=on_return(9),
        code="unknown_return",
    ),
    "RecordScan": Case(
        before=[DELIVERED, asked()],
        said=lambda n: on_return(tracking_number="T-1", scan_id="S", status="in_transit", place=f"{n}"),
        second="scan_id_reused",
        again="nothing",
        wrong=on_return(9, tracking_number="T-1", scan_id="S", status="lost"),
        code="unknown_return",
    ),
    "ReceiveGoods": Case(
        before=[DELIVERED, asked(), ("ReceiveGoods", receipt("R-0", 1))],
        said=lambda n: receipt(f"R-{n}", 2, supersedes="R-0"),
        second="wrong_state",
        again="nothing",
        wrong=receipt("R", 1, supersedes="R-9"),
        code="unknown_receipt",
    ),
    "TransferGoods": Case(
        before=[DELIVERED, asked(), CAME],
        said=lambda n: on_units(2, to_site="W-2", transfer_id=f"TR-{n}"),
        second="quantity_exceeded",
        again="nothing",
        wrong=on_units(4, to_site="W-2"),
        code="quantity_exceeded",
    ),
    "HoldGoods": Case(
        before=[DELIVERED, asked(), CAME],
        said=lambda n: on_units(2, reason=f"{n}"),
        second="quantity_exceeded",
        again="quantity_exceeded",
        wrong=on_units(4, reason="x"),
        code="quantity_exceeded",
    ),
    "ReleaseGoods": Case(
        before=[DELIVERED, asked(), CAME, ("HoldGoods", on_units(3, reason="x"))],
        said=lambda n: on_units(2, reason=f"{n}"),
        second="quantity_exceeded",
        again="quantity_exceeded",
        wrong=on_units(4, reason="x"),
        code="quantity_exceeded",
    ),
    "RecordInspection": Case(
        before=[DELIVERED, asked(), CAME],
        said=lambda n: inspection(f"I-{n}", 2),
        second="quantity_exceeded",
        again="nothing",
        wrong=inspection("I", 4),
        code="quantity_exceeded",
    ),
    "DecideDisposition": Case(
        before=returned(inspected=WORN),
        said=lambda n: on_units(3, disposition="scrap" if n == 1 else "donate"),
        second="accepted",
        again="accepted",
        wrong=on_units(4, disposition="scrap"),
        code="quantity_exceeded",
    ),
    "ShipReplacement": Case(
        before=returned("replacement"),
        said=lambda n: on_units(2, note=f"{n}"),
        second="quantity_exceeded",
        again="quantity_exceeded",
        wrong=on_units(4),
        code="quantity_exceeded",
    ),
    "RecordReplacementLost": Case(
        before=[*returned("replacement"), ("ShipReplacement", on_units(3))],
        said=lambda n: on_units(2, reason="x", loss_id=f"LO-{n}"),
        second="quantity_exceeded",
        again="nothing",
        wrong=on_units(4, reason="x"),
        code="quantity_exceeded",
    ),
    "RecordRepair": Case(
        before=returned("repair"),
        said=lambda n: on_units(2, note=f"{n}"),
        second="quantity_exceeded",
        again="quantity_exceeded",
        wrong=on_units(4),
        code="quantity_exceeded",
    ),
    "SendBack": Case(
        before=[*returned(inspected=WORN), decided("send_back")],
        said=lambda n: on_units(2, note=f"{n}"),
        second="quantity_exceeded",
        again="quantity_exceeded",
        wrong=on_units(4),
        code="quantity_exceeded",
    ),
    "RecordUnknownParcel": Case(
        said=lambda n: {**PARCEL, "note": f"{n}"},
        second="parcel_id_reused",
        again="nothing",
        wrong={**PARCEL, "items": [{"sku": "SHOE", "quantity": 1, "serials": ["A", "B"]}]},
        code="quantity_exceeded",
    ),
    "AssignParcel": Case(
        before=[DELIVERED, asked(1, 1), asked(2, 1), ("RecordUnknownParcel", PARCEL)],
        said=lambda n: on_return(n, parcel_id="UP-1"),
        second="wrong_state",
        again="nothing",
        wrong=on_return(parcel_id="UP-9"),
        code="unknown_parcel",
    ),
}
