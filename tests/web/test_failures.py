"""Responses to requests that fail unexpectedly."""

from __future__ import annotations

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.web.failures import Failures
from tests.web.asgi import ask, run, scope_of


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("a mistake of ours")


def test_an_error_is_answered_with_a_reference_that_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = ask(Failures(fails))
    reference = answer.text.removeprefix("Something went wrong. Reference ").removesuffix(".\n")
    assert answer.status == 500
    assert reference in caplog.text
    assert "a mistake of ours" in caplog.text


def test_provoked_errors_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    app = Failures(fails)
    for _ in range(100):
        assert ask(app).status == 500
    assert len(caplog.records) == 10
    assert sum(record.exc_info is not None for record in caplog.records) == 1


def without_listener(app: ASGIApp) -> ASGIApp:
    """The app, called with a `send` whose client has disconnected."""

    async def gone(message: Message) -> None:
        raise OSError("nobody is there")

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, gone)

    return serve


async def accepts(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})


def test_a_client_that_disconnects_early_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = without_listener(Failures(accepts))
    assert run(app, scope_of("websocket", "/"), [{"type": "websocket.connect"}]) == []
    assert caplog.records == []


def test_errors_of_files_and_networks_are_failures(caplog: pytest.LogCaptureFixture) -> None:
    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        raise OSError("the disk is gone")

    assert ask(Failures(reads)).status == 500
    assert "the disk is gone" in caplog.text
