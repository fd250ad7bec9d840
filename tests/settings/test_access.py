from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lib.settings import (
    Access,
    Closed,
    Expired,
    Foreign,
    Guests,
    Invited,
    NobodyInvited,
    NotInvited,
    Provider,
    SignedOut,
    Unverified,
    Welcome,
    admit,
    verdict,
)

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
PROVIDER = Provider("", "audience", "https://accounts.example.com")
ACCESS = Access(
    providers=(PROVIDER,),
    guests=Guests.of(["ana@example.com", "partner.example"]),
    own_guests=(("sales", Guests.of(["gus@sales.example"])), ("vault", Guests())),
)


def claims(email: object = "ana@example.com", age: timedelta = timedelta(0), **others: Any) -> dict:
    """The verified claims of somebody who signed in `age` ago."""
    whole = {"is_logged_in": True, "email": email, "email_verified": True}
    whole |= {"iss": PROVIDER.issuer, "aud": PROVIDER.client_id, "provider": "default"}
    return whole | {"iat": (NOW - age).timestamp()} | others


def judged(given: dict, workspace: str = "main", access: Access = ACCESS) -> object:
    return verdict(given, workspace, access, NOW)


# Guest lists


@pytest.mark.parametrize(
    "email", ["ana@example.com", "Ana@Example.COM", "bob@partner.example", "x+y@PARTNER.example"]
)
def test_an_address_is_invited_in_any_case_by_itself_or_its_domain(email: str) -> None:
    assert judged(claims(email)) == Invited(email.lower())


@pytest.mark.parametrize(
    "email",
    [
        "bob@example.com",
        "ana@example.com.evil.example",
        "ana@sub.partner.example",
        "ana@notpartner.example",
        "partner.example",
        "@partner.example",
        "ana@evil.example@partner.example",
        '"ana@evil.example"@partner.example',
        "ana@partner.example.",
        "ana@partner.example\n",
        " ana@example.com",
        "ana@example.com ",
        "ana@exa mple.com",
        "ana\x00@example.com",
        "ana@example.com,bob@example.com",
        "аna@example.com",  # its first letter is Cyrillic
        "ana@ｅxample.com",
        "ana@exampLe.com".replace("L", "ﬂ"),
        "ana@partner。example",
        "ana\u200b@example.com",
        "ANA@EXAMPLE.COM".replace("I", "İ") + "\u0307",
        "a" * 65 + "@partner.example",
    ],
)
def test_what_only_looks_like_an_invited_address_is_not(email: str) -> None:
    assert judged(claims(email)) == NotInvited(email)


@pytest.mark.parametrize(
    "entry", ["@example.com", "ana@", "example", "*.example.com", "", "añ.com"]
)
def test_a_list_holds_addresses_and_domains_only(entry: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        Guests.of([entry])


def test_a_workspace_with_a_list_of_its_own_is_for_those_on_it_only() -> None:
    assert judged(claims("gus@sales.example"), "sales") == Invited("gus@sales.example")
    assert judged(claims("ana@example.com"), "sales") == NotInvited("ana@example.com")
    assert judged(claims("gus@sales.example"), "main") == NotInvited("gus@sales.example")


def test_a_list_that_is_empty_invites_nobody() -> None:
    assert judged(claims("ana@example.com"), "vault") == NotInvited("ana@example.com")


# What an identity must satisfy


@pytest.mark.parametrize("verified", [False, None, "true", "True", 1, "yes", [True]])
def test_an_address_that_is_not_verified_does_not_count(verified: object) -> None:
    assert judged(claims(email_verified=verified)) == Unverified("ana@example.com")


def test_without_a_word_on_it_an_address_is_not_verified() -> None:
    silent = claims()
    del silent["email_verified"]
    assert judged(silent) == Unverified("ana@example.com")


@pytest.mark.parametrize("email", [None, "", 7, ["ana@example.com"], {"ana@example.com": 1}])
def test_without_an_address_there_is_nothing_to_verify(email: object) -> None:
    assert judged(claims(email)) == Unverified("")


@pytest.mark.parametrize("logged_in", [False, None, "true", 1])
def test_a_visitor_who_has_not_signed_in_is_signed_out(logged_in: object) -> None:
    assert judged(claims(is_logged_in=logged_in)) == SignedOut()


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(hours=11, minutes=59), Invited("ana@example.com")),
        (timedelta(hours=12), Expired()),
        (timedelta(days=29), Expired()),
        (timedelta(minutes=-4), Invited("ana@example.com")),
        (timedelta(minutes=-6), Expired()),
    ],
)
def test_an_identity_is_good_for_twelve_hours(age: timedelta, expected: object) -> None:
    assert judged(claims(age=age)) == expected


def test_the_operator_may_choose_how_long() -> None:
    access = Access((PROVIDER,), guests=ACCESS.guests, hours=1)
    assert judged(claims(age=timedelta(minutes=61)), access=access) == Expired()


@pytest.mark.parametrize(
    "issued", [None, "1782900000", True, float("nan"), float("inf"), -1e300, 1e300, 10**400, [1]]
)
def test_an_identity_without_an_age_is_too_old(issued: object) -> None:
    assert judged(claims(iat=issued)) == Expired()


def test_the_end_of_the_token_itself_does_not_matter() -> None:
    assert judged(claims(exp=(NOW - timedelta(hours=1)).timestamp())) == Invited("ana@example.com")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
addresses = st.sampled_from(["ana@example.com", "b@partner.example", "x@y.example"]) | st.text()
claim_sets = st.dictionaries(
    st.sampled_from(["is_logged_in", "email", "email_verified", "iat", "exp", "sub"]) | st.text(),
    st.sampled_from([True, NOW.timestamp()]) | addresses | anything,
)


@given(claim_sets | st.builds(claims, addresses, email_verified=anything), st.text())
@example(claims(), "main")
def test_no_claims_raise_and_none_is_invited_without_a_verified_address_on_the_list(
    given_claims: dict, workspace: str
) -> None:
    for name in ("main", "sales", "vault", workspace):
        answer = judged(given_claims, name)
        if isinstance(answer, Invited):
            assert given_claims["is_logged_in"] is True
            assert given_claims["email_verified"] is True
            local, _, domain = answer.email.rpartition("@")
            assert given_claims["email"].lower() == answer.email
            assert "@" not in local
            assert answer.email in ("ana@example.com", "gus@sales.example") or (
                domain == "partner.example"
            )


@given(claim_sets, st.lists(st.text()), st.booleans(), st.booleans())
def test_with_sign_in_only_an_invitation_gives_access(
    given_claims: dict, workspaces: list[str], has_key: bool, demo: bool
) -> None:
    answer = admit(given_claims, workspaces, ACCESS, NOW, has_key=has_key, is_demo=demo)
    if isinstance(answer, Welcome):
        for name in answer.workspaces:
            assert isinstance(judged(given_claims, name), Invited)


# Providers and audiences


@pytest.mark.parametrize(
    "others",
    [
        {"iss": "https://accounts.evil.example"},
        {"iss": "https://accounts.example.com.evil.example"},
        {"iss": None},
        {"aud": "another dashboard"},
        {"aud": ["another dashboard"]},
        {"aud": None},
        {"provider": "okta"},
        {"provider": None},
    ],
)
def test_an_identity_of_another_issuer_audience_or_provider_is_foreign(others: dict) -> None:
    assert judged(claims(**others)) == Foreign()


@pytest.mark.parametrize(
    "others",
    [{"iss": "https://accounts.example.com/"}, {"aud": ["another dashboard", "audience"]}],
    ids=["with a slash", "for several"],
)
def test_an_identity_for_us_may_be_written_in_other_ways(others: dict) -> None:
    assert judged(claims(**others)) == Invited("ana@example.com")


def test_each_provider_vouches_for_its_own_only() -> None:
    okta = Provider("okta", "of okta", "https://example.okta.com")
    access = Access((PROVIDER, okta), guests=ACCESS.guests)
    own: dict[str, Any] = {"iss": okta.issuer, "aud": "of okta", "provider": "okta"}
    assert judged(claims(**own), access=access) == Invited("ana@example.com")
    assert judged(claims(**own | {"aud": "audience"}), access=access) == Foreign()


def test_microsoft_names_the_tenant_as_issuer() -> None:
    many = Provider("", "audience", "https://login.microsoftonline.com/common/v2.0")
    access = Access((many,), guests=ACCESS.guests)
    tenant = "https://login.microsoftonline.com/72f988bf-0000-0000-0000-2d7cd011db47/v2.0"
    assert judged(claims(iss=tenant), access=access) == Invited("ana@example.com")
    assert judged(claims(iss="https://sts.evil.example/x"), access=access) == Foreign()
    assert judged(claims(iss="https://[login.microsoftonline.com"), access=access) == Foreign()


# Which workspaces a visitor may see

ALL = ("main", "sales", "vault")


def test_each_sees_the_workspaces_that_they_are_invited_to() -> None:
    assert admit(claims(), ALL, ACCESS, NOW) == Welcome(("main",), "ana@example.com")
    gus = claims("gus@sales.example")
    assert admit(gus, ALL, ACCESS, NOW) == Welcome(("sales",), "gus@sales.example")


def test_a_visitor_who_may_see_nothing_gets_the_reason() -> None:
    assert admit(claims("x@y.example"), ALL, ACCESS, NOW) == NotInvited("x@y.example")
    assert admit({}, ALL, ACCESS, NOW) == SignedOut()


def test_a_sign_in_without_invitations_opens_to_nobody() -> None:
    assert admit(claims(), ALL, Access(providers=(PROVIDER,)), NOW) == NobodyInvited()
    nobody = Access(providers=(PROVIDER,), own_guests=(("main", Guests()),))
    assert admit(claims(), ALL, nobody, NOW) == NobodyInvited()


def test_without_a_sign_in_it_is_closed() -> None:
    assert admit({}, ALL, Access(), NOW) == Closed()
    assert admit(claims(), ALL, Access(), NOW) == Closed()


@pytest.mark.parametrize(
    ("access", "given_facts"),
    [
        (Access(is_open=True), {}),
        (Access(), {"has_key": True}),
        (Access(), {"is_demo": True}),
    ],
    ids=["opened", "key", "demo"],
)
def test_without_a_sign_in_it_may_be_open(access: Access, given_facts: dict) -> None:
    assert admit({}, ALL, access, NOW, **given_facts) == Welcome(ALL)


def test_guests_are_in_no_representation() -> None:
    assert "ana@" not in repr(ACCESS)
