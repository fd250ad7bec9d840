"""Server entry point (`streamlit run app.py`): starts fetching before the first viewer arrives,
guards requests, and shows the error page of last resort."""

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
from lib.web.guard import access_check, guard, identification
from lib.web.headers import answer_headers
from lib.web.key import PARAMETER, key_of
from lib.web.names import Rules

FRAME = Path(__file__).parent / "pages" / "frame.py"

SWITCH_SECONDS = 0.0005
"""Thread switch interval. Each element of a page takes several switches between its script and the
server; with Python's 5 ms, one busy script makes everybody else's pages ten times slower."""

log = logging.getLogger(__name__)
_log_failure = logs.FailureLog(log, most=100)


def configured() -> Configuration:
    """The configuration; if it is invalid, one that shows nothing but the errors. Exits if
    Streamlit could not show any page."""
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
        headers,
        rules(),
        key_of(configuration),
        access_check(configuration),
        identification(configuration),
        style.rules(),
    )


def rules() -> Rules:
    """Rules for host names and origins, from `.streamlit/config.toml` or the environment."""
    origins = [*st.get_option("server.corsAllowedOrigins"), _public_address()]
    hosts = (urlsplit(origin).hostname for origin in origins)
    return Rules(
        base_path=st.get_option("server.baseUrlPath"),
        allowed_hosts=tuple(st.get_option("server.allowedHosts")),
        allowed_origins=tuple(host for host in hosts if host),
        any_origin=not st.get_option("server.enableCORS"),
    )


def _public_address() -> str:
    """Our public origin if a hosting platform told Streamlit; otherwise localhost."""
    address: str = st.get_option("browser.serverAddress")
    return "" if address == "localhost" else f"//{address}"


def last_resort(error: Exception) -> bool:
    """Draw what a viewer sees of an unexpected error: an ID and nothing else."""
    reference = logs.new_reference()
    if isinstance(error, EngineError):  # in a fragment
        status.warn_of_no_answer(error)
        status.no_answer(error, key=f"again-{reference}")
        return True
    _log_failure("A page failed unexpectedly", reference, error)
    with st.container(border=True):
        st.subheader("This could not be shown", anchor=False)
        st.write(
            "Something went wrong that should not have. It has been logged. Please try again in a "
            "minute; if it still fails, give this number to whoever runs this dashboard:"
        )
        st.code(reference, language=None)
        st.button("Try again", key=f"again-{reference}", icon=":material/refresh:")
    return True


def load_pages() -> None:
    """At start-up rather than while the first viewer waits."""
    for page in FRAME.parent.glob("*.py"):
        if page != FRAME:
            importlib.import_module(f"pages.{page.stem}")


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Start fetching and notifications at start-up; stop a running crawl at shutdown."""
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
            # Imported here so that only dashboards with recipients pay for it.
            from lib.outputs.notify import service

            service.start(configuration)
            stops.append(service.stop)
    except SettingsError as error:  # the page also tells those who can fix it
        log.error("The dashboard is not set up correctly. %s", error)
    _print_address(f"/?{PARAMETER}={key.text}" if key else "")
    yield
    collecting.cancel()
    for stop in stops:
        stop()
    refreshers.stop_all()


def _print_address(ending: str) -> None:
    """Print the URL to open; to the console, not to the log, because it contains the key."""
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
    # Hosts that run this file as a plain script get the same pages.
    logs.install(settings.secrets_in_use())
    runpy.run_path(str(FRAME), run_name="__main__")
