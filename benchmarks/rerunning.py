"""Changing a filter: server time of each page, and time from click to updated DOM in Chromium
compared with an empty Streamlit page. The workspace is loaded from a stored snapshot, as after a
restart."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import combinations, islice
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from benchmarks.decoding import bodies
from benchmarks.serving import ROOT, chromium, serve
from benchmarks.table import Row
from lib import settings
from lib.chatbotx.crawl import Verdict
from lib.chatbotx.schema import Decoder
from lib.settings import Settings
from lib.store.builder import TableBuilder
from lib.store.snapshot import Snapshot
from lib.store.storage import store_of
from tests.switching import switch_page

PAGES = ("overview", "changes", "channels", "countries", "tags", "opt_in", "workload", "data")
CHANNELS = ("whatsapp", "instagram", "messenger", "telegram", "webchat", "zalo", "tiktok", "smtp")

EMPTY_PAGE = """
import streamlit as st
picked = st.multiselect("Channels", ["WhatsApp", "Telegram"])
st.title("Nothing")
st.metric("Contacts", len(picked))
"""


def snapshot_of(contacts: int) -> Snapshot:
    decode, builder = Decoder(), TableBuilder()
    for body in bodies(contacts):
        builder.add(decode(body).contacts)
    return Snapshot(builder.build(), Verdict(datetime.now(UTC)), "1")


def rows() -> list[Row]:
    found = []
    for contacts, server_most, drawn_most in ((100_000, 0.1, 1.5), (1_000_000, 0.4, 3.0)):
        folder = tempfile.mkdtemp()
        environment = {
            "CHATBOTX_TOKEN": "bench",
            "CHATBOTX_OPEN_ACCESS": "yes",
            "CHATBOTX_BASE_URL": "http://127.0.0.1:9/api",  # nobody listens
            "CHATBOTX_SNAPSHOT_DIR": folder,
            "CHATBOTX_REFRESH_MINUTES": "10080",
        }
        configured: Settings = settings.load(environment, {})
        store = store_of(configured)
        assert store is not None
        store.commit(store.head(), snapshot_of(contacts))
        started = time.perf_counter()
        store.load()
        loading = time.perf_counter() - started
        if contacts == 1_000_000:
            found.append(
                Row.at_most("loading a saved snapshot, 1,000,000 contacts", "", loading, 0.5, " s")
            )
        times = server_times(environment)
        found.append(
            Row.at_most(
                f"server time of a rerun, slowest page, filter changed, {contacts:,} contacts",
                ", ".join(f"{page} {seconds * 1000:.0f}" for page, seconds in times.items())
                + " ms",
                max(times.values()),
                server_most,
                " s",
            )
        )
        drawn = drawn_times(environment)
        found.append(
            Row.at_most(
                f"click to drawn DOM / empty Streamlit page, slowest page, {contacts:,} contacts",
                ", ".join(f"{page} {seconds * 1000:.0f}" for page, seconds in drawn.items())
                + " ms",
                max(seconds for page, seconds in drawn.items() if page != "empty") / drawn["empty"],
                drawn_most,
                " ×",
            )
        )
        shutil.rmtree(folder)
    return found


def server_times(environment: dict[str, str]) -> dict[str, float]:
    """Medians over filters not used before, in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.rerunning"],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    measured: dict[str, float] = json.loads(result.stdout.strip().splitlines()[-1])
    return measured


def _measure_server() -> dict[str, float]:
    from streamlit.testing.v1 import AppTest

    from lib.refresh import refreshers

    refresher = refreshers.refresher_of(settings.load())
    refresher.wait(60)
    unseen = combinations(CHANNELS, 3)  # a repeated choice would be cached
    medians = {}
    for page in PAGES:
        dashboard = AppTest.from_file(ROOT / "pages/frame.py", default_timeout=60).run()
        if page != "overview":
            switch_page(dashboard, page).run()
        times = []
        for channels in islice(unseen, 5):
            dashboard.multiselect(key="pick-channel").set_value(list(channels))
            started = time.perf_counter()
            dashboard.run()
            times.append(time.perf_counter() - started)
            assert not dashboard.exception
        medians[page] = median(times)
    refreshers.stop_all()
    return medians


def drawn_times(environment: dict[str, str]) -> dict[str, float]:
    """Median times from the click on an option to the new number in the DOM, with both pages
    interleaved."""
    empty = Path(tempfile.mkdtemp()) / "empty.py"
    empty.write_text(EMPTY_PAGE)
    with (
        serve(ROOT / "app.py", environment) as (ours, _),
        serve(empty, {}) as (nothing, _),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-background-networking"],
        )

        page = browser.new_page(viewport={"width": 1440, "height": 900})
        addresses = {"empty": nothing, "overview": f"{ours}/?period=all"}
        addresses |= {name: f"{ours}/{name}?period=all" for name in ("channels", "workload")}
        times: dict[str, list[float]] = {name: [] for name in addresses}
        for _ in range(5):
            for name, address in addresses.items():
                page.goto(address)
                page.wait_for_selector("h1", timeout=60_000)
                page.wait_for_selector("[data-test-script-state=notRunning]", timeout=60_000)
                page.wait_for_timeout(1500)
                times[name].append(_click_to_dom(page))
        browser.close()
    return {name: median(each) for name, each in times.items()}


def _click_to_dom(page: Page) -> float:
    """Pick the first channel, timed within the browser."""
    page.get_by_role("combobox", name="Channels").click()
    option = page.get_by_role("option", name="WhatsApp").first
    option.wait_for()
    page.evaluate(
        """() => {
            window.redrawn = new Promise((resolve, reject) => {
                setTimeout(() => reject('nothing was redrawn'), 20000);
                const number = '.numbers .value, [data-testid=stMetricValue]';
                const before = document.querySelector(number).textContent;
                const began = performance.now();
                const look = () => {
                    const value = document.querySelector(number);
                    if (value && value.textContent !== before) resolve(performance.now() - began);
                    else requestAnimationFrame(look);
                };
                document.addEventListener('mousedown', () => look(), {once: true, capture: true});
            });
        }"""
    )
    option.click()
    elapsed = float(page.evaluate("() => window.redrawn"))
    return elapsed / 1000


if __name__ == "__main__":
    print(json.dumps(_measure_server()))
