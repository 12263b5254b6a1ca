"""An authenticator app: plain RFC 6238."""

import hmac
import struct
import time
from base64 import b32decode

STEP = 30  # seconds
IN_TIME = 5  # seconds in which whoever reads a code has typed it


def code(key, after=0):
    """What an authenticator app shows (RFC 6238), some steps from now.

    One that is about to change is waited for, as a person would: typed a moment later, it is a code of the step before.
    """
    if (left := STEP - time.time() % STEP) < IN_TIME:
        time.sleep(left)
    counter = struct.pack(">Q", int(time.time()) // STEP + after)
    digest = hmac.digest(b32decode(key.replace("-", "").replace(" ", "")), counter, "sha1")
    (number,) = struct.unpack(">I", digest[digest[-1] & 15 :][:4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"
