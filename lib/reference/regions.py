"""Countries and territories with an ISO 3166-1 code, and other codes in use for them."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

from babel.core import get_global


def is_region(code: str) -> bool:
    """Whether `code` is an assigned ISO 3166-1 alpha-2 code. Case-sensitive: upper case."""
    return code in assigned()


def alpha3(code: str) -> str | None:
    """The ISO 3166-1 alpha-3 code for an alpha-2 code; None if that is not assigned."""
    return _alpha3_codes().get(code)


@cache
def assigned() -> frozenset[str]:
    """The assigned alpha-2 codes, from the tz database: CLDR adds others, such as XK and EU."""
    return frozenset(line.split("\t")[0] for line in table("iso3166.tab"))


@cache
def _alpha3_codes() -> Mapping[str, str]:
    """alpha-2 → alpha-3. CLDR lists alpha-3 codes as aliases, including withdrawn ones."""
    withdrawn = {"BUR", "DDR", "FXX", "TMP", "YMD", "ZAR"}
    return {
        regions[0]: alias
        for alias, regions in get_global("territory_aliases").items()
        if len(alias) == 3 and alias.isalpha() and alias not in withdrawn
        if len(regions) == 1 and is_region(regions[0])
    }


@cache
def codes() -> Mapping[str, str]:
    """alpha-2 and alpha-3 codes in upper and lower case → alpha-2."""
    upper = {code: code for code in assigned()}
    upper |= {code: region for region, code in _alpha3_codes().items()}
    # The European Union uses these for the United Kingdom and Greece; ISO assigns neither.
    upper |= {"UK": "GB", "EL": "GR"}
    return upper | {code.lower(): region for code, region in upper.items()}


def table(name: str) -> Iterable[str]:
    """The lines of a table of the tz database, without blank lines and comments."""
    text = resources.files("tzdata").joinpath("zoneinfo", name).read_text("utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))
