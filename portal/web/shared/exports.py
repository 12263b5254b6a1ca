"""A list as a file that is downloaded: at `/packages/list.csv` and `/packages/list.xlsx`, filtered as the list is."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from tempfile import TemporaryFile
from typing import Any

from flask import Response, send_file, stream_with_context

from portal.clock import zone
from portal.long_answers import each
from portal.services.exports.files import as_csv, as_xlsx
from portal.services.exports.table import Table

# The end of an address: `list.<any(csv, xlsx):form>`.
FORM = "<any(csv, xlsx):form>"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def send(table: Table, form: str) -> Any:
    """The file. What goes wrong with its first rows is still told by a page."""
    table = replace(table, chunks=each(table.chunks))
    name = f"{table.name.replace(' ', '-')}.{form}"
    if form == "xlsx":
        file = TemporaryFile()  # noqa: SIM115 - it is closed with the answer
        as_xlsx(table, file, zone())
        file.seek(0)
        return send_file(file, XLSX, as_attachment=True, download_name=name)
    lines = as_csv(table, zone())
    begun = list(islice(lines, 2))
    return _csv(chain(begun, lines), name)


def send_lines(lines: Iterable[str], name: str) -> Response:
    """A CSV of lines that are read as they are sent: however long that takes, whoever serves hears of it."""
    return _csv(each(lines), name)


def _csv(text: Iterator[str], name: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    return Response(stream_with_context(text), mimetype="text/csv", headers=headers)
