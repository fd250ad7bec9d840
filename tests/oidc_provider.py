"""A small local OpenID provider: the authorisation code flow for a single client.

It asks for no passwords: its page has a button for each person. It is as strict with the client as
a real provider: it checks the secret, the redirect URI, PKCE and that a code is used only once, and
signs tokens with RS256.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT = "dashboard"
SECRET = "the-secret-of-the-client"
CALLBACK = re.compile(r"http://127\.0\.0\.1:\d+/oauth2callback")
LASTING = 300
"""Lifetime of a token in seconds."""

Json = dict[str, Any]


@dataclass
class Grant:
    """The authorisation that a code stands for."""

    person: str
    redirect_uri: str
    nonce: str | None
    challenge: str | None


@dataclass
class Provider:
    """The provider. `people` are claims by name; a claim `iat` there is an age in seconds.

    with Provider({"Ana": {"email": "ana@example.com", "email_verified": True}}) as provider:
        provider.secrets  # for secrets.toml
    """

    people: dict[str, Json]
    signed_out: list[str] = field(default_factory=list)
    """URLs that people were redirected to after signing out."""

    def __post_init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        self.grants: dict[str, Grant] = {}
        self.access: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Provider:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(60)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def secrets(self) -> str:
        """The table `[auth]` of the secrets; Streamlit inserts its port into the redirect URI."""
        return f"""
[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "{COOKIE_SECRET}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{self.issuer}/.well-known/openid-configuration"
"""

    def discovery(self) -> Json:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "email", "profile"],
        }

    def page(self, query: dict[str, str]) -> str:
        """The page on which a person signs in. Raises ValueError for an invalid request."""
        self._check_request(query)
        buttons = "".join(
            f'<p><a href="/enter?{html.escape(urlencode(query | {"person": name}))}">'
            f"Continue as {html.escape(name)}</a></p>"
            for name in self.people
        )
        return f"<!doctype html><title>Provider</title><h1>Who are you?</h1>{buttons}"

    def enter(self, query: dict[str, str]) -> str:
        """The redirect URI with a code. Raises ValueError or KeyError for an invalid request."""
        self._check_request(query)
        person = query["person"]
        if person not in self.people:
            raise ValueError("unknown person")
        code = secrets.token_urlsafe()
        self.grants[code] = Grant(
            person, query["redirect_uri"], query.get("nonce"), query.get("code_challenge")
        )
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def _check_request(self, query: dict[str, str]) -> None:
        if query.get("client_id") != CLIENT or query.get("response_type") != "code":
            raise ValueError("unknown client")
        if not CALLBACK.fullmatch(query.get("redirect_uri", "")):
            raise ValueError("unknown address to come back to")
        if not query.get("state") or "openid" not in query.get("scope", "").split():
            raise ValueError("no state, or no scope openid")

    def tokens(self, form: dict[str, str], authorization: str) -> Json:
        """Exchange a code for tokens. Raises ValueError or KeyError for an invalid request."""
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization != f"Basic {expected}":
            raise ValueError("wrong secret")
        grant = self.grants.pop(form["code"])
        if form["redirect_uri"] != grant.redirect_uri:
            raise ValueError("another address to come back to")
        if grant.challenge is not None:
            proof = hashlib.sha256(form["code_verifier"].encode()).digest()
            if base64.urlsafe_b64encode(proof).rstrip(b"=").decode() != grant.challenge:
                raise ValueError("wrong proof")
        access = secrets.token_urlsafe()
        self.access[access] = grant.person
        now = int(time.time())
        claims: Json = {"iss": self.issuer, "aud": CLIENT, "exp": now + LASTING}
        claims |= self.claims_of(grant.person)
        claims["iat"] = now - claims.get("iat", 0)
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": LASTING,
            "id_token": jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key),
        }

    def claims_of(self, person: str) -> Json:
        return {"sub": person} | self.people[person]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(address.query).items()}
                try:
                    match address.path:
                        case "/.well-known/openid-configuration":
                            self.answer(provider.discovery())
                        case "/jwks":
                            self.answer(KeySet([provider.key]).as_dict(private=False))
                        case "/authorize":
                            self.send(200, provider.page(query).encode(), "text/html")
                        case "/enter":
                            self.redirect(provider.enter(query))
                        case "/userinfo":
                            token = self.headers["Authorization"].removeprefix("Bearer ")
                            self.answer(provider.claims_of(provider.access[token]))
                        case "/favicon.ico":
                            self.send(200, b"", "image/png")
                        case "/logout":
                            back = query["post_logout_redirect_uri"]
                            if not CALLBACK.fullmatch(back):
                                raise ValueError("unknown address to come back to")
                            provider.signed_out.append(back)
                            self.redirect(back)
                        case _:
                            self.send(404, b"", "text/plain")
                except (ValueError, KeyError) as error:
                    self.send(400, repr(error).encode(), "text/plain")

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                try:
                    self.answer(provider.tokens(form, self.headers.get("Authorization", "")))
                except (ValueError, KeyError):
                    self.send(400, b'{"error": "invalid_grant"}', "application/json")

            def answer(self, value: Any) -> None:
                self.send(200, json.dumps(value).encode(), "application/json")

            def redirect(self, address: str) -> None:
                self.send_response(302)
                self.send_header("Location", address)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def send(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        return Handler


COOKIE_SECRET = "of-tests-only-and-nowhere-else-0123456789"
