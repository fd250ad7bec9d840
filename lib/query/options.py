"""Filter options: the values that exist in a workspace, each with a distinct name."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from lib.engines.questions import Engine, Fact, Filter
from lib.reference import escaping, formatting
from lib.store.dimensions import DIMENSIONS, MISSING, Dimension


@dataclass(frozen=True)
class Option:
    """A value to filter by, its name, and how many contacts of the workspace have it.

    Within a dimension no two names look alike, and no two labels; labels are short enough for a
    list.
    """

    key: str
    name: str
    contacts: int
    label: str = ""


@dataclass(frozen=True)
class Options:
    """The filter options of a workspace, largest first; agents by name, because they are not
    ranked. The option for contacts without a value comes last."""

    by_dimension: Mapping[str, tuple[Option, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def of(self, dimension: Dimension) -> tuple[Option, ...]:
        return self.by_dimension.get(dimension.key, ())

    def name(self, dimension: Dimension, key: str) -> str:
        """Display name of a value; a key that no longer exists is shown as it is."""
        option = self._by_key[dimension.key].get(key)
        if option is not None:
            return option.name
        return dimension.missing.name if key == dimension.missing.key else clean(key)

    def label(self, dimension: Dimension, key: str) -> str:
        """Display name, short enough for a list or a chip."""
        option = self._by_key[dimension.key].get(key)
        return formatting.shortened(self.name(dimension, key)) if option is None else option.label

    @cached_property
    def _by_key(self) -> dict[str, dict[str, Option]]:
        return {
            dimension.key: {option.key: option for option in self.of(dimension)}
            for dimension in DIMENSIONS
        }


def options_of(asked: Engine) -> Options:
    """The options of the whole workspace."""
    found = {dimension.key: _options(asked.whole, dimension) for dimension in DIMENSIONS}
    return Options({key: options for key, options in found.items() if options})


def counts_under(
    asked: Callable[[Filter], Engine], limits: Filter, options: Options
) -> dict[str, dict[str, int]]:
    """For each dimension, how many contacts have each of its values and pass the filters of all
    other dimensions: what selecting the value would leave. `asked` returns the workspace's engine
    under a filter."""
    counted = {}
    for dimension in DIMENSIONS:
        others, known = limits.without(dimension), options.of(dimension)
        if others.is_empty or not known:
            found = {option.key: option.contacts for option in known}
        else:
            sizes = sizes_of(asked(others), dimension)
            found = {option.key: sizes.get(option.key, 0) for option in known}
        counted[dimension.key] = found
    return counted


def _options(asked: Engine, dimension: Dimension) -> tuple[Option, ...]:
    sizes = sizes_of(asked, dimension)
    missing = dimension.missing
    without = sizes.pop(MISSING, 0) if missing.key == MISSING else 0
    if dimension.has_several and not sizes:  # a server that does not report this at all
        return ()
    known = _known_names(asked, dimension)
    plain = {key: clean(known(key)) for key in sizes}
    names = distinct_names(plain, taken=[missing.name])
    if dimension.is_ranked:
        ordered = sorted(sizes, key=lambda key: (-sizes[key], key))
    else:
        ordered = sorted(sizes, key=lambda key: (names[key].casefold(), key))
    if without:
        ordered.append(MISSING)
        sizes[MISSING], names[MISSING] = without, missing.name
    labels = short_labels({key: names[key] for key in ordered})
    return tuple(Option(key, names[key], sizes[key], labels[key]) for key in ordered)


def sizes_of(asked: Engine, dimension: Dimension, among: Fact | None = None) -> dict[str, int]:
    """Number of contacts by value, with `MISSING` for those without one; of all contacts or of
    those for which the fact `among` is true."""
    counted = asked.count(by=dimension, among=among)["contacts"]
    return {str(key): int(size) for key, size in counted.items()}


def _known_names(asked: Engine, dimension: Dimension) -> Callable[[str], str]:
    """Function from a key to its display name."""
    if dimension.names is None:
        return dimension.name_of
    table = asked.names(dimension.names)
    names = dict(zip(table["id"], table["name"], strict=True))

    def name(key: str) -> str:
        known = names.get(key)
        return str(known) if isinstance(known, str) else f"{dimension.noun.capitalize()} {key}"

    return name


_WHITESPACE = re.compile(r"\s+")


def clean(name: str) -> str:
    """A name on one line, without the Unicode controls that change the text direction."""
    return escaping.visible(name).strip()


_CONFUSABLES = str.maketrans(
    # Cyrillic and Greek letters that look like Latin ones, then characters that fonts draw alike.
    "аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧονI1|0",
    "aeopcyxijshdqwABEKMHOPCTYXIJSABEZHIKMNOPTYXovlllO",
)


def skeleton(text: str) -> str:
    """Confusable skeleton, equal for texts that look alike: after Unicode TR 39, for the letters
    that matter here."""
    plain = unicodedata.normalize("NFKC", text)
    visible = "".join(each for each in plain if unicodedata.category(each) not in ("Cf", "Cc"))
    return _WHITESPACE.sub(" ", visible.translate(_CONFUSABLES).replace("I", "l")).strip()


def distinct_names(names: Mapping[str, str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Names by key, made distinct: one that looks like another, or like one in `taken`, gets as
    much of the end of its key appended as it takes."""
    return _distinct(
        names,
        [
            lambda key, _: names[key],
            lambda key, end: f"{names[key]} (#{key[-end:]})",
            lambda key, _: f"{names[key]} (#{_digest(key)})",
        ],
        taken,
    )


def short_labels(names: Mapping[str, str]) -> dict[str, str]:
    """Names by key, shortened for a list. Where that makes two look alike, their middle is cut
    instead of their end; if that does not help, the end of the key is appended."""
    return _distinct(
        names,
        [
            lambda key, _: formatting.shortened(names[key]),
            lambda key, _: _both_ends(names[key]),
            lambda key, end: f"{formatting.shortened(names[key])} (#{key[-end:]})",
            lambda key, _: f"{formatting.shortened(names[key])} (#{_digest(key)})",
        ],
    )


def _distinct(
    names: Mapping[str, str],
    ways: Sequence[Callable[[str, int], str]],
    taken: Iterable[str] = (),
) -> dict[str, str]:
    """Each name in the first of the `ways` to write it that looks like no other; they are given the
    key, and how many of its last characters tell it from the others in question."""
    reserved = [skeleton(each) for each in taken]
    way = dict.fromkeys(names, 0)
    written = {key: ways[0](key, 0) for key in names}
    while True:
        looks = {key: skeleton(text) for key, text in written.items()}
        holders = Counter([*looks.values(), *reserved])
        alike = [key for key in names if holders[looks[key]] > 1 and way[key] + 1 < len(ways)]
        if not alike:
            return written
        end = _distinct_end(alike)
        for key in alike:
            way[key] += 1
            written[key] = ways[way[key]](key, end)


def _distinct_end(keys: Sequence[str]) -> int:
    """How many of their last characters tell these keys apart, at least four."""
    return next(
        length
        for length in range(4, max(map(len, keys), default=0) + 5)
        if len({key[-length:] for key in keys}) == len(set(keys))
    )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _both_ends(name: str, most: int = 34) -> str:
    if len(name) <= most:
        return name
    return f"{name[: most // 2 - 3].rstrip()} … {name[-most // 2 :].lstrip()}"
