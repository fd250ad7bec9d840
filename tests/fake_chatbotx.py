"""A fake of the ChatbotX contacts API on a local socket, with its limits, traps and failures.

    with FakeChatbotx({"edge": contacts}, manners=JULY) as server:
        httpx.get(f"{server.base_url}/v1/contacts", headers={"Authorization": "Bearer edge"})

`Manners` selects the version of the platform, `Workspace` holds the contacts behind one token and
lets a test change them, and a `Fault` replaces an answer. The behaviour is described in the team's
API notes, `api.md`, whose sections docstrings name. Whatever `api.md` does not mention is rejected
or ignored, so that no client depends on it by accident.

    python -m tests.fake_chatbotx --manners october --contacts 50000 --latency 0.05
"""

from tests.fake.answers import (
    DATABASE_DOWN,
    SIGN_IN_PAGE,
    WRONG_PATH,
    Answer,
    error_answer,
    gateway_error,
    redirect,
    too_many_requests,
)
from tests.fake.command import serve_by_hand
from tests.fake.faults import (
    CutShort,
    Drip,
    Dropped,
    Fault,
    Flood,
    Garbled,
    Late,
    seeded_faults,
)
from tests.fake.manners import JULY, JUNE, NOVEMBER, OCTOBER, Manners, RateLimit
from tests.fake.recorded import EDGE_CONTACTS, NOVEMBER_CONTACTS
from tests.fake.requests import (
    API_PATH,
    CONTACTS_PATH,
    COUNT_PATH,
    SIGN_IN_PATH,
    Contact,
    RecordedRequest,
)
from tests.fake.server import FakeChatbotx
from tests.fake.workspace import Workspace

__all__ = [
    "API_PATH",
    "CONTACTS_PATH",
    "COUNT_PATH",
    "DATABASE_DOWN",
    "EDGE_CONTACTS",
    "JULY",
    "JUNE",
    "NOVEMBER",
    "NOVEMBER_CONTACTS",
    "OCTOBER",
    "SIGN_IN_PAGE",
    "SIGN_IN_PATH",
    "WRONG_PATH",
    "Answer",
    "Contact",
    "CutShort",
    "Drip",
    "Dropped",
    "FakeChatbotx",
    "Fault",
    "Flood",
    "Garbled",
    "Late",
    "Manners",
    "RateLimit",
    "RecordedRequest",
    "Workspace",
    "error_answer",
    "gateway_error",
    "redirect",
    "seeded_faults",
    "too_many_requests",
]

if __name__ == "__main__":
    serve_by_hand()
