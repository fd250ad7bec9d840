"""What an access token says without asking the server."""

import re

_WORKSPACE_FIRST = re.compile(r"([1-9]\d{0,18})\.\S+", re.ASCII)


def workspace_id(token: str) -> str | None:
    """The workspace id from a token of the form `<digits>.<secret>`; None for any other token.

    Contacts carry the id as well, but an empty workspace has none.
    """
    found = _WORKSPACE_FIRST.fullmatch(token)
    return found[1] if found else None
