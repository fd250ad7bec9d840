"""Run the fake from the command line, for manual use or for another process."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tests.fake.manners import JULY, JUNE, NOVEMBER, OCTOBER
from tests.fake.recorded import EDGE_CONTACTS
from tests.fake.requests import Contact
from tests.fake.server import FakeChatbotx
from tests.synthetic import synthetic_contacts


def _tied(contacts: list[Contact], count: int) -> list[Contact]:
    """Give `count` contacts in the middle the same `createdAt`; sorts the list."""
    contacts.sort(key=lambda contact: str(contact["createdAt"]))
    first = (len(contacts) - count) // 2
    for contact in contacts[first : first + count]:
        contact["createdAt"] = contacts[first]["createdAt"]
    return contacts


def serve_by_hand() -> None:
    """Serve until interrupted by Ctrl-C."""
    manners = {"june": JUNE, "july": JULY, "october": OCTOBER, "november": NOVEMBER}
    parser = argparse.ArgumentParser(
        prog="python -m tests.fake_chatbotx", description=serve_by_hand.__doc__
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--manners", choices=manners, default="july")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds added to each answer")
    parser.add_argument(
        "--skipping", type=float, default=0.0, help="seconds for each contact before a page"
    )
    parser.add_argument(
        "--tie", type=int, default=0, metavar="N", help="give N synthetic contacts one createdAt"
    )
    parser.add_argument("--token", default="edge")
    held = parser.add_mutually_exclusive_group()
    held.add_argument("--contacts", type=int, metavar="N", help="serve N synthetic contacts")
    held.add_argument("--edge", action="store_true", help="serve the recorded contacts (default)")
    held.add_argument("--file", type=Path, help="serve the contacts of this JSON file")
    options = parser.parse_args()
    if options.contacts is None:
        file = options.file or EDGE_CONTACTS
        contacts: Iterable[Contact] = json.loads(file.read_text("utf-8"))
    else:
        contacts = _tied(list(synthetic_contacts(options.contacts, seed=0)), options.tie)
    server = FakeChatbotx(
        {options.token: contacts},
        replace(manners[options.manners], seconds_per_skipped_contact=options.skipping),
        port=options.port,
        latency=options.latency,
    )
    with suppress(KeyboardInterrupt), server:
        print(f"base URL {server.base_url}", f"token    {options.token}", sep="\n", flush=True)
        threading.Event().wait()
