"""Fixtures shared by tests of several rooms."""

from __future__ import annotations

import functools
import gc
import json
import os
import sys
from collections.abc import Callable, Generator, Iterator

import pytest
from hypothesis import settings

from lib.reference import formatting
from lib.settings import read_again
from lib.web.garbage import freeze_loaded_objects
from tests import effort
from tests.bucket import bucket_server
from tests.fake_chatbotx import EDGE_CONTACTS, JULY, NOVEMBER_CONTACTS, Contact, FakeChatbotx

# No time limit for tests, and the same examples in each run.
settings.register_profile("ours", deadline=None, derandomize=True, max_examples=effort.of(100))
settings.load_profile("ours")

# The main module of an xdist worker has no file, which Spark's client takes for a run of its own
# tests; it would then require a full Spark installation.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than cores, since some tests wait for servers, processes and timeouts."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests live to the end: not searched for garbage, a tenth of the time is saved."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        freeze_loaded_objects()


@pytest.fixture(autouse=True)
def configuration_of_this_test() -> Iterator[None]:
    """A process reads its configuration once, so each test has to start afresh."""
    read_again()
    yield
    read_again()


@pytest.fixture(scope="session", autouse=True)
def packages_are_scanned_once() -> Iterator[None]:
    """Each AppTest scans all installed packages for components, which takes longer than a page."""
    if "streamlit" not in sys.modules:
        yield
        return
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The URL of a server with the bucket `ours`."""
    with bucket_server() as address:
        yield address


@pytest.fixture
def edge_contacts() -> list[Contact]:
    """The 137 recorded contacts, oldest first; 25 of them share one `createdAt`."""
    contacts: list[Contact] = json.loads(EDGE_CONTACTS.read_text("utf-8"))
    return contacts


@pytest.fixture
def november_contacts() -> list[Contact]:
    """The same workspace as the latest version of the server sends it."""
    contacts: list[Contact] = json.loads(NOVEMBER_CONTACTS.read_text("utf-8"))
    return contacts


@pytest.fixture
def edge_server(edge_contacts: list[Contact]) -> Iterator[FakeChatbotx]:
    """A server of July with the recorded workspace (token `edge`) and an empty one."""
    with FakeChatbotx({"edge": edge_contacts, "empty": []}, manners=JULY) as server:
        yield server


@pytest.fixture
def set_locale() -> Iterator[Callable[[str], None]]:
    """`set_locale(locale)` formats numbers and times for that locale until the test ends."""
    yield formatting.set_locale
    formatting.set_locale("en")
