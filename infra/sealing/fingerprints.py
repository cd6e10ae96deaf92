"""What is kept of a command to know its repeat: an HMAC, so that a short comment cannot be guessed from it.

What versions before kept is a plain SHA-256, and stays so: it is in the chain of hashes over all answers.
"""

from __future__ import annotations

import hmac

from infra.records import LOST_FINGERPRINT


class Fingerprints:
    """Makes fingerprints, and compares with those that were kept.

    Args:
        key: The vault's own for this, never replaced; None: there is no vault, and a digest is its own fingerprint.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    def of(self, digest: bytes) -> bytes:
        """Return the fingerprint of a command by the SHA-256 of what it asks."""
        return digest if self._key is None else hmac.digest(self._key, digest, "sha256")

    def fits(self, kept: bytes, digest: bytes) -> bool:
        """Tell whether a command asks what the one asked of which a fingerprint was kept, or may have."""
        return kept in {self.of(digest), digest, LOST_FINGERPRINT}
