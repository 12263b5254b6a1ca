"""A logo is checked and drawn anew: nothing of the file that was uploaded is kept but what it shows."""

import struct
import subprocess
import sys
import tracemalloc
import zlib
from base64 import b64decode
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.config import ROOT
from portal.domain.errors import Invalid
from portal.services.company.logo import FILE_MOST, HIGH, NO_PICTURE, WIDE, checked_logo

# A picture of 8 × 4 red points, as a JPEG file.
A_JPEG = b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/4gHYSUNDX1BST0ZJTEUAAQEAAAHIAAAAAAQwAABtbnRyUkdCIFhZWiAH4AABAAEAAAAAAABh"
    "Y3NwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAA9tYAAQAAAADTLQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAlkZXNjAAAA8AAAACRyWFlaAAABFAAAABRnWFlaAAABKAAAABRiWFlaAAABPAAAABR3dHB0AAAB"
    "UAAAABRyVFJDAAABZAAAAChnVFJDAAABZAAAAChiVFJDAAABZAAAAChjcHJ0AAABjAAAADxtbHVjAAAAAAAAAAEAAAAMZW5VUwAA"
    "AAgAAAAcAHMAUgBHAEJYWVogAAAAAAAAb6IAADj1AAADkFhZWiAAAAAAAABimQAAt4UAABjaWFlaIAAAAAAAACSgAAAPhAAAts9Y"
    "WVogAAAAAAAA9tYAAQAAAADTLXBhcmEAAAAAAAQAAAACZmYAAPKnAAANWQAAE9AAAApbAAAAAAAAAABtbHVjAAAAAAAAAAEAAAAM"
    "ZW5VUwAAACAAAAAcAEcAbwBvAGcAbABlACAASQBuAGMALgAgADIAMAAxADb/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0o"
    "OjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2Nj"
    "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAAEAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAX/"
    "xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAABQb/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIR"
    "AxEAPwCKALXj/9k="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(wide=40, high=20, *, says=None, between=b"", points=None):
    """A red picture. `says` is the size that its head tells, `between` stands before the points."""
    points = (b"\0" + b"\xff\0\0\x80" * wide) * high if points is None else points
    head = struct.pack(">IIBBBBB", *(says or (wide, high)), 8, 6, 0, 0, 0)
    packed = chunk(b"IDAT", zlib.compress(points))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + between + packed + chunk(b"IEND", b"")


def size(data):
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


def test_a_small_picture_keeps_its_size_and_a_large_one_is_made_smaller():
    assert size(checked_logo(png())) == (40, 20)
    assert size(checked_logo(png(1800, 300))) == (WIDE, 100)
    assert size(checked_logo(png(300, 1800))) == (30, HIGH)
    assert size(checked_logo(png(2000, 1))) == (WIDE, 1)


def test_a_jpeg_is_kept_as_png():
    assert size(checked_logo(A_JPEG)) == (8, 4)


def test_what_shows_through_still_does():
    kept = checked_logo(png())
    assert kept[25] == 6, "red, green, blue and how much shows through"


def test_nothing_else_that_was_in_the_file_is_kept():
    words = chunk(b"tEXt", b"Comment\0<script>alert(1)</script>")
    kept = checked_logo(png(between=words) + b"PK\x03\x04<?php echo 1; ?>")
    assert kept == checked_logo(png())
    assert b"script" not in kept and b"php" not in kept


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "Choose a picture first"),
        (SVG, NO_PICTURE),
        (b"GIF89a" + b"\0" * 40, NO_PICTURE),
        (b"%PDF-1.7 " * 9, NO_PICTURE),
        (b"\x89PNG\r\n\x1a\n", NO_PICTURE),
        (b"\xff\xd8\xff", NO_PICTURE),
        (png(0, 20, points=b""), NO_PICTURE),
        (png()[:60], NO_PICTURE),
        (png(points=b"\0" * 10), NO_PICTURE),
        (png(points=b"\x09" * 4000), NO_PICTURE),
        (png(says=(50_000, 50_000)), "50,000 × 50,000 pixels; 2,000 × 2,000 at most"),
        (png(2001, 1), "2,001 × 1 pixels"),
        (b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\xff\xff\xff\xff" + b"\0" * 20, "65,535 × 65,535"),
        (png() + b"\0" * FILE_MOST, "too large: 512 KB"),
    ],
)  # fmt: skip
def test_what_is_no_picture_or_too_much_of_one_is_refused_in_a_sentence(data, says):
    with pytest.raises(Invalid, match=says):
        checked_logo(data)


@pytest.mark.slow
def test_points_that_the_head_does_not_speak_of_are_not_unpacked():
    bomb = b"\0" + b"\xff\0\0\x80" * 10 + b"\0" * 100_000_000
    packed = png(10, 1, points=bomb)
    tracemalloc.start()
    with suppress(Invalid):
        assert size(checked_logo(packed)) == (10, 1)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10_000_000


MEASURED = """
import re, sys
from portal.services.company.logo import checked_logo
def most():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
checked_logo(open(sys.argv[1], "rb").read())
before = most()
try:
    checked_logo(open(sys.argv[2], "rb").read())
finally:
    print(most() - before)
"""


def packed(size):
    """Zeros, packed a piece at a time."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)) + packer.flush()


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux says how much memory was taken"
)
@pytest.mark.slow
def test_what_is_packed_beside_the_points_is_not_unpacked(tmp_path):
    """In a process of its own: what the library takes is seen by the machine alone."""
    bomb = png(between=chunk(b"iCCP", b"sRGB\0\0" + packed(400_000_000)))
    assert len(bomb) <= FILE_MOST
    assert checked_logo(bomb) == checked_logo(png())
    (tmp_path / "plain").write_bytes(png())
    (tmp_path / "bomb").write_bytes(bomb)
    run = [sys.executable, "-c", MEASURED, str(tmp_path / "plain"), str(tmp_path / "bomb")]
    more = int(subprocess.run(run, capture_output=True, check=True, text=True, cwd=ROOT).stdout)
    assert more < 50_000, f"{more:,} KB"


def test_colours_of_a_list_and_what_shows_through_among_them_are_kept():
    head = struct.pack(">IIBBBBB", 2, 1, 8, 3, 0, 0, 0)
    parts = [
        (b"IHDR", head),
        (b"PLTE", b"\xff\0\0\0\xff\0"),
        (b"tRNS", b"\0"),
        (b"IDAT", zlib.compress(b"\0\0\1")),
        (b"IEND", b""),
    ]
    kept = checked_logo(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))
    assert size(kept) == (2, 1)
    assert kept != checked_logo(
        b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts if part[0] != b"tRNS")
    )


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 120), st.booleans())
def test_whatever_is_uploaded_is_a_picture_or_refused(junk, place, jpeg):
    good = A_JPEG if jpeg else png()
    try:
        kept = checked_logo(good[:place] + junk + good[place + len(junk) :])
    except Invalid:
        return
    wide, high = size(kept)
    assert wide <= WIDE and high <= HIGH
