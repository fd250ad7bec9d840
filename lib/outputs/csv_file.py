"""A table as CSV: raw values, in the separators of the locale, with what was chosen in each row."""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from lib.outputs.columns import Raw, Table
from lib.query.view import View
from lib.reference import formatting


def csv_file(table: Table, chosen: Mapping[str, Raw]) -> bytes:
    """UTF-8 with a mark, so that spreadsheets read it as such.

    Numbers are numbers, times ISO 8601, what does not exist is empty. Where the locale writes
    decimals with a comma, cells are separated by semicolons, as its spreadsheets expect. Text is
    defused where it would run as a formula. The last columns hold what was `chosen`, a `context`,
    in every row, so that a part of the file says it too.
    """
    mark = formatting.decimal_mark()
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";" if mark == "," else ",", lineterminator="\r\n")
    columns = table.of_files
    heads = [head for column in columns for head in column.heads]
    writer.writerow([formatting.spreadsheet(head) for head in [*heads, *chosen]])
    last = [cell(value, mark) for value in chosen.values()]
    for row in range(len(table)):
        values = [cell(value, mark) for column in columns for value in column.raw(row)]
        writer.writerow([*values, *last])
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()


def csv_archive(tables: Iterable[tuple[str, Table]], chosen: Mapping[str, Raw]) -> bytes:
    """Tables by their titles, each as a CSV file of that name, in a ZIP: tables of different
    columns in one file would be none that a spreadsheet can read."""
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
"""What a file is not to have in its name: a title is ours, but may hold a colon."""


def context(view: View) -> dict[str, Raw]:
    """What every file says: the choice, the zone and the time of the data."""
    return {
        "Period from": view.terms.period.start,
        "Period to": view.terms.period.end,
        "Filters": view.choice.in_words(view.options) or "none",
        "Time zone": view.terms.timezone,
        "Data as of": view.terms.as_of.astimezone(UTC).replace(microsecond=0),
    }


def cell(value: Raw, mark: str) -> str:
    """A value as CSV holds it; `mark` is the decimal one."""
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
            return formatting.spreadsheet(value)


def _decimal(value: float) -> str:
    """Without an exponent, which some spreadsheets take for text."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
