"""What can be seen from an access token without asking the server."""

import re

_WORKSPACE_FIRST = re.compile(r"([1-9]\d{0,18})\.\S+", re.ASCII)


def workspace_id(token: str) -> str | None:
    """The id of the token's workspace where the token has the form `<digits>.<secret>`.

    An empty workspace has no contact that tells its id. Any other token is not looked into.
    """
    found = _WORKSPACE_FIRST.fullmatch(token)
    return found[1] if found else None
