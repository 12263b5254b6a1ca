"""What stands between the cells of a CSV file, as spreadsheets of all countries write it."""

import re

DELIMITERS = (",", ";", "\t", "|")
# What Excel writes above the first line, to say it.
SEPARATOR = re.compile(r'"?sep=([,;\t|])"?[ ,;]*', re.IGNORECASE)


def delimiter_of(head: str) -> str:
    """What stands between the cells, by the line that names the columns."""
    return max(DELIMITERS, key=head.count)
