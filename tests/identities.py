"""Identity cookies signed like the server's, for hand-made clients."""

from __future__ import annotations

import json
import secrets
import socket
import time
from typing import Any

from streamlit.web.server.starlette import starlette_app_utils as utils
from streamlit.web.server.starlette.starlette_server_config import (
    USER_COOKIE_NAME,
    XSRF_COOKIE_NAME,
)
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

COOKIE_SECRET = "of-tests-only-and-nowhere-else-0123456789"
ISSUER = "https://accounts.example.com"
AUTH = f"""
[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "{COOKIE_SECRET}"
client_id = "of-this-dashboard"
client_secret = "geheim"
server_metadata_url = "{ISSUER}/.well-known/openid-configuration"
"""


def cookies_of(address: str, email: str, *, age: float = 0, **others: Any) -> str:
    """The `Cookie` header of a browser whose user signed in `age` seconds ago."""
    claims = {
        "is_logged_in": True,
        "email": email,
        "email_verified": True,
        "iat": time.time() - age,
        "iss": ISSUER,
        "aud": "of-this-dashboard",
        "provider": "default",
        "origin": address,
    }
    signed = utils.create_signed_value(
        COOKIE_SECRET, USER_COOKIE_NAME, json.dumps(claims | others)
    ).decode()
    return f"{USER_COOKIE_NAME}={signed}; {XSRF_COOKIE_NAME}={_token()}"


def _token() -> str:
    return utils.generate_xsrf_token_string(secrets.token_bytes(16), int(time.time()))


def stream_as(address: str, cookies: str) -> ClientConnection:
    """Open a web socket as a page in that browser does."""
    token = cookies.rpartition(f"{XSRF_COOKIE_NAME}=")[2]
    port = int(address.rsplit(":", 1)[1])
    return connect(
        address.replace("http", "ws") + "/_stcore/stream",
        sock=socket.create_connection(("127.0.0.1", port)),
        additional_headers={"Origin": address, "Cookie": cookies},
        subprotocols=[Subprotocol("streamlit"), Subprotocol(token)],
        max_size=None,
        proxy=None,
    )
