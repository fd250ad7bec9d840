from lib.metrics.opt_in import OptIn, RawEmailOptIn, opt_in, raw_email_opt_in
from lib.metrics.rates import Rate
from tests.workspaces import contact, on, tables_of

LONG_AGO = "2020-02-01T00:00:00.000Z"
OPTED_IN = contact(on("zalo"), broadcastSubscribedAt=LONG_AGO)
BLOCKED = {"blockedAt": LONG_AGO}


def test_of_no_contacts_has_no_rates() -> None:
    assert opt_in(tables_of()) == OptIn(Rate(0, 0), Rate(0, 0), Rate(0, 0))


def test_of_only_blocked_contacts_has_no_rates() -> None:
    blocked = contact(OPTED_IN, BLOCKED, email="ana@example.com", emailOptIn=True)

    assert opt_in(tables_of(blocked)) == OptIn(Rate(0, 0), Rate(0, 0), Rate(0, 0))


class TestBroadcast:
    def test_is_a_share_of_the_active_contacts_on_a_channel(self) -> None:
        tables = tables_of(OPTED_IN, contact(on("zalo")), contact(OPTED_IN, BLOCKED))

        assert opt_in(tables).broadcast == Rate(1, 2)

    def test_leaves_out_an_opt_in_without_a_channel(self) -> None:
        tables = tables_of(OPTED_IN, contact(broadcastSubscribedAt=LONG_AGO))

        assert opt_in(tables).broadcast == Rate(1, 1)

    def test_counts_a_contact_on_two_channels_once(self) -> None:
        assert opt_in(tables_of(contact(OPTED_IN, on("zalo", "sms")))).broadcast == Rate(1, 1)


class TestEmail:
    def test_is_a_share_of_the_active_contacts_with_an_address(self) -> None:
        tables = tables_of(
            contact(email="ana@example.com", emailOptIn=True),
            contact(email="bo@example.com", emailOptIn=False),
            contact(BLOCKED, email="cy@example.com", emailOptIn=True),
        )

        assert opt_in(tables).email == Rate(1, 2)

    def test_default_opt_in_of_contacts_without_an_address_does_not_count(self) -> None:
        tables = tables_of(
            contact(email=None, emailOptIn=True), contact(email="guest-8f3a", emailOptIn=True)
        )

        assert opt_in(tables).email == Rate(0, 0)

    def test_verified_is_a_share_of_the_same_contacts(self) -> None:
        tables = tables_of(
            contact(email="ana@example.com", emailVerified=True),
            contact(email="bo@example.com", emailVerified=False),
            contact(email=None, emailVerified=True),
        )

        assert opt_in(tables).email_verified == Rate(1, 2)

    def test_opt_in_that_is_not_said_is_none(self) -> None:
        assert opt_in(tables_of(contact(email="ana@example.com"))).email == Rate(0, 1)


class TestRawEmailOptIn:
    def test_is_what_the_server_says_of_all_contacts(self) -> None:
        tables = tables_of(
            contact(email="ana@example.com", emailOptIn=True),
            contact(email=None, emailOptIn=True),
            contact(BLOCKED, email=None, emailOptIn=True),
            contact(email="bo@example.com", emailOptIn=False),
        )

        assert raw_email_opt_in(tables) == RawEmailOptIn(Rate(3, 4), without_address=2)
