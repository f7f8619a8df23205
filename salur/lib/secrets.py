"""Secrets: one file in the home, from which every key is derived; never in the repository, the database or a dump.

``SALUR_SECRET_KEY_FILE`` names another file. It holds 32 random bytes as hex; each use derives its own key from it (HKDF-SHA-256,
RFC 5869, the purpose as info), so that no key serves two purposes.
"""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from salur.lib.database import salur_home
from salur.lib.problem import Problem


def secret_file() -> Path:
    named = os.environ.get("SALUR_SECRET_KEY_FILE")
    return Path(named) if named else salur_home() / "secret.key"


def master_secret() -> bytes:
    """The home's secret; made on first use when it lives in the home, refused when a named file is missing or broken."""
    path = secret_file()
    if not path.exists():
        if "SALUR_SECRET_KEY_FILE" in os.environ:
            raise Problem(
                f"The secret file {path} is missing: restore it from its backup; without it identifiers cannot be read."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}")
        part.touch(mode=0o600)
        part.write_text(secrets.token_hex(32))
        try:
            os.link(part, path)  # create-only: of two processes that start at once, the first one's secret stands
        except FileExistsError:
            pass
        finally:
            part.unlink()
    try:
        value = bytes.fromhex(path.read_text().strip())
    except ValueError as error:
        raise Problem(
            f"The secret file {path} does not hold hexadecimal digits: restore it from its backup."
        ) from error
    if len(value) < 32:
        raise Problem(
            f"The secret file {path} holds {len(value)} bytes where 32 are needed: restore it from its backup."
        )
    return value


def derived_key(purpose: str, length: int = 32) -> bytes:
    """A key for one purpose, e.g. ``derived_key("nik index")``."""
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=f"salur {purpose}".encode()).derive(
        master_secret()
    )


def secret_key(purpose: str) -> str:
    return derived_key(purpose).hex()
