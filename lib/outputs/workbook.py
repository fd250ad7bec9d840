"""Page export as a workbook (XLSX): a cover, and a sheet per table.

Cells are typed: numbers are numbers with a format, times are times, and untrusted text is text,
never a formula or a link.
"""

import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from xlsxwriter import Workbook
from xlsxwriter.format import Format as CellFormat
from xlsxwriter.worksheet import Worksheet

from lib.outputs.columns import COUNT, SHARE, SIGNED, Column, Raw, Table
from lib.outputs.csv_file import FILTERS
from lib.outputs.html import prose
from lib.outputs.shown import NumberShown, NumbersShown, Page
from lib.reference import escaping, formatting

_MOST_CHARACTERS = 31
"""Maximum length of a sheet's name in XLSX."""

_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
_LONGEST_CELL = 32_767
"""Maximum length of a cell's text in XLSX."""

_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "remove_timezone": True,
    "nan_inf_to_errors": True,
}


_PATTERNS: Mapping[object, str] = {
    formatting.decimal: "0.00",
    **{each.write: each.pattern for each in (COUNT, SIGNED, SHARE)},
}
"""Number formats of cards, by how they are formatted on screen; others stay text."""


def workbook(page: Page) -> bytes:
    """The workbook: a cover with the question, the answer, the choice and the numbers, then the
    tables."""
    buffer = io.BytesIO()
    book = Workbook(buffer, _OPTIONS)
    try:
        bold = book.add_format({"bold": True})
        tables = page.tables()
        _cover(book, book.add_worksheet("Cover"), page, _own_filters(page, tables), bold)
        names = Counter({"cover": 1})
        for title, table in tables:
            _sheet(book, book.add_worksheet(_sheet_name(title, names)), table, bold)
    finally:
        book.close()
    return buffer.getvalue()


def _own_filters(page: Page, tables: Sequence[tuple[str, Table]]) -> list[tuple[str, str]]:
    """A line for each table whose numbers are under other filters than the page's."""
    whole = dict(page.context).get(FILTERS)
    return [
        (f"{FILTERS} of “{title}”", table.filters)
        for title, table in tables
        if table.filters is not None and table.filters != whole
    ]


def _cover(
    book: Workbook,
    sheet: Worksheet,
    page: Page,
    own_filters: Sequence[tuple[str, str]],
    bold: CellFormat,
) -> None:
    looks = {
        pattern: book.add_format({"num_format": pattern, "align": "left"})
        for pattern in _PATTERNS.values()
    }
    lines: list[tuple[str | NumberShown, ...]] = [
        (page.question,),
        (prose(page.sentence).striptags(),),
        (),
        *page.context,
        *own_filters,
        (),
    ]
    for item in page.items:
        if isinstance(item, NumbersShown):
            lines += [(item.about,)] if item.about else []
            lines += [
                (each.name, each, f"{each.change or ''} {each.note or ''}".strip())
                for each in item.numbers
            ]
    for row, line in enumerate(lines):
        for place, said in enumerate(line):
            if isinstance(said, NumberShown):
                pattern = _PATTERNS.get(said.say) if said.raw is not None else None
                value = said.value if pattern is None else said.raw
                _write(sheet, row, place, value, looks.get(pattern or ""))
            else:
                is_head = row == 0 or (place == 0 and len(line) > 1)
                _write(sheet, row, place, said, bold if is_head else None)
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 2, 32)


def _sheet(book: Workbook, sheet: Worksheet, table: Table, bold: CellFormat) -> None:
    place = 0
    for column in table.of_files:
        cells = book.add_format({"num_format": column.format.pattern})
        for number, head in enumerate(column.heads):
            _write(sheet, 0, place + number, head, bold)
        for row in range(len(table)):
            for number, value in enumerate(column.raw(row)):
                _write(sheet, row + 1, place + number, value, cells)
        sheet.set_column(place, place + len(column.heads) - 1, _width(column))
        place += len(column.heads)
    # Keep the header row and the row names in view.
    sheet.freeze_panes(1, 1)
    if place and len(table):
        sheet.autofilter(0, 0, len(table), place - 1)


def _write(sheet: Worksheet, row: int, place: int, value: Raw, look: CellFormat | None) -> None:
    match value:
        case None:
            pass
        case datetime() | date():
            sheet.write_datetime(row, place, value, look)
        case int() | float():
            sheet.write_number(row, place, value, look)
        case _:
            sheet.write_string(row, place, escaping.upright(value)[:_LONGEST_CELL], look)


def _width(column: Column) -> int:
    longest = max((len(column.shown(row)) for row in range(min(len(column), 200))), default=0)
    return min(48, max(10, longest, *map(len, column.heads)) + 2)


def _sheet_name(title: str, taken: Counter[str]) -> str:
    """A valid sheet name that differs from those taken; names are case-insensitive."""
    plain = _FORBIDDEN.sub(" ", escaping.visible(title))[:_MOST_CHARACTERS].strip("' ") or "Table"
    taken[plain.casefold()] += 1
    again = taken[plain.casefold()]
    if again == 1:
        return plain
    ending = f" {again}"
    return _sheet_name(plain[: _MOST_CHARACTERS - len(ending)].rstrip(" ,") + ending, taken)
