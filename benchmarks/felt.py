"""Perceived speed: first load and change of a filter in Chromium, on a fast and a slow connection.

A naive Streamlit page with the same charts, an empty page, and that page with as many static
elements as the Overview has run beside the dashboard and are visited in turn, so that all meet the
same conditions. Each round picks another channel, whose
numbers nobody has asked for yet. `python -m benchmarks.felt --beside FOLDER` also measures another
checkout of the dashboard, `--part` only one part. No round begins after `--seconds`.
"""

import argparse
import base64
import re
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pandas as pd
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from playwright.sync_api import TimeoutError as TooSlow

from benchmarks.decoding import SAMPLE
from benchmarks.rerunning import EMPTY_PAGE, snapshot_of
from benchmarks.serving import ROOT, chromium, serve
from benchmarks.table import Row, head, show
from lib import settings
from lib.store.storage import store_of
from tests.serving import chatbotx
from tests.synthetic import synthetic_contacts

CONTACTS = 100_000
ROUNDS = 7
SECONDS = 420.0
FAST = None
SLOW = {
    "offline": False,
    "latency": 40,
    "downloadThroughput": 10e6 / 8,
    "uploadThroughput": 10e6 / 8,
}
"""Latency in milliseconds, and bandwidth in bytes per second (10 Mbit/s)."""

STATIC_PAGE = (
    EMPTY_PAGE
    + """
for number in range(50):
    if number < 35:
        with st.container(border=True):
            st.caption(f"In container {number}")
    else:
        st.markdown(f"Text {number}")
"""
)
"""The empty page with as many elements and containers as the Overview has; none of them changes."""

WATCH = (Path(__file__).parent / "felt.js").read_text("utf-8")


@dataclass(frozen=True)
class Contestant:
    """A page to visit, served by the process `pid`; `charts` is the number of Plotly charts that
    are drawn within the viewport."""

    name: str
    address: str
    pid: int
    charts: int


@dataclass
class Measured:
    """Results of one contestant; each figure is a list with one value per round."""

    figures: dict[str, list[float]] = field(default_factory=dict)

    def note(self, **values: float) -> None:
        for name, value in values.items():
            self.figures.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> float:
        return median(self.figures[name])

    def __contains__(self, name: str) -> bool:
        return name in self.figures


def rows(
    beside: Path | None = None, part: str = "all", rounds: int = ROUNDS, seconds: float = SECONDS
) -> list[Row]:
    found = measure(beside, part, rounds, seconds)
    _print(found)
    ours, naive, empty = (found[name] for name in ("ours", "naive", "empty"))
    before = found.get("beside")
    rows = []

    def compare(figure: str, name: str, other: str, against: Measured, most: float) -> None:
        if name in ours and name in against:
            rows.append(
                Row.at_most(
                    f"{figure} / {other}",
                    f"{ours[name]:.3g} s / {against[name]:.3g} s",
                    ours[name] / against[name],
                    most,
                    " ×",
                )
            )

    def bound(figure: str, name: str, most: float, unit: str, factor: float = 1) -> None:
        if name in ours:
            value = ours[name] / factor
            rows.append(Row.at_most(figure, f"{value:.3g}{unit}", value, most, unit))

    compare("first number", "first number", "empty page", empty, 1.25)
    if "first charts" in ours:
        rows.append(
            Row.at_most(
                "first load, all charts / empty page",
                f"{ours['first charts']:.3g} s / {empty['first number']:.3g} s",
                ours["first charts"] / empty["first number"],
                1.9,
                " ×",
            )
        )
    compare("filter to number", "change number", "empty page", empty, 1.4)
    if "change charts" in ours:
        rows.append(
            Row.at_most(
                "filter to all charts / empty page",
                f"{ours['change charts']:.3g} s / {empty['change number']:.3g} s",
                ours["change charts"] / empty["change number"],
                4,
                " ×",
            )
        )
    compare("filter to all charts", "change charts", "naive page", naive, 1)
    if before is not None:
        compare("10 Mbit/s, first number", "slow number", "other checkout", before, 0.6)
        compare("10 Mbit/s, all charts", "slow charts", "other checkout", before, 0.45)
    bound("bytes of a first load", "bytes", 3, " MB", 1e6)
    bound("layout shift of a first load", "shift", 0.1, "")
    bound("layout shift of a first load, 10 Mbit/s", "slow shift", 0.1, "")
    bound("layout shift of a change", "change shift", 0.0, "")
    bound("server CPU of a change", "change cpu", 0.15, " s")
    return rows


def measure(
    beside: Path | None, part: str, rounds: int, seconds: float = SECONDS
) -> dict[str, Measured]:
    """`part` is first, change, slow or all."""
    deadline = time.monotonic() + seconds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        contestants = _contestants(stack, folder, beside)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-background-networking"]
            + ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
        )
        stack.callback(browser.close)
        for each in contestants:
            _warm_up(browser, each)
        found = {each.name: Measured() for each in contestants}
        for number in range(rounds):
            if number and time.monotonic() > deadline:
                break
            for each in contestants:
                try:
                    _measure_once(browser, each, part, number, found[each.name])
                except TooSlow:
                    print(f"Left out: {each.name} in round {number + 1}, which took too long.")
        return found


def _measure_once(
    browser: Browser, visited: Contestant, part: str, number: int, found: Measured
) -> None:
    if part in ("first", "change", "all"):
        first, change = _visit(browser, visited, FAST, None if part == "first" else number)
        if part != "change":
            found.note(**first)
        found.note(**change)
    if part in ("slow", "all") and visited.charts:
        slow, _ = _visit(browser, visited, SLOW, None)
        found.note(**{name.replace("first", "slow"): slow[name] for name in _ON_SLOW})
        found.note(**{"slow shift": slow["shift"]})


_ON_SLOW = ("first number", "first charts")


def _contestants(stack: ExitStack, folder: Path, beside: Path | None) -> list[Contestant]:
    found = []
    checkouts = {"ours": ROOT} | ({"beside": beside.resolve()} if beside else {})
    for name, root in checkouts.items():
        kept = folder / name
        kept.mkdir()
        environment = {
            "CHATBOTX_TOKEN": "bench",
            "CHATBOTX_OPEN_ACCESS": "yes",
            "CHATBOTX_BASE_URL": "http://127.0.0.1:9/api",  # nobody listens
            "CHATBOTX_SNAPSHOT_DIR": str(kept),
            "CHATBOTX_REFRESH_MINUTES": "10080",
            "HOME": str(kept),
        }
        if name == "ours":
            store = store_of(settings.load(environment, {}))
            assert store is not None
            store.commit(store.head(), snapshot_of(CONTACTS))
        else:  # another format of the store, perhaps
            api = chatbotx("bench", contacts=CONTACTS)
            environment["CHATBOTX_BASE_URL"] = stack.enter_context(api)
        address, pid = stack.enter_context(serve(root / "app.py", environment, folder=root))
        # The synthetic contacts end in June 2026.
        found.append(Contestant(name, f"{address}/?from=2026-06-01&to=2026-06-30", pid, 4))
    parquet = folder / "contacts.parquet"
    _naive_contacts().to_parquet(parquet)
    naive = Path(__file__).with_name("naive_page.py")
    address, pid = stack.enter_context(
        serve(naive, {"NAIVE_CONTACTS": str(parquet)}, folder=folder)
    )
    found.append(Contestant("naive", address, pid, 4))
    for name, script in (("empty", EMPTY_PAGE), ("static", STATIC_PAGE)):
        page = folder / f"{name}.py"
        page.write_text(script)
        address, pid = stack.enter_context(serve(page, {}, folder=folder))
        found.append(Contestant(name, address, pid, 0))
    return found


def _naive_contacts() -> pd.DataFrame:
    """As `snapshot_of` has them: a sample, repeated."""
    sample = pd.DataFrame(
        {
            "created": pd.to_datetime(contact["createdAt"]),
            "channel": contact["contactInboxes"][0]["channel"]
            if contact["contactInboxes"]
            else "none",
            "country": contact["country"] or (contact["locale"] or "unknown")[-2:],
            "tags": [tag["name"] for tag in contact["tags"]],
            "broadcast": contact["broadcastSubscribedAt"] is not None,
            "email": contact["emailOptIn"],
            "waiting": contact["lastReadAt"] is None,
        }
        for contact in synthetic_contacts(SAMPLE, seed=1)
    )
    return pd.concat([sample] * (CONTACTS // SAMPLE), ignore_index=True)


def _warm_up(browser: Browser, visited: Contestant) -> None:
    """Wait until the server has fetched its contacts and imported its modules."""
    for _ in range(2):
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(visited.address)
        page.wait_for_selector(_NUMBER, timeout=240_000)
        page.wait_for_timeout(1500)
        page.close()


_NUMBER = "[data-testid=stMetricValue], .numbers .value"


def _visit(
    browser: Browser, visited: Contestant, line: dict[str, float] | None, channel: int | None
) -> tuple[dict[str, float], dict[str, float]]:
    """A first load with an empty cache and, unless `channel` is None, a change: the filter by the
    option of that number is set. Times are in seconds."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        page.add_init_script(WATCH)
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        if line is not None:
            session.send("Network.emulateNetworkConditions", line)
        received = _count_bytes(session)
        page.goto(visited.address)
        page.wait_for_function(
            "charts => window.felt.isSettled(charts)", arg=visited.charts, timeout=90_000
        )
        seen = page.evaluate("() => window.felt.seen()")
        first = {
            "first number": seen["number"] / 1000,
            "first charts": seen["charts"] / 1000,
            "first charts in view": seen["inView"] / 1000,
            "shift": seen["shift"],
            "bytes": float(received()),
        }
        return first, {} if channel is None else _change(page, visited, channel)
    finally:
        context.close()


def _change(page: Page, visited: Contestant, channel: int) -> dict[str, float]:
    """Pick a channel, timed within the browser."""
    page.get_by_role("combobox", name="Channels").click()
    options = page.get_by_role("option", name=_CHANNEL)
    options.first.wait_for()
    option = options.nth(channel % options.count())
    page.wait_for_timeout(300)
    page.evaluate("() => window.felt.begin()")
    used = _cpu(visited.pid)
    option.click()
    page.wait_for_function("() => window.felt.isChanged()", timeout=20_000)
    used = _cpu(visited.pid) - used
    seen = page.evaluate("() => window.felt.seen()")
    return {
        "change number": seen["number"] / 1000,
        "change charts": max(seen["charts"], seen["number"]) / 1000,
        "change charts in view": max(seen["inView"], seen["number"]) / 1000,
        "change shift": seen["shift"],
        "change cpu": used,
    }


_CHANNEL = re.compile("whatsapp|instagram|messenger|telegram|zalo|tiktok|webchat", re.IGNORECASE)


def _count_bytes(session: CDPSession) -> Callable[[], int]:
    """Bytes of responses as transferred, and of web socket messages."""
    total = 0

    def loaded(event: dict[str, float]) -> None:
        nonlocal total
        total += int(event["encodedDataLength"])

    def received(event: dict[str, dict[str, object]]) -> None:
        nonlocal total
        response = event["response"]
        data = str(response["payloadData"])
        total += len(data if response["opcode"] == 1 else base64.b64decode(data))

    session.on("Network.loadingFinished", loaded)
    session.on("Network.webSocketFrameReceived", received)
    return lambda: total


def _cpu(pid: int) -> float:
    """CPU seconds used by a process, from its CPU clock (Linux: `clock_getcpuclockid`)."""
    return time.clock_gettime((~pid << 3) | 2)


def _print(found: dict[str, Measured]) -> None:
    """Print the medians of all contestants."""
    names = list(next(iter(found.values())).figures)
    print("| |" + "|".join(found) + "|")
    print("|---" * (len(found) + 1) + "|")
    for name in names:
        cells = (f"{each[name]:.4g}" if name in each else "" for each in found.values())
        print(f"| {name} |" + "|".join(cells) + "|")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.felt", description=__doc__)
    parser.add_argument("--beside", type=Path, help="another checkout of the dashboard")
    parser.add_argument("--part", choices=["first", "change", "slow", "all"], default="all")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    head()
    show(rows(given.beside, given.part, given.rounds, given.seconds))


if __name__ == "__main__":
    main()
