"""Read `[access]` and `[auth]`: who may see which workspace, and how people sign in.

Here a typo is always a mistake, never just a note, as it might open what was meant to be closed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lib.settings import checks
from lib.settings.access import Access, Guests, Provider
from lib.settings.remarks import Remarks, closest, suggestion
from lib.settings.sources import PREFIX

ACCESS_KEYS = ("emails", "domains", "workspaces", "open", "contact", "hours", "issuer")
_PROVIDER_KEYS = ("client_id", "client_secret", "server_metadata_url")
_SHORTEST_SECRET = 32
_KINDS = ("emails", "domains")
_LIST_RULES = {
    ("emails",): 'must be a list of addresses like "ana@example.com", in plain ASCII letters.',
    ("domains",): 'must be a list of domains like "example.com", in plain ASCII letters.',
    _KINDS: 'must be a list of addresses like "ana@example.com" and domains like "example.com", '
    "in plain ASCII letters.",
}


def read_access(
    secrets: Mapping[str, Any],
    is_open: bool | None,
    access_key: str | None,
    names: tuple[str, ...],
    remarks: Remarks,
) -> Access:
    """The access rules in `secrets`; anything wrong with them is added to `remarks`.

    `is_open` and `access_key` are the settings from outside the tables; `is_open` takes precedence
    over that in `[access]`. `names` are the names of the workspaces that could be read.
    """
    providers = _providers(secrets.get("auth"), remarks)
    if access_key and providers:
        remarks.notes.append(f"{PREFIX}ACCESS_KEY is not used: people sign in by [auth].")
    table = secrets.get("access", {})
    if not isinstance(table, Mapping):
        remarks.mistakes.append("[access] must be a table.")
        return Access()
    for key in table:
        if key not in ACCESS_KEYS:
            remarks.mistakes.append(
                f"[access] {key} is not a setting. {suggestion(key, ACCESS_KEYS)}"
            )
    if "open" in table:
        in_table = bool(remarks.checked("[access] open", checks.boolean, table["open"]))
        is_open = in_table if is_open is None else is_open
    if is_open and providers:
        remarks.mistakes.append(
            "The dashboard is opened to everybody, and [auth] asks everybody to sign in: "
            f"remove one of them. It is opened by [access] open or {PREFIX}OPEN_ACCESS."
        )
    guests = Guests(
        _guests("[access] emails", table.get("emails", []), remarks, _KINDS[:1]).emails,
        _guests("[access] domains", table.get("domains", []), remarks, _KINDS[1:]).domains,
    )
    own = _own_guests(table.get("workspaces", {}), secrets.get("workspaces"), names, remarks)
    if (guests or own) and not providers:
        remarks.notes.append("[access] invites people, and there is no [auth] to sign in with.")
    contact, hours = table.get("contact"), Access.hours
    if "hours" in table:
        hours = remarks.checked("[access] hours", checks.HOURS, table["hours"]) or hours
    if contact is not None:
        contact = remarks.checked("[access] contact", checks.CONTACT, contact)
    if "issuer" in table:
        issuer = remarks.checked("[access] issuer", checks.issuer, table["issuer"])
        providers = tuple(replace(each, issuer=issuer or "") for each in providers)
    redirect = secrets["auth"].get("redirect_uri") if providers else None
    return Access(providers, bool(is_open), guests, own, contact, hours, redirect, access_key)


def _own_guests(
    table: object, workspaces: object, names: tuple[str, ...], remarks: Remarks
) -> tuple[tuple[str, Guests], ...]:
    """The guest lists of `[access.workspaces]`; `workspaces` is the table `[workspaces]`."""
    if not isinstance(table, Mapping):
        remarks.mistakes.append("[access.workspaces] must be a table.")
        return ()
    if table and names and not any(names):
        remarks.mistakes.append(
            "[access.workspaces] names workspaces, and there are no [workspaces]."
        )
        return ()
    # Names of workspaces that are themselves invalid are known: that mistake is reported already.
    known = list(workspaces) if isinstance(workspaces, Mapping) else []
    found = []
    for name, entries in table.items():
        key = f"[access.workspaces] {name}"
        if name not in known:
            remarks.mistakes.append(f"{key} is none of the [workspaces.…].")
        found.append((name, _guests(key, entries, remarks)))
    return tuple(found)


def _guests(key: str, entries: object, remarks: Remarks, kinds: tuple[str, ...] = _KINDS) -> Guests:
    """The guests on a list that may contain entries of these `kinds`; none if it is invalid."""
    try:
        if not isinstance(entries, list):
            raise ValueError
        guests = Guests.of(str(entry).strip() for entry in entries)
        if any(getattr(guests, kind) for kind in _KINDS if kind not in kinds):
            raise ValueError
    except ValueError:
        remarks.mistakes.append(f"{key} {_LIST_RULES[kinds]}")
        return Guests()
    return guests


def _providers(table: object, remarks: Remarks) -> tuple[Provider, ...]:
    if table is None:
        return ()
    if not isinstance(table, Mapping):
        remarks.mistakes.append("[auth] must be a table.")
        return ()
    redirect, secret = table.get("redirect_uri"), table.get("cookie_secret")
    if not isinstance(redirect, str) or not _is_callback(redirect):
        remarks.mistakes.append(
            "[auth] redirect_uri must be the address of this dashboard with /oauth2callback at "
            "its end, and begin with https:// unless it is on localhost."
        )
    if not isinstance(secret, str) or len(secret) < _SHORTEST_SECRET:
        remarks.mistakes.append(
            f"[auth] cookie_secret must be a random text of at least {_SHORTEST_SECRET} "
            "characters: who knows it can sign in as anybody."
        )
    named = {
        name: value
        for name, value in table.items()
        if isinstance(value, Mapping) and name != "client_kwargs"
    }
    places = {name: (f"[auth.{name}]", value) for name, value in named.items()}
    if not named or any(key in table for key in _PROVIDER_KEYS):
        places = {"": ("[auth]", table)} | places
    for name, (place, values) in places.items():
        if "_" in name:
            remarks.mistakes.append(f"{place} may have no _ in its name.")
        _check_provider(place, values, remarks)
    return tuple(_provider(name, values) for name, (_, values) in places.items())


def _provider(name: str, values: Mapping[str, Any]) -> Provider:
    """A provider from its table in `[auth]`.

    Its issuer is the URL of the discovery document without the path that OpenID Connect Discovery
    1.0 (section 4) appends.
    """
    document = str(values.get("server_metadata_url", "")).strip()
    issuer = document.partition("/.well-known/")[0]
    return Provider(name, str(values.get("client_id", "")).strip(), issuer)


def _check_provider(place: str, values: Mapping[str, Any], remarks: Remarks) -> None:
    for key in _PROVIDER_KEYS:
        value = values.get(key)
        if not isinstance(value, str) or not value.strip():
            near = closest(key, [other for other in values if other not in _PROVIDER_KEYS])
            hint = f" Is it {near}?" if near else ""
            remarks.mistakes.append(f"{place} {key} is missing: your provider gives it.{hint}")
        elif key == "server_metadata_url" and not checks.is_safe(value):
            remarks.mistakes.append(f"{place} {key} must be an address with https://.")


def _is_callback(address: str) -> bool:
    return checks.is_safe(address) and address.endswith("/oauth2callback")
