"""`python -m benchmarks [crawl] [decode] …`: prints a table of figures."""

import argparse
from collections.abc import Callable, Iterable

from benchmarks import (
    counting,
    crawling,
    decoding,
    felt,
    history,
    rerunning,
    scale,
    viewers,
    workspaces,
)
from benchmarks.table import Row, head, show

PARTS: dict[str, Callable[[], Iterable[Row]]] = {
    "crawl": crawling.rows,
    "decode": decoding.rows,
    "count": counting.rows,
    "history": history.rows,
    "scale": scale.rows,
    "workspaces": workspaces.rows,
    "rerun": rerunning.rows,
    "viewers": viewers.rows,
    "felt": felt.rows,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all without any")
    given = parser.parse_args()
    head()
    for part in given.parts or PARTS:
        show(PARTS[part]())


if __name__ == "__main__":
    main()
