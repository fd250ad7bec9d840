"""Medians by group: exact, and alike on engines that disagree about them.

No engine has to shuffle or return every value. They are counted in buckets, then those of the
buckets with a middle in finer ones, until few are left, which are returned.
"""

from collections.abc import Sequence

import narwhals as nw
import pandas as pd

from lib.engines.joined import Frame
from lib.engines.questions import Expressions
from lib.engines.selection import KEY, Source, any_of

VALUE, VALUES = "value", "values"

FEW, FEW_EMBEDDED = 2000, 100_000
"""Values that are returned, without a shuffle, rather than counted in finer buckets, which takes
more queries; from an engine in this process, any number that memory holds easily."""

_BUCKET, _FIRST, _BEGIN = "bucket", "first", "begin"


def middles(
    values: Frame,
    buckets: Sequence[nw.Expr],
    source: Source,
    also: Expressions | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Totals by group, and the middles of each group with values; ascending by group.

    `values` has the columns `key`, the group, and `value`, which may be null. `buckets` are
    expressions of the value, from coarse to fine: each keeps the order of values, and splits the
    buckets before. `source` runs the queries.

    Totals: `values`, the number of those that are not null, and the counts `also`.
    Middles: `first`, the least; `lower` and `upper`, the two in the middle, which are the same if
    the number of values is odd.
    """
    also, finer = also or {}, [*buckets[1:], nw.col(VALUE)]
    few = FEW_EMBEDDED if source.is_embedded else FEW
    found = None if also else _at_once(source, values)
    if found is not None:
        finer.clear()
    else:
        values = values.with_columns(buckets[0].alias(_BUCKET))
        found = _asked(source, _counted(values, {_FIRST: nw.col(VALUE).min()} | also))
    totals = found.groupby(KEY)[[VALUES, *also]].sum().astype("int64")
    found = _ranked(found)
    table = found.groupby(KEY)[[_FIRST]].min()
    number = totals[VALUES].loc[table.index]
    ranks = pd.DataFrame({"lower": (number - 1) // 2, "upper": number // 2})
    while finer and len(table):
        found = found[_holds(found, ranks["lower"]) | _holds(found, ranks["upper"])]
        in_groups = found.groupby(KEY)
        ranks = ranks.sub(in_groups[_BEGIN].min(), axis="index")
        # Not before the second round, which would cost small workspaces less than large ones.
        are_few = found[VALUES].sum() <= few and (source.is_embedded or len(finer) < len(buckets))
        values = values.filter(_within(found))
        if are_few:
            finer.clear()
            each = values.select(KEY, nw.col(VALUE).alias(_BUCKET))
            found = _ranked(_asked(source, each).assign(**{VALUES: 1}))
        else:
            values = values.with_columns(finer.pop(0).alias(_BUCKET))
            found = _ranked(_asked(source, _counted(values, {})))
    for name, rank in ranks.items():
        middle = found[_holds(found, rank)].set_index(KEY)[_BUCKET]
        table[str(name)] = middle if len(table) else table[_FIRST]
    return totals, table


def _asked(source: Source, frame: Frame) -> pd.DataFrame:
    found: pd.DataFrame = source.collect(frame).to_pandas()
    return found


def _at_once(source: Source, values: Frame) -> pd.DataFrame | None:
    """Every value as a bucket, from an engine in this process that has few: counting them first
    would read everything twice."""
    if not source.is_embedded:
        return None
    each = values.filter(~nw.col(VALUE).is_null()).select(KEY, nw.col(VALUE).alias(_BUCKET))
    found = _asked(source, each.head(FEW_EMBEDDED + 1))
    if len(found) > FEW_EMBEDDED:
        return None
    found[VALUES], found[_FIRST] = 1, found[_BUCKET]
    return found


def _counted(values: Frame, also: Expressions) -> Frame:
    return values.group_by(KEY, _BUCKET).agg(**{VALUES: nw.col(VALUE).count()}, **also)


def _ranked(found: pd.DataFrame) -> pd.DataFrame:
    """The buckets with values, ascending, each with the number of its group's values before it."""
    found = found[found[VALUES] > 0].astype({VALUES: "int64"})
    found = found.sort_values([KEY, _BUCKET], ignore_index=True)
    return found.assign(**{_BEGIN: found.groupby(KEY)[VALUES].cumsum() - found[VALUES]})


def _holds(found: pd.DataFrame, ranks: pd.Series) -> pd.Series:
    """Whether a bucket holds its group's value with this rank, from 0."""
    rank, begin = ranks.loc[found[KEY]].to_numpy(), found[_BEGIN]
    return (begin <= rank) & (rank < begin + found[VALUES])


def _within(found: pd.DataFrame) -> nw.Expr:
    bucket, key = nw.col(_BUCKET), nw.col(KEY)
    in_each = [
        (bucket == each) & key.is_in(keys.tolist()) for each, keys in found.groupby(_BUCKET)[KEY]
    ]
    # Engines look up a value in a set much faster than they compare it with each.
    return bucket.is_in(found[_BUCKET].unique().tolist()) & any_of(in_each)
