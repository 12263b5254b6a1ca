"""An authenticator app: plain RFC 6238."""

import hmac
import struct
import time
from base64 import b32decode


def code(key, after=0):
    """What an authenticator app shows (RFC 6238), some steps of thirty seconds from now."""
    counter = struct.pack(">Q", int(time.time()) // 30 + after)
    digest = hmac.digest(b32decode(key.replace("-", "").replace(" ", "")), counter, "sha1")
    (number,) = struct.unpack(">I", digest[digest[-1] & 15 :][:4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"
