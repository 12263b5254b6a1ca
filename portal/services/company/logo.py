"""The provider's logo: a picture is checked, and drawn anew, before it is kept.

What is kept is never what was uploaded: the letters of the file stay behind with whatever else was in it, and
only its points are drawn again. A picture that would take much room when it is unpacked is refused by what
its head says of its size, before anything unpacks it; and only what draws the points is handed on at all: other parts
of a PNG file (profiles of colours, comments) are packed too, and may hold a thousand times what the file weighs.
"""

import json
import struct

import typst

from portal.domain.errors import Invalid
from portal.domain.wording import whole

# What is taken: bytes of the file, points each way.
FILE_MOST, POINTS_MOST = 512 * 1024, 2_000
# What is kept: sharp on paper, small in every summary.
WIDE, HIGH = 600, 180
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
# Frames of JPEG that say how large the picture is: C4, C8 and CC among them are something else.
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# Chunks of PNG that draw the picture: its head, its colours, which of them show through, its points, its end.
DRAWING = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
NO_PICTURE = "This picture cannot be read. Choose a PNG or JPEG file."
SOURCE = b"""
#set page(width: {wide}pt, height: {high}pt, margin: 0pt, fill: none)
#image(bytes(json(bytes(sys.inputs.picture))), width: 100%, height: 100%, fit: "contain")
"""


def checked_logo(data: bytes) -> bytes:
    """The picture of a PNG or JPEG file, drawn anew as a PNG of bounded size. Invalid where it is none."""
    if not data:
        raise Invalid("file", "Choose a picture first: a PNG or JPEG file.")
    if len(data) > FILE_MOST:
        raise Invalid("file", f"This file is too large: {FILE_MOST // 1024} KB at most.")
    wide, high = _size(data)
    if not (wide and high):
        raise Invalid("file", NO_PICTURE)
    if max(wide, high) > POINTS_MOST:
        raise Invalid(
            "file",
            f"This picture has {whole(wide)} × {whole(high)} pixels; "
            f"{whole(POINTS_MOST)} × {whole(POINTS_MOST)} at most.",
        )
    return _drawn(_without_the_rest(data), wide, high)


def _without_the_rest(data: bytes) -> bytes:
    """A PNG file with nothing but what draws it; a JPEG file as it is: there only the points are packed."""
    if not data.startswith(PNG):
        return data
    kept, place = [PNG], len(PNG)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4])
        name, chunk = data[place + 4 : place + 8], data[place : place + 12 + length]
        if name in DRAWING:
            kept.append(chunk)
        if name == b"IEND":
            break
        place += len(chunk)
    return b"".join(kept)


def _drawn(data: bytes, wide: int, high: int) -> bytes:
    scale = min(1.0, WIDE / wide, HIGH / high)
    sheet = {"{wide}": max(1, round(wide * scale)), "{high}": max(1, round(high * scale))}
    source = SOURCE
    for name, points in sheet.items():
        source = source.replace(name.encode(), str(points).encode())
    try:
        made = typst.compile(
            source,
            format="png",
            ppi=72,
            sys_inputs={"picture": json.dumps(list(data))},
            ignore_system_fonts=True,
        )
    except (typst.TypstError, RuntimeError) as error:
        raise Invalid("file", NO_PICTURE) from error
    assert isinstance(made, bytes)
    return made


def _size(data: bytes) -> tuple[int, int]:
    """How wide and high the head of the file says that the picture is; zeros where there is no such head."""
    if data.startswith(PNG):
        if data[12:16] != b"IHDR" or len(data) < 24:
            return 0, 0
        wide, high = struct.unpack(">II", data[16:24])
        return wide, high
    return _size_of_jpeg(data) if data.startswith(JPEG) else (0, 0)


def _size_of_jpeg(data: bytes) -> tuple[int, int]:
    """From the largest frame: a second one must not say less than is unpacked."""
    place, largest = 2, (0, 0)
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # filling
            place += 1
            continue
        if marker in (0xD9, 0xDA):  # the end, or the points themselves
            break
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # these have no length
            place += 2
            continue
        if marker in FRAMES:
            high, wide = struct.unpack(">HH", data[place + 5 : place + 9])
            if not (wide and high):
                return 0, 0
            largest = max(largest, (wide, high), key=lambda size: size[0] * size[1])
        place += 2 + max(2, struct.unpack(">H", data[place + 2 : place + 4])[0])
    return largest
