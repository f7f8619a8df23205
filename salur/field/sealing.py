"""Sealed to the server: what a phone keeps can be opened by the server's private key, also when its PIN is lost or its list wiped.

A phone encrypts its outbox with a key of its own (AES-GCM). That key is kept twice: once under the officer's PIN, once sealed here, so
that proof of payment outlives a forgotten PIN and an export file tells nothing to whoever finds it.

A sealed thing is ``ephemeral point (65 bytes) ‖ iv (12) ‖ ciphertext``; its key is HKDF-SHA-256 of the P-256 agreement, salted with both
points, info ``salur-seal-v1``; the additional data name the device. The same in the app: ``static/lapangan/crypto.js``.
"""

from functools import cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from salur.lib.problem import Problem
from salur.lib.secrets import derived_key

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (SEC 2, secp256r1)
_POINT, _IV = 65, 12


class CannotOpen(Problem):
    code = "cannot_open"
    status = 422


@cache
def _private() -> ec.EllipticCurvePrivateKey:
    """The home's sealing key; 48 bytes reduced modulo the order leave no measurable bias (FIPS 186-5, A.2.1)."""
    scalar = int.from_bytes(derived_key("field sealing", 48), "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(scalar, ec.SECP256R1())


def public_point() -> bytes:
    """The public key as an uncompressed point, 65 bytes."""
    return (
        _private().public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )


def fingerprint() -> str:
    """What the enrolment's QR tells of the sealing key, so that the phone knows it talks to the branch's own server: 16 hex digits."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public_point())
    return digest.finalize()[:8].hex()


def _agreed(shared: bytes, ephemeral: bytes) -> AESGCM:
    return AESGCM(HKDF(hashes.SHA256(), 32, salt=ephemeral + public_point(), info=b"salur-seal-v1").derive(shared))


def open_sealed(sealed: bytes, *, device: UUID) -> bytes:
    """What a device sealed to this server; raises ``CannotOpen`` when it was sealed to another one, for another device, or was changed."""
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sealed[:_POINT])
        key = _agreed(_private().exchange(ec.ECDH(), point), sealed[:_POINT])
        return key.decrypt(sealed[_POINT : _POINT + _IV], sealed[_POINT + _IV :], str(device).encode())
    except (ValueError, InvalidTag) as error:
        raise CannotOpen("This was not sealed to this server by this device, or it was changed since.") from error
