"""People's PINs and badges, hashed: a database that is read by others gives none away."""

import hashlib
import hmac
import secrets

ROLES = ("technician", "preparer", "scorer", "owner")
_N, _R, _P = 2**14, 8, 1
"""16 MB and some 50 ms: a PIN of four digits is short, and is not tried a thousand times."""


def hash_pin(pin: str) -> str:
    """`pin` as it is stored. Raises ValueError for one shorter than four characters."""
    if len(pin) < 4:
        raise ValueError("a PIN has four characters or more")
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${salt.hex()}${_derive(pin, salt, _N).hex()}"


def is_pin(pin: str, stored: str | None) -> bool:
    """Whether `pin` is the one that was stored; as long for a wrong one, or for none stored."""
    kind, n, salt, digest = (stored or f"none${_N}${'00' * 16}${'00' * 32}").split("$")
    derived = _derive(pin, bytes.fromhex(salt), int(n))
    return hmac.compare_digest(derived, bytes.fromhex(digest)) and kind == "scrypt"


def _derive(pin: str, salt: bytes, n: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=n, r=_R, p=_P, maxmem=2**26, dklen=32)
