"""Check a bundle that was exported from a returns log: python3 verify.py FOLDER --key FILE|TEXT

Written to be read by whoever relies on it; it needs Python 3.10 or later and nothing else. Take this file and the key
from somewhere else than the bundle: a bundle that was forged would bring its own. The key is one line, such as

    shop.example/rma+4dad3a21+AZvo2V…

What is checked, in this order:

1. Every file that manifest.json names is there, with the SHA-256 that stands there, and no other file is.
2. checkpoint.note is signed by the key (Ed25519): so many events, this root.
3. events.ndjson: each event's hash follows from its content and the hash of the event before, positions have no gap.
4. proofs.json: the first and the last event are leaves of the tree that was signed. As each event holds the hash of the
   one before, none between them can be another.
5. Policies: the SHA-256 of a document is the one that decisions name.

What is not checked: that the log was true when it was written, and ledger.csv, which is computed from the events.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

Point = tuple[int, int, int, int]
Key = tuple[str, bytes, bytes]


class Wrong(Exception):  # noqa: N818 - it is what this program says
    """The bundle is not what it claims to be; the message says where."""


# --- Ed25519 signatures, as RFC 8032 (5.1) defines them: a point is (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(one: Point, other: Point) -> Point:
    """Return the sum of two points."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number: int, point: Point) -> Point:
    """Return a point added to itself so many times."""
    found = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = add(found, point)
        point = add(point, point)
        number >>= 1
    return found


def are_equal(one: Point, other: Point) -> bool:
    """Tell whether two points are the same."""
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def point_of(y: int, sign: int) -> Point | None:
    """Return the point with a y and the sign of its x, or None where there is none."""
    if y >= P:
        return None
    x_squared = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x_squared, (P + 3) // 8, P)
    if (x * x - x_squared) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - x_squared) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def decoded(raw: bytes) -> Point | None:
    """Return the point that 32 bytes stand for, or None."""
    number = int.from_bytes(raw, "little")
    return point_of(number & ((1 << 255) - 1), number >> 255)


BASE = decoded(bytes([0x58] + 31 * [0x66]))


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature of 64 bytes is that of a key of 32 bytes."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, r = decoded(public_key), decoded(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if BASE is None or key is None or r is None or s >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    return are_equal(times(s, BASE), add(r, times(challenge, key)))


# --- The signed note: text, an empty line, and lines "— <name> <base64 of key id and signature>"


def read_key(text: str) -> Key:
    """Return name, id and public key of a line <name>+<id>+<base64>."""
    name, key_id, encoded = text.strip().split("+", 2)
    raw = base64.b64decode(encoded)
    if raw[:1] != b"\x01" or hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] != key_id:
        raise Wrong("the key is not whole, or not of the kind Ed25519")
    return name, bytes.fromhex(key_id), raw[1:]


def open_checkpoint(note: str, key: Key) -> tuple[int, bytes]:
    """Return how many events were signed, and the root of the tree over them."""
    name, key_id, public_key = key
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        signer, _, encoded = line[2:].partition(" ")
        raw = base64.b64decode(encoded)
        if line[:2] == "\u2014 " and signer == name and raw[:4] == key_id:
            if not is_signed(public_key, text.encode(), raw[4:]):
                raise Wrong("checkpoint.note: the signature is wrong")
            origin, size, root = text.split("\n")[:3]
            if origin != name:
                raise Wrong(f"checkpoint.note is that of {origin}, the key that of {name}")
            return int(size), base64.b64decode(root)
    raise Wrong(f"checkpoint.note is not signed by the key of {name}")


# --- The tree over all events, as RFC 9162 (2.1) defines it


def root_from(leaf: bytes, index: int, size: int, nodes: list[bytes]) -> bytes:
    """Return the root that a leaf and its nodes lead to (RFC 9162, 2.1.3.2)."""
    place, last, found = index, size - 1, leaf
    for node in nodes:
        if last == 0:
            raise Wrong("proofs.json: too many nodes")
        if place & 1 or place == last:
            found = hashlib.sha256(b"\x01" + node + found).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + node).digest()
        place, last = place >> 1, last >> 1
    if last:
        raise Wrong("proofs.json: too few nodes")
    return found


# --- The events


def hash_of(event: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return the hash before an event, and its own: over that one, its attributes, key, an empty line and body."""
    attributes = {name[3:]: value for name, value in event["headers"].items() if name.startswith("ce_")}
    before = bytes.fromhex(attributes.pop("prevhash"))
    lines = "".join(f"{name}={attributes[name]}\n" for name in sorted(attributes))
    body = base64.b64decode(event["body"], validate=True)
    return before, hashlib.sha256(before + f"{lines}key={event['key']}\n\n".encode() + body).digest()


def check_events(file: Path, manifest: dict[str, Any]) -> tuple[bytes, bytes]:
    """Follow the chain, and return the hashes of the first and the last event."""
    position, known, first = manifest["first_position"], b"", b""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            before, hashed = hash_of(event)
            if event["headers"]["ce_position"] != str(position):
                raise Wrong(f"events.ndjson: position {event['headers']['ce_position']} where {position} should be")
            if known not in {b"", before}:
                raise Wrong(f"events.ndjson: position {position} does not follow the event before it")
            first, known, position = first or hashed, hashed, position + 1
    if not known or position != manifest["last_position"] + 1:
        raise Wrong(f"events.ndjson ends before position {manifest['last_position']}")
    return first, known


# --- The bundle


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    found = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def check_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Compare every file with the manifest."""
    there = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} - {"manifest.json"}
    if there != set(manifest["files"]):
        raise Wrong(f"files missing or too many: {', '.join(sorted(there ^ set(manifest['files'])))}")
    for name, digest in manifest["files"].items():
        if digest_of(folder / name) != digest:
            raise Wrong(f"{name} is not the file that the manifest names")


def check(folder: Path, key: Key) -> dict[str, Any]:
    """Check a bundle and return what it is; raises ``Wrong``."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    check_files(folder, manifest)
    size, root = open_checkpoint((folder / "checkpoint.note").read_text(encoding="utf-8"), key)
    if size != manifest["tree_size"] or size < manifest["last_position"]:
        raise Wrong("the checkpoint does not cover these events")
    ends = check_events(folder / "events.ndjson", manifest)
    proofs = json.loads((folder / "proofs.json").read_text(encoding="utf-8"))
    for which, hashed in zip(("first", "last"), ends, strict=True):
        leaf = hashlib.sha256(b"\x00" + hashed).digest()
        nodes = [bytes.fromhex(node) for node in proofs[which]["inclusion"]]
        if root_from(leaf, manifest[f"{which}_position"] - 1, size, nodes) != root:
            raise Wrong(f"the {which} event is not in the tree that was signed")
    for policy in manifest["policies"]:
        if digest_of(folder / policy["file"]) != policy["hash"]:
            raise Wrong(f"{policy['file']} is not the document of policy {policy['policy_id']}@{policy['version']}")
    return manifest


def main() -> int:
    """Check the bundle that the command line names, and say what was found."""
    parser = argparse.ArgumentParser(description="Check a bundle that was exported from a returns log.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--key", required=True, help="the key, or a file that holds it")
    given = parser.parse_args()
    try:
        text = Path(given.key).read_text(encoding="utf-8") if Path(given.key).is_file() else given.key
        manifest = check(given.folder, read_key(text))
    except (Wrong, OSError, ValueError, KeyError, TypeError) as wrong:
        print(f"NOT VERIFIED: {wrong if isinstance(wrong, Wrong) else repr(wrong)}")
        return 1
    first, last = manifest["first_position"], manifest["last_position"]
    print(f"verified: events {first} to {last} of {manifest['origin']}, recorded from {manifest['since']}")
    print(f"to {manifest['until']}, all of them in the tree of {manifest['tree_size']} events that was signed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
