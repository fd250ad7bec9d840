"""The ChatbotX contacts API on a local socket, with its limits, its traps and its bad days.

    with FakeChatbotx({"edge": contacts}, manners=JULY) as server:
        httpx.get(f"{server.base_url}/v1/contacts", headers={"Authorization": "Bearer edge"})

`Manners` says which version of the platform answers, `Workspace` holds the contacts behind one
token and lets a test change them, a `Fault` takes the place of an answer. What is imitated is
described in the team's API notes, `api.md`; docstrings name the section. Whatever `api.md` does
not mention is refused or ignored, so that no client comes to depend on it by accident.

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
