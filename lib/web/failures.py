"""Middleware that handles unexpected errors."""

import logging
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.web.answers import INTERNAL_ERROR, close_socket, refuse
from lib.web.logs import FailureLog, new_reference

log = logging.getLogger(__name__)


class _Gone(OSError):
    """The client disconnected before it was answered: not a failure of ours."""


class Failures:
    """Answers errors with a reference to find them in the log, refused web sockets with a sentence.

    Starlette's own error responses are created outside our middleware, so they lack our headers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.log = FailureLog(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "websocket.close" and not has_begun:
                has_begun = True
                await refuse(scope, send, HTTPStatus.FORBIDDEN, "This web socket was refused.")
                return
            has_begun = True
            try:
                await send(message)
            except OSError as error:
                raise _Gone from error

        try:
            await self.app(scope, receive, send_and_note)
        except _Gone:
            return
        except Exception as error:  # noqa: BLE001 - the log has it
            reference = new_reference()
            self.log("A request failed unexpectedly", reference, error)
            if not has_begun:
                await refuse(
                    scope,
                    send,
                    HTTPStatus.INTERNAL_SERVER_ERROR,
                    f"Something went wrong. Reference {reference}.",
                )
            elif scope["type"] == "websocket":
                await close_socket(send, INTERNAL_ERROR)
