"""How times and numbers stand in the JSON of the report (metrics.md, "The headless report")."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from lib.reference.rates import Rate

Json = dict[str, Any]


def time(moment: datetime) -> str:
    """ISO 8601 in UTC, with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def rounded(number: float | None, decimals: int) -> float | None:
    """A number with at most that many decimals; None if it is missing."""
    return None if number is None or pd.isna(number) else round(float(number), decimals)


def rate(of: Rate) -> Json:
    """A rate and its likely range: fractions with six decimals."""
    return {
        "numerator": of.numerator,
        "denominator": of.denominator,
        "rate": rounded(of.rate, 6),
        "low": rounded(of.low, 6),
        "high": rounded(of.high, 6),
    }
