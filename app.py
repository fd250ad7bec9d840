"""The server: `streamlit run app.py`. Starts fetching before the first viewer comes, lets in
what it should, and shows the page of last resort."""

import asyncio
import importlib
import logging
import runpy
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware import Middleware

from lib import settings
from lib.engines.errors import EngineError
from lib.engines.results import RESULTS
from lib.refresh import refreshers
from lib.settings import Configuration, SecretsOutOfReach, SettingsError
from lib.ui import status, style
from lib.web import connections, garbage, logs, streamlit_internals
from lib.web.guard import access_check, guard
from lib.web.headers import answer_headers
from lib.web.key import PARAMETER, key_of
from lib.web.names import Rules

FRAME = Path(__file__).parent / "pages" / "frame.py"

SWITCH_SECONDS = 0.0005
"""After which a thread that computes lets another one go on. Each element of a page takes several
turns between its script and the server; with Python's 5 ms, one script that computes makes the
pages of all others ten times slower."""

log = logging.getLogger(__name__)
_failures = logs.Ration()


def configured() -> Configuration:
    """What is configured; with mistakes in it, what shows nobody anything but them. Ends the
    process where Streamlit could show no page."""
    try:
        settings.secrets_in_use()
        return settings.configuration()
    except SecretsOutOfReach as error:
        sys.exit(f"The dashboard cannot start. {error}")
    except SettingsError:
        return Configuration()


def middleware() -> list[Middleware]:
    configuration = configured()
    headers = answer_headers(streamlit_internals.INDEX, configuration.frame_ancestors)
    return guard(
        headers, rules(), key_of(configuration), access_check(configuration), style.rules()
    )


def rules() -> Rules:
    """What is set in `.streamlit/config.toml` or the environment."""
    origins = [*st.get_option("server.corsAllowedOrigins"), _public_address()]
    hosts = (urlsplit(origin).hostname for origin in origins)
    return Rules(
        base_path=st.get_option("server.baseUrlPath"),
        allowed_hosts=tuple(st.get_option("server.allowedHosts")),
        allowed_origins=tuple(host for host in hosts if host),
        any_origin=not st.get_option("server.enableCORS"),
    )


def _public_address() -> str:
    """As an origin, where a host that runs us told Streamlit; else our own, which is localhost."""
    address: str = st.get_option("browser.serverAddress")
    return "" if address == "localhost" else f"//{address}"


def last_resort(error: Exception) -> bool:
    """Draws what a viewer sees of an error that nobody expected: a number, and no more."""
    reference = logs.new_reference()
    if isinstance(error, EngineError):  # in a part of a page that is drawn by itself
        log.warning("An engine gave no answer. %s", error)
        status.no_answer(error, key=f"again-{reference}")
        return True
    if _failures.is_left():
        log.error("A page failed unexpectedly. Reference %s.", reference, exc_info=error)
    else:
        log.error("A page failed unexpectedly, as others just now. Reference %s.", reference)
    with st.container(border=True):
        st.subheader("This could not be shown", anchor=False)
        st.write(
            "Something went wrong that should not have. It has been written down. Please try again "
            "in a minute; if it stays like this, tell whoever runs this dashboard this number:"
        )
        st.code(reference, language=None)
        st.button("Try again", key=f"again-{reference}", icon=":material/refresh:")
    return True


def load_pages() -> None:
    """At the start, and not while the first viewer waits."""
    for page in FRAME.parent.glob("*.py"):
        if page != FRAME:
            importlib.import_module(f"pages.{page.stem}")


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Begins to fetch at start-up, and to write to those who want to be told; ends a running crawl
    at shutdown."""
    key = key_of(configured())
    logs.install(settings.secrets_in_use(), known=(key.text, key.proof) if key else ())
    connections.install()
    connections.limit_accepts(asyncio.get_running_loop())
    sys.setswitchinterval(SWITCH_SECONDS)
    load_pages()
    garbage.freeze_loaded_objects()
    collecting = asyncio.create_task(garbage.collect_periodically())
    stops: list[Callable[[], None]] = []
    try:
        configuration = settings.configuration()
        RESULTS.bound(configuration.results_mb * 1_000_000)
        notes = [note for each in configuration.workspaces for note in each.notes]
        for note in [*configuration.notes, *notes]:
            log.warning("%s", note)
        refreshers.start_all(configuration.workspaces, configuration.crawls_at_once)
        if configuration.notifications:
            # Imported here: only who is written to pays for it.
            from lib.outputs.notify import service

            service.start(configuration)
            stops.append(service.stop)
    except SettingsError as error:  # the page says so too, to those who can mend it
        log.error("The dashboard is not set up correctly. %s", error)
    _print_address(f"/?{PARAMETER}={key.text}" if key else "")
    yield
    collecting.cancel()
    for stop in stops:
        stop()
    refreshers.stop_all()


def _print_address(ending: str) -> None:
    """Where to open it; to the console and not to the log, since the key stands in it."""
    address = streamlit_internals.own_address()
    sys.stdout.write(f"\n  The dashboard is at {address}{ending}\n")
    if ending:
        sys.stdout.write(
            "  Whoever opens this address may see it; behind a proxy, put the part from / on "
            "behind the proxy's address.\n"
        )
    sys.stdout.write("\n")
    sys.stdout.flush()


app = st.App(FRAME, lifespan=lifespan, middleware=middleware(), on_script_error=last_resort)

if __name__ == "__main__":
    # A host that runs this file as a plain script gets the same pages.
    logs.install(settings.secrets_in_use())
    runpy.run_path(str(FRAME), run_name="__main__")
