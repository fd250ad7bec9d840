"""Ways to load a workspace into tables, each run in its own process.

`python -m benchmarks.contestants NAME BASE_URL …` prints JSON: `seconds` and `cpu` of the work
itself, without imports; `peak` and `before`, the maximum resident set and the one before, in bytes.
"""

import argparse
import http.client
import json
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

TOKEN = "bench"
PER_PAGE = 50
"""Page size limit of the July server."""

SORT = '[{"id":"createdAt","desc":false},{"id":"id","desc":false}]'


def ours(base_url: str, connections: int) -> int:
    from lib.chatbotx.client import Client
    from lib.store.snapshot import fetch

    with Client(base_url, TOKEN, connections=connections) as client:
        return fetch(client).contacts


def bare(base_url: str, connections: int) -> int:
    """Fetch the same bytes over as many connections and discard them: a lower bound for any
    client."""
    from lib.chatbotx.client import Query

    address = urlsplit(base_url)
    path = f"{address.path}/v1/contacts?{Query().encoded()}"
    pages = iter(range(1, _page_count(base_url) + 1))
    lock = threading.Lock()

    def read() -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port)
        while True:
            with lock:
                page = next(pages, None)
            if page is None:
                connection.close()
                return
            connection.request(
                "GET",
                path.replace("page=1&", f"page={page}&", 1),
                headers={"Authorization": f"Bearer {TOKEN}"},
            )
            connection.getresponse().read()

    threads = [threading.Thread(target=read) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def bare_keys(base_url: str, connections: int) -> int:
    """A naive key walk: splits the contacts into as many equal ranges as there are connections, and
    reads each by key, or by page number where a page has a single `createdAt`."""
    import msgspec

    from lib.chatbotx.client import Query

    class Created(msgspec.Struct, rename="camel"):
        created_at: str

    class Page(msgspec.Struct):
        data: list[Created]

    address = urlsplit(base_url)

    def keys(connection: http.client.HTTPConnection, query: Query) -> list[str]:
        connection.request(
            "GET",
            f"{address.path}/v1/contacts?{query.encoded()}",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        page = msgspec.json.decode(connection.getresponse().read(), type=Page)
        return [each.created_at for each in page.data]

    def connect() -> http.client.HTTPConnection:
        return http.client.HTTPConnection(address.hostname or "", address.port)

    pages = _page_count(base_url)
    first = connect()
    begins = [
        keys(first, Query(page=1 + pages * n // connections))[0] for n in range(connections)
    ] + ["9999"]

    def walk(key: str, end: str) -> None:
        connection, number = connect(), 1
        while key < end:
            found = keys(connection, Query(since=key, page=number))
            if len(found) < PER_PAGE:
                return
            number = number + 1 if found[-1] == key else 1
            key = found[-1]

    threads = [threading.Thread(target=walk, args=span) for span in pairwise(begins)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def by_pages(base_url: str, connections: int) -> int:
    """What most scripts do: `requests`, page by page, and `json_normalize`."""
    import pandas as pd
    import requests

    del connections  # it has one
    frames, session = [], requests.Session()
    session.headers["Authorization"] = f"Bearer {TOKEN}"
    for page in range(1, _page_count(base_url) + 1):
        answer = session.get(
            f"{base_url}/v1/contacts",
            params={"page": str(page), "perPage": str(PER_PAGE), "sort": SORT},
            timeout=60,
        )
        frames.append(pd.json_normalize(answer.json()["data"]))
    return len(pd.concat(frames))


def dlt_rest_api(base_url: str, connections: int) -> int:
    """dlt's `rest_api` source, into Parquet files."""
    import os

    del connections  # it reads pages one after the other
    folder = tempfile.mkdtemp()
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
    import dlt
    from dlt.sources.rest_api import rest_api_source

    source = rest_api_source(
        {
            "client": {
                "base_url": f"{base_url}/v1/",
                "auth": {"type": "bearer", "token": TOKEN},
                "paginator": {
                    "type": "page_number",
                    "base_page": 1,
                    "total_path": "pageCount",
                },
            },
            "resources": [
                {
                    "name": "contacts",
                    "primary_key": "id",
                    "endpoint": {
                        "path": "contacts",
                        "params": {
                            "perPage": PER_PAGE,
                            # It interprets single braces as expressions.
                            "sort": SORT.replace("{", "{{").replace("}", "}}"),
                        },
                        "data_selector": "data",
                    },
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.filesystem(bucket_url=Path(folder).as_uri()),
        dataset_name="bench",
        pipelines_dir=f"{folder}/pipelines",
    )
    pipeline.run(source, loader_file_format="parquet")
    trace = pipeline.last_trace
    assert trace is not None
    assert trace.last_normalize_info is not None
    return int(trace.last_normalize_info.row_counts["contacts"])


def _page_count(base_url: str) -> int:
    import httpx

    answer = httpx.get(
        f"{base_url}/v1/contacts",
        params={"perPage": PER_PAGE},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    return int(answer.json()["pageCount"])


CONTESTANTS: dict[str, Callable[[str, int], int]] = {
    "ours": ours,
    "bare": bare,
    "bare_keys": bare_keys,
    "by_pages": by_pages,
    "dlt": dlt_rest_api,
}


def _warm(name: str) -> None:
    """Import what the contestant uses, so that importing is not timed."""
    if name == "ours":
        import lib.store.snapshot  # noqa: F401  # for its import
    elif name == "by_pages":
        import pandas  # noqa: F401  # for its import
        import requests  # noqa: F401  # for its import
    elif name == "dlt":
        import dlt.sources.rest_api  # noqa: F401  # for its import


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONTESTANTS)
    parser.add_argument("base_url")
    parser.add_argument("--connections", type=int, default=8)
    given = parser.parse_args()
    _warm(given.name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    clock, cpu = time.perf_counter(), time.process_time()
    contacts = CONTESTANTS[given.name](given.base_url, given.connections)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - clock,
                "cpu": time.process_time() - cpu,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "before": before,
                "contacts": contacts,
            }
        )
    )


if __name__ == "__main__":
    main()
