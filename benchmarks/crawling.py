"""The crawl compared with a bare fetch and with common tools, over one server with latency."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks.contestants import TOKEN
from benchmarks.table import Row
from tests.serving import chatbotx

CONTACTS = 100_000
LATENCY = 0.05


@contextmanager
def server(
    contacts: int = CONTACTS, latency: float = LATENCY, tie: int = 0, skipping: float = 0.0
) -> Iterator[str]:
    """Run a fake July ChatbotX; yields its base URL. That many contacts share one `createdAt`, and
    each contact skipped by a page costs that many seconds."""
    manners = {"manners": "july", "latency": latency, "tie": tie, "skipping": skipping}
    with chatbotx(TOKEN, contacts=contacts, **manners) as base_url:
        yield base_url


def run(name: str, base_url: str, connections: int) -> dict[str, float]:
    """Run one contestant in its own process."""
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.contestants", name, base_url]
        + ["--connections", str(connections)],
        check=True,
        capture_output=True,
        text=True,
    )
    measured: dict[str, float] = json.loads(result.stdout.strip().splitlines()[-1])
    return measured


def tie_row(rounds: int = 3) -> Row:
    """60,000 contacts, of which an import of 12,000 shares one `createdAt`, on a server with
    indexes."""
    with server(60_000, tie=12_000) as base_url:
        run("ours", base_url, 4)
        pairs = [(run("bare_keys", base_url, 4), run("ours", base_url, 4)) for _ in range(rounds)]
    return Row.at_most(
        "crawl with a tie of 12,000 / bare key walk of the same contacts, 4 connections",
        f"{median(ours['seconds'] for _, ours in pairs):.1f} s / "
        f"{median(bare['seconds'] for bare, _ in pairs):.1f} s",
        median(ours["seconds"] / bare["seconds"] for bare, ours in pairs),
        1.10,
        " ×",
    )


def rows(rounds: int = 3) -> list[Row]:
    """Peers take minutes, so they run once, between our first and second run."""
    found = []
    with server() as base_url:
        run("ours", base_url, 8)  # the server sorts and encodes at the first request
        ours_alone = [run("ours", base_url, 8)["seconds"]]
        by_pages = run("by_pages", base_url, 1)["seconds"]
        ours_alone.append(run("ours", base_url, 8)["seconds"])
        dlt = run("dlt", base_url, 1)["seconds"]
        ours_alone.append(run("ours", base_url, 8)["seconds"])
        for connections, most in ((8, 1.10), (16, 1.15)):
            pairs = [
                (run("bare", base_url, connections), run("ours", base_url, connections))
                for _ in range(rounds)
            ]
            found.append(
                Row.at_most(
                    f"crawl to tables / bare fetch of the same bytes, {connections} connections",
                    f"{median(ours['seconds'] for _, ours in pairs):.1f} s / "
                    f"{median(bare['seconds'] for bare, _ in pairs):.1f} s",
                    median(ours["seconds"] / bare["seconds"] for bare, ours in pairs),
                    most,
                    " ×",
                )
            )
    found.append(tie_row(rounds))
    ours = median(ours_alone)
    found += [
        Row.at_least(
            "`requests` page by page with `json_normalize` / crawl, 8 connections",
            f"{by_pages:.0f} s / {ours:.1f} s",
            by_pages / ours,
            8,
            " ×",
        ),
        Row.at_least(
            "dlt `rest_api` to Parquet / crawl, 8 connections",
            f"{dlt:.0f} s / {ours:.1f} s",
            dlt / ours,
            10,
            " ×",
        ),
    ]
    return found
