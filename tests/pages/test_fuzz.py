"""Whatever the API answers, pages show what can be read of it, or say what is wrong."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.refresh import refreshers
from tests import effort
from tests.fake_chatbotx import EDGE_CONTACTS, Answer, Contact, FakeChatbotx
from tests.pages.conftest import PAGES, Connect, open_page, question

EXAMPLES = int(os.environ.get("PAGE_EXAMPLES") or effort.of(8))
"""Number of workspaces tried; set PAGE_EXAMPLES=300 for a thorough run."""

NAMES = sorted(path.stem for path in PAGES.glob("*.py") if path.stem != "frame")

HOSTILE = (
    *("", " ", "\x00", "\ud83d", "\u202e", "<b>x</b>", "$x$", "%{x}", "=1+1", "[a](javascript:b)"),
    *("none", "unknown", "other", "null", "nan", "NaT", "-0", "1e999", "[object Object]"),
    *("0000-00-00T00:00:00Z", "2026-02-30T00:00:00.000Z", "9999-12-31T23:59:59.999Z"),
    *("0001-01-01T00:00:00.000Z", "2026-06-15T12:00:00.000Z", "1969-12-31T23:59:59.999Z"),
    *("+5511999999999", "BR", "br", "zz", "pt_BR", "America/Sao_Paulo", "a@b.co", "x" * 5000),
)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.sampled_from(HOSTILE)
    | st.text(max_size=8)
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
COUNTS = st.none() | st.integers(-1, 10**19) | PLAIN


def paths_of(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to all values in a JSON value, except the value itself."""
    inner = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(inner, dict):
        return []
    found = []
    for key, each in inner.items():
        found += [(*before, key), *paths_of(each, (*before, key))]
    return found


def changed(value: Any, path: tuple[Any, ...], new: Any) -> None:
    """Replace the value at a path by `new`, if the path still exists."""
    for key in path[:-1]:
        value = value[key] if isinstance(value, dict | list) and _has(value, key) else None
    if isinstance(value, dict | list) and _has(value, path[-1]):
        value[path[-1]] = new


def _has(value: Any, key: Any) -> bool:
    return key in value if isinstance(value, dict) else isinstance(key, int) and key < len(value)


RECORDED: list[Contact] = sorted(
    json.loads(EDGE_CONTACTS.read_text("utf-8")), key=lambda contact: len(json.dumps(contact))
)[-40:]
"""The most complete contacts: with conversations, tags and inboxes."""


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A response: a few recorded contacts with arbitrary values in some places."""
    contacts = copy.deepcopy(draw(st.lists(st.sampled_from(RECORDED), max_size=8)))
    places = paths_of(contacts)
    if places:
        for path in draw(st.lists(st.sampled_from(places), max_size=10)):
            changed(contacts, path, draw(ANYTHING))
    total, pages = draw(st.just((len(contacts), 1)) | st.tuples(COUNTS, COUNTS))
    return json.dumps({"data": contacts, "totalCount": total, "pageCount": pages}).encode()


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=bodies())
def test_no_answer_of_the_api_breaks_a_page(connect: Connect, tmp_path: Path, body: bytes) -> None:
    with FakeChatbotx({"edge": []}, faults=lambda _: Answer(200, body)) as server:
        state = connect(base_url=server.base_url, snapshot_dir=tempfile.mkdtemp(dir=tmp_path))
        try:
            assert state.snapshot is not None or state.failure is not None
            for name in NAMES:
                assert question(open_page(name, period="all")), name
        finally:
            refreshers.stop_all()
