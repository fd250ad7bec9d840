"""The access key of a dashboard without sign-in: what it opens, and where it is stored."""

from __future__ import annotations

import os
import re
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from lib.settings import Access, Configuration, Provider, Settings
from lib.web import key as key_room
from lib.web.key import FILE, Key, KeyRequired, key_of
from tests.serving import dashboard
from tests.web.asgi import ask, run, says_hello, scope_of

KEY = Key("the-key-of-this-dashboard")
GUARDED = KeyRequired(says_hello, KEY)
COOKIE = f"{KEY.cookie}={KEY.proof}"


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    key_room.forget()
    yield
    key_room.forget()


def real(folder: Path, access: Access | None = None) -> Configuration:
    """A workspace with a token whose store is in `folder`."""
    return Configuration((Settings(token="a token"),), access or Access(), store=str(folder))


@pytest.mark.parametrize("path", ["/", "/workload", "/static/js/index.js", "/media/0f3a.csv"])
def test_without_the_key_there_is_nothing_but_a_page_that_asks_for_it(path: str) -> None:
    answer = ask(GUARDED, path, "channel=whatsapp")
    assert answer.status == 401
    assert "asks for its key" in answer.text
    assert KEY.text not in answer.text


def test_without_the_key_no_web_socket_opens() -> None:
    sent = run(GUARDED, scope_of("websocket", "/_stcore/stream"), [{"type": "websocket.connect"}])
    assert sent[0]["type"] == "websocket.http.response.start"
    assert sent[0]["status"] == 401


def test_the_health_check_needs_no_key() -> None:
    assert ask(GUARDED, "/_stcore/health").text == "hello"


def test_the_key_moves_from_the_address_into_a_cookie_at_once() -> None:
    answer = ask(GUARDED, "/audience/workload", f"channel=a%26b&key={KEY.text}&tag=x")
    assert answer.status == 303
    assert answer.headers["location"] == "./workload?channel=a%26b&tag=x"
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}; Path=/; ")
    assert cookie.endswith("; HttpOnly; SameSite=Lax")
    assert KEY.text not in cookie
    assert ask(GUARDED, "/workload", cookie=COOKIE).text == "hello"


def test_over_https_the_cookie_goes_over_https_only() -> None:
    secure = ask(GUARDED, "/", f"key={KEY.text}", scheme="https")
    assert secure.headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize(
    "path", ["//evil.example", "/https:evil.example", "/\\evil.example", "/a b"]
)
def test_the_way_on_stays_on_the_dashboard(path: str) -> None:
    location = ask(GUARDED, path, f"key={KEY.text}").headers["location"]
    assert re.fullmatch(r"\./[A-Za-z0-9%._-]*", location)


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        f"{KEY.cookie}=",
        f"{KEY.cookie}={KEY.text}",
        f"{KEY.cookie}={Key('another').proof}",
        f"{Key('another').cookie}={KEY.proof}",
        f"other={KEY.proof}",
        f"{KEY.cookie}=ä{KEY.proof}",
    ],
)
def test_nothing_else_is_taken_for_the_key(cookie: str) -> None:
    assert ask(GUARDED, cookie=cookie).status == 401


@pytest.mark.parametrize("given", ["", "x", KEY.text[:-1], KEY.text.upper(), KEY.proof])
def test_a_wrong_key_is_said_to_be_wrong_and_keeps_the_link(given: str) -> None:
    answer = ask(GUARDED, "/", f'key={given}&tag="><script>')
    assert answer.status == 401
    assert "set-cookie" not in answer.headers
    assert "not the key" in answer.text
    assert 'name="tag" value="&quot;&gt;&lt;script&gt;"' in answer.text


def test_other_cookies_of_the_browser_do_not_matter() -> None:
    odd = f'a="x; b[]=2; {COOKIE}; c'
    assert ask(GUARDED, cookie=odd).text == "hello"


@pytest.mark.parametrize(
    "configuration",
    [
        Configuration(),
        Configuration((Settings(token="a"),), Access(is_open=True)),
        Configuration((Settings(token="a"),), Access(providers=(Provider(),))),
    ],
    ids=["demo", "opened", "sign-in"],
)
def test_there_is_no_key_if_it_is_open_or_people_sign_in(configuration: Configuration) -> None:
    assert key_of(configuration) is None
    assert ask(KeyRequired(says_hello, None)).text == "hello"


def test_the_key_is_kept_for_the_next_start_and_for_its_owner_only(tmp_path: Path) -> None:
    made = key_of(real(tmp_path / "store"))
    key_room.forget()
    assert key_of(real(tmp_path / "store")) == made
    mode = stat.S_IMODE((tmp_path / "store" / FILE).stat().st_mode)
    assert mode == 0o600
    assert key_of(real(tmp_path / "elsewhere")) != made


def test_all_that_start_at_once_require_the_same_key(tmp_path: Path) -> None:
    for number in range(20):
        folder, together = tmp_path / str(number), threading.Barrier(8)

        def start(folder: Path = folder, together: threading.Barrier = together) -> Key | None:
            together.wait(60)
            return key_of(real(folder))

        with ThreadPoolExecutor(8) as starting:
            keys = {each.result() for each in [starting.submit(start) for _ in range(8)]}
        assert len(keys) == 1
        key_room.forget()
        assert {key_of(real(folder))} == keys


def test_the_operators_own_key_wins(tmp_path: Path) -> None:
    assert key_of(real(tmp_path, Access(key="x" * 20))) == Key("x" * 20)
    assert not list(tmp_path.iterdir())


def test_a_new_key_is_made_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lib.settings.sources.SECRETS_FILES", ())
    monkeypatch.setenv("CHATBOTX_STORE", str(tmp_path))
    monkeypatch.delenv("CHATBOTX_ACCESS_KEY", raising=False)
    before = key_of(real(tmp_path))
    assert key_room.main() == 0
    key_room.forget()
    after = key_of(real(tmp_path))
    assert after is not None
    assert after != before
    assert after.text not in capsys.readouterr().out


@pytest.mark.parametrize("odd", ["nothing", "short", "folder", "pipe", "binary"])
def test_a_key_is_created_whatever_is_in_place_of_its_file(tmp_path: Path, odd: str) -> None:
    file = tmp_path / FILE
    match odd:
        case "short":
            file.write_text("x")
        case "folder":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)
        case "binary":
            file.write_bytes(b"\xff" * 1_000_000)
    made = key_of(real(tmp_path))
    assert made is not None
    assert len(made.text) >= 20


def test_the_key_is_in_no_representation() -> None:
    assert KEY.text not in repr(KEY)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a real workspace served by `streamlit run app.py` with default settings, and
    the file with its console output."""
    folder = tmp_path_factory.mktemp("closed")
    with dashboard(
        folder,
        CHATBOTX_TOKEN="cbx",
        CHATBOTX_BASE_URL="http://127.0.0.1:9/api",
        CHATBOTX_OPEN_ACCESS="no",
    ) as address:
        yield address, folder / "server.log"


FORGED = [
    {"Host": "localhost"},
    {"Host": "localhost", "X-Forwarded-For": "127.0.0.1"},
    {"X-Real-IP": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1;host=localhost"},
    {"Via": "1.1 proxy"},
]


@pytest.mark.parametrize("headers", FORGED, ids=" ".join)
def test_no_header_makes_a_stranger_local(
    closed: tuple[str, Path], headers: dict[str, str]
) -> None:
    address, _ = closed
    assert httpx.get(address, headers=headers).status_code == 401
    others = {name: value for name, value in headers.items() if name != "Host"}
    port = address.rsplit(":", 1)[1]
    with pytest.raises(InvalidStatus) as refused:
        connect(
            f"ws://localhost:{port}/_stcore/stream",
            sock=socket.create_connection(("127.0.0.1", int(port))),
            additional_headers=others,
            proxy=None,
        )
    assert refused.value.response.status_code == 401


def test_the_address_that_is_printed_opens_it(closed: tuple[str, Path]) -> None:
    address, console = closed
    (printed,) = re.findall(r"http://localhost:\d+(/\?key=\S+)", console.read_text("utf-8"))
    with httpx.Client(base_url=address, follow_redirects=True) as browser:
        assert browser.get(printed).url.query == b""
        assert '<div id="root">' in browser.get("/").text


def test_the_console_shows_the_key_only_within_the_address(
    closed: tuple[str, Path],
) -> None:
    address, console = closed
    (key,) = re.findall(r"\?key=(\S+)", console.read_text("utf-8"))
    httpx.get(f"{address}/?key={key}", headers={"Host": f"{key}.evil.example"})
    assert console.read_text("utf-8").count(key) == 1
