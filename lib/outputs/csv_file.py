"""CSV export: raw values, with the locale's separators and the choice in every row."""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from lib.outputs.columns import Raw, Table
from lib.query.view import View
from lib.reference import escaping, formatting

FILTERS = "Filters"
"""Name of the column, and of the line on a page's head, with the filters in words."""


def csv_file(table: Table, chosen: Mapping[str, Raw]) -> bytes:
    """The table as CSV, in UTF-8 with a byte order mark so that spreadsheets detect the encoding.

    Times are ISO 8601, missing values are empty. In locales with a decimal comma, cells are
    separated by semicolons, as spreadsheets there expect. Text that would run as a formula is
    neutralized. The last columns repeat `chosen` (see `context`) in every row, so that any part of
    the file states it; a table's own filters take the place of those there.
    """
    if table.filters is not None:
        chosen = {**chosen, FILTERS: table.filters}
    mark = formatting.decimal_mark()
    buffer = io.StringIO()
    delimiter, elsewhere = (";", ",") if mark == "," else (",", ";")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    columns = table.of_files
    heads = [head for column in columns for head in column.heads]
    # A column may be named after a channel, and so by a stranger.
    writer.writerow(
        [escaping.spreadsheet(escaping.upright(head), elsewhere) for head in [*heads, *chosen]]
    )
    last = [cell(value, mark, elsewhere) for value in chosen.values()]
    for row in range(len(table)):
        values = [cell(value, mark, elsewhere) for column in columns for value in column.raw(row)]
        writer.writerow([*values, *last])
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()


def csv_archive(tables: Iterable[tuple[str, Table]], chosen: Mapping[str, Raw]) -> bytes:
    """The tables as a ZIP of CSV files named after their titles: one file with tables of different
    columns could not be read by a spreadsheet."""
    buffer = io.BytesIO()
    names = Counter[str]()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for title, table in tables:
            name = _UNSAFE.sub("-", title).strip("-").casefold() or "table"
            names[name] += 1
            number = f"-{names[name]}" if names[name] > 1 else ""
            archive.writestr(f"{name}{number}.csv", csv_file(table, chosen))
    return buffer.getvalue()


_UNSAFE = re.compile(r"\W+")
"""Characters not used in file names: titles are ours, but may contain a colon."""


def context(view: View) -> dict[str, Raw]:
    """Stated in every file: the choice, the zone, and the time of the data."""
    return {
        "Period from": view.terms.period.start,
        "Period to": view.terms.period.end,
        FILTERS: view.filters,
        "Time zone": view.terms.timezone,
        "Data as of": view.terms.as_of.astimezone(UTC).replace(microsecond=0),
    }


def cell(value: Raw, mark: str, elsewhere: str) -> str:
    """A value as written to CSV; `mark` is the decimal mark, `elsewhere` the separator of cells in
    other locales."""
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case int():
            return str(value)
        case float():
            return _decimal(value).replace(".", mark)
        case _:
            return escaping.spreadsheet(value, elsewhere)


def _decimal(value: float) -> str:
    """Decimal notation without an exponent, which some spreadsheets read as text."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
