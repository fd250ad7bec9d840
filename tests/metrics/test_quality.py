import pytest

from lib.metrics.quality import TIMES, filled, future_times
from lib.store.builder import ALL_TIMES
from tests.workspaces import AS_OF, ask, before_as_of, contact, conversation, on

TOMORROW = before_as_of(days=-1)


@pytest.mark.parametrize(
    ("found", "kinds"),
    [
        (contact(createdAt=TOMORROW, updatedAt=TOMORROW), {"created": 1, "updated": 1}),
        (contact(blockedAt=TOMORROW), {"blocked": 1}),
        (contact(conversation(contactRepliedAt=TOMORROW)), {"wrote": 1}),
        (contact(contactInboxes=[{"lastIncomingMessageAt": TOMORROW}]), {"wrote": 1}),
        (contact(contactInboxes=[{"lastMessageAt": TOMORROW}]), {"sent": 1}),
        (contact(conversation(archivedAt=TOMORROW)), {"archived_at": 1}),
        (contact(conversation(botResumeAt=TOMORROW)), {}),
        (contact(createdAt=before_as_of(hours=0)), {}),
    ],
    ids=["came", "blocked", "wrote", "wrote to an inbox", "sent", "archived", "resumes", "now"],
)
def test_times_after_the_snapshot_are_counted_by_kind_but_those_of_bots(
    found: dict[str, object], kinds: dict[str, int]
) -> None:
    assert future_times(ask(found, contact()), AS_OF) == kinds


def test_every_time_that_is_kept_has_a_kind() -> None:
    # `wrote` covers the first two; a bot resumes in the future by design.
    assert set(ALL_TIMES) - set(TIMES) == {"last_incoming", "contact_replied", "bot_resume"}


def test_fields_are_filled_where_they_hold_something() -> None:
    found = filled(ask(contact(on("sms"), country="BR"), contact(), only=[2]))

    assert {name: number for name, number in found.items() if number} == {
        "createdAt": 2,
        "inbox with a channel": 1,
        "country (recorded and known)": 1,
    }
