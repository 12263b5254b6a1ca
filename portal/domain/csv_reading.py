"""What stands between the cells of a CSV file, and in them, as spreadsheets of all countries write it."""

import re

DELIMITERS = (",", ";", "\t", "|")
# What Excel writes above the first line, to say it.
SEPARATOR = re.compile(r'"?sep=([,;\t|])"?[ ,;]*', re.IGNORECASE)
# As a spreadsheet writes a number that is longer than its column: 4.47701E+11. Its last digits are lost.
SHORTENED = re.compile(r"[+-]?\d+(?:[.,]\d+)?E\+\d{1,3}", re.ASCII | re.IGNORECASE)


def delimiter_of(head: str) -> str:
    """What stands between the cells, by the line that names the columns."""
    return max(DELIMITERS, key=head.count)
