"""Fixtures that tests of several subjects share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from lib.reference import formatting
from lib.settings import read_again
from tests import effort
from tests.bucket import bucket_server
from tests.fake_chatbotx import EDGE_CONTACTS, JULY, NOVEMBER_CONTACTS, Contact, FakeChatbotx

# No test is held to a time, and each run tries the same examples.
settings.register_profile("ours", deadline=None, derandomize=True, max_examples=effort.of(100))
settings.load_profile("ours")

# A worker of several has a main module without a file, which Spark's client takes for a run of its
# own tests: it would look for a whole Spark.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__


@pytest.fixture(autouse=True)
def configuration_of_this_test() -> Iterator[None]:
    """A process reads its configuration once; each test is a start of its own."""
    read_again()
    yield
    read_again()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of a server that has the bucket `ours`."""
    with bucket_server() as address:
        yield address


@pytest.fixture
def edge_contacts() -> list[Contact]:
    """The 137 recorded contacts, oldest first; 25 of them share one `createdAt`."""
    contacts: list[Contact] = json.loads(EDGE_CONTACTS.read_text("utf-8"))
    return contacts


@pytest.fixture
def november_contacts() -> list[Contact]:
    """The same workspace as the newest servers send it."""
    contacts: list[Contact] = json.loads(NOVEMBER_CONTACTS.read_text("utf-8"))
    return contacts


@pytest.fixture
def edge_server(edge_contacts: list[Contact]) -> Iterator[FakeChatbotx]:
    """The July version with the recorded workspace (token `edge`) and one without contacts."""
    with FakeChatbotx({"edge": edge_contacts, "empty": []}, manners=JULY) as server:
        yield server


@pytest.fixture
def set_locale() -> Iterator[Callable[[str], None]]:
    """`set_locale(locale)` formats numbers and times for that locale until the test ends."""
    yield formatting.set_locale
    formatting.set_locale("en")
