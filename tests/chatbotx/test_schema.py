from __future__ import annotations

import gc
import json
from typing import Any

import msgspec
import pytest

from lib.chatbotx import schema
from lib.chatbotx.schema import Answer, Decoder, Garbled, error_code

Json = dict[str, Any]

SECRETS = {
    "firstName": "PERSONAL-first",
    "lastName": "PERSONAL-last",
    "fullName": "PERSONAL-full",
    "email": "PERSONAL@example.com",
    "phoneNumber": "+1 415 555 0100 PERSONAL",
    "avatar": "https://example.com/PERSONAL.jpg",
    "ref": "PERSONAL-ref",
    "location": {"street": "PERSONAL-street"},
    "contactNotes": [{"text": "PERSONAL-note"}],
    "contactCustomFields": [{"customFieldId": "801", "value": "PERSONAL-value"}],
    "conversation": {
        "id": "7",
        "additionalAttributes": {"free": "PERSONAL-attribute"},
        "assignedUserId": "101",
        "assignedUser": {"id": "101", "name": "Ana", "email": "PERSONAL@agency.example"},
    },
}
HALF_AN_EMOJI = b"\\ud83d"


def decoded(*contacts: Json, **rest: Any) -> Answer:
    return Decoder()(json.dumps({"data": contacts, **rest}).encode())


def first_of(answer: Answer | bytes, place: int = 0, region: str | None = None) -> Any:
    """A contact whose optional parts tests can access without checking for None."""
    answer = Decoder(region)(answer) if isinstance(answer, bytes) else answer
    return answer.contacts[place]


def only(**fields: Any) -> Any:
    """Decode an answer with one contact that has these fields."""
    (contact,) = decoded({"id": "1", **fields}).contacts
    return contact


def salvaged(**fields: Any) -> Any:
    """The same, from an answer that has to be read field by field."""
    (contact, _) = decoded({"id": "1", **fields}, {"id": 2}).contacts
    return contact


def test_ids_beyond_what_a_float_holds_stay_whole() -> None:
    assert only(id="9007199254740993").id == "9007199254740993"


def test_an_id_sent_as_a_number_is_an_id() -> None:
    contact = only(id=9007199254740993, tags=[{"id": 601}])
    assert (contact.id, contact.tags[0].id) == ("9007199254740993", "601")


def test_keys_that_are_new_are_skipped() -> None:
    assert only(shoeSize=43, nested={"a": [1, {"b": None}]}).id == "1"


def test_keys_that_are_missing_are_none() -> None:
    contact = only()
    assert all(getattr(contact, name) is None for name in contact.__struct_fields__ if name != "id")


@pytest.mark.parametrize("name", ["createdAt", "tags", "contactInboxes", "conversation", "email"])
def test_keys_that_are_null_are_none(name: str) -> None:
    assert msgspec.to_builtins(only(**{name: None})) == msgspec.to_builtins(only())


def test_a_usual_page_is_not_read_field_by_field(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object, **__: object) -> None:
        raise AssertionError("the slow parser")

    monkeypatch.setattr(json, "loads", parse)
    assert decoded({"id": "1", **SECRETS}).received == 1


@pytest.mark.parametrize("value", [7, 1.5, True, ["2026-06-01"], {"at": "2026-06-01"}])
@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("contactInboxes", "source"),
        ("contactInboxes", "lastMessageAt"),
        ("conversation", "botResumeAt"),
        ("conversation", "archivedAt"),
    ],
)
def test_a_value_of_any_other_type_in_what_servers_began_to_send_is_counted(
    part: str, name: str, value: Any
) -> None:
    item = {"id": "7", "inboxId": "7", name: value}
    answer = decoded({"id": "1", part: [item] if part == "contactInboxes" else item})
    assert answer.unreadable == {0: (f"{part}.{name}",)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("createdAt", 1_778_400_000.5),
        ("createdAt", 1_778_400_000),
        ("updatedAt", ["2026-05-10"]),
        ("emailOptIn", "yes"),
        ("emailVerified", 1),
        ("email", 7),
        ("phoneNumber", {"number": "+1"}),
        ("country", True),
        ("tags", {"id": "601"}),
        ("contactInboxes", "whatsapp"),
        ("conversation", [7]),
    ],
)
def test_a_value_of_another_type_is_counted_and_none(field: str, value: Any) -> None:
    answer = decoded({"id": "1", field: value})
    assert answer.unreadable == {0: (field,)}
    assert msgspec.to_builtins(answer.contacts[0]) == msgspec.to_builtins(only())


def test_a_value_inside_is_counted_under_its_path() -> None:
    answer = decoded(
        {"id": "1"},
        {
            "id": "2",
            "tags": [{"id": "601", "name": ["VIP"]}, "602"],
            "conversation": {"id": "7", "followed": "no", "assignedUser": {"name": False}},
        },
    )
    assert answer.unreadable == {
        1: ("tags.name", "tags", "conversation.followed", "conversation.assignedUser.name")
    }


def test_readable_values_beside_one_of_a_wrong_type_are_kept() -> None:
    contact = only(emailOptIn="yes", emailVerified=True, tags=[{"id": "601"}, 602, {"id": "603"}])
    assert contact.email_verified is True
    assert [tag.id for tag in contact.tags] == ["601", "603"]


def test_half_a_surrogate_pair_in_a_name_does_not_cost_the_page() -> None:
    body = b'{"data":[{"id":"1","tags":[{"id":"601","name":"party %s"}]}]}' % HALF_AN_EMOJI
    contact = first_of(body)
    assert contact.tags[0].name == "party ?"


def test_half_a_surrogate_pair_in_a_name_that_is_not_read_does_not_cost_the_page() -> None:
    contact = first_of(b'{"data":[{"id":"1","firstName":"%s"}]}' % HALF_AN_EMOJI)
    assert contact.id == "1"


def test_bytes_that_are_no_utf_8_do_not_cost_the_page() -> None:
    contact = first_of(b'{"data":[{"id":"1","country":"Br\xe9sil"}]}')
    assert contact.country == "Br\N{REPLACEMENT CHARACTER}sil"


def test_a_contact_without_an_id_keeps_its_place() -> None:
    answer = decoded({"id": "1"}, {"createdAt": "2026-05-10"}, {"id": "3"})
    assert [contact.id for contact in answer.contacts] == ["1", None, "3"]


@pytest.mark.parametrize("item", [None, 7, "contact", ["id", "1"]])
def test_a_contact_that_is_no_object_keeps_its_place(item: Any) -> None:
    answer = decoded({"id": "1"}, item, {"id": "3"})
    assert [contact.id for contact in answer.contacts] == ["1", None, "3"]


def test_the_rest_of_the_page_is_read_when_one_contact_is_odd() -> None:
    answer = decoded({"id": "1", "emailOptIn": 1}, {"id": "2", "email": "ana@example.com"})
    assert first_of(answer, 1).email.is_address


@pytest.mark.parametrize("read", [only, salvaged], ids=["usual", "salvaged"])
@pytest.mark.parametrize(
    ("email", "is_address"),
    [
        ("ana@example.com", True),
        ("  ana.lima+news@mail.example.com\n", True),
        ("ana@example", False),
        ("@example.com", False),
        ("ana@", False),
        ("ana@@example.com", False),
        ("ana@lima@example.com", False),
        ("ana lima@example.com", False),
        ("ana@exam ple.com", False),
        ("ana@.example.com", False),
        ("ana@example..com", False),
        ("ana@example.com.", False),
        ("guest_3f2a9c1e-77ab", False),
        ("", False),
    ],
)
def test_an_address_is_distinguished_from_a_guest_id(
    email: str, is_address: bool, read: Any
) -> None:
    assert read(email=email).email.is_address is is_address


@pytest.mark.parametrize("read", [only, salvaged], ids=["usual", "salvaged"])
@pytest.mark.parametrize(
    ("number", "is_number"),
    [
        ("+14155550100", True),
        ("1234567", True),
        ("123456", False),
        ("+123456", False),
        (" (12) 34-56.7 ", True),
        ("12 34 56 ext", False),
        ("anonymous", False),
        ("\u0661\u0662\u0663\u0664\u0665\u0666\u0667", True),
        ("", False),
    ],
)
def test_a_number_has_seven_digits(number: str, is_number: bool, read: Any) -> None:
    assert read(phoneNumber=number).phone_number.is_number is is_number


def test_a_number_tells_its_country() -> None:
    assert only(phoneNumber="+351912345678").phone_number.country == "PT"


def test_a_number_without_a_calling_code_is_of_the_default_region() -> None:
    body = b'{"data":[{"id":"1","phoneNumber":"(11) 98765-4321"}]}'
    assert first_of(body).phone_number.country is None
    assert first_of(body, region="BR").phone_number.country == "BR"


def test_counts_are_read() -> None:
    answer = decoded(pageCount=3, totalCount=137, totalCountCapped=False)
    assert (answer.page_count, answer.total_count) == (3, 137)


@pytest.mark.parametrize("odd", [{}, {"odd": [{"id": 7}]}], ids=["usual", "salvaged"])
def test_a_capped_total_is_no_total(odd: Json) -> None:
    answer = decoded({"id": 7} if odd else {"id": "7"}, totalCount=10_000, totalCountCapped=True)
    assert answer.total_count is None


def test_counts_of_another_type_are_none() -> None:
    answer = decoded({"id": "1"}, pageCount="3", totalCount=True)
    assert (answer.received, answer.page_count, answer.total_count) == (1, None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><title>Sign in</title>",
        b"null",
        b"[]",
        b'{"data":{}}',
        b'{"pageCount":3}',
        b'{"data":[{"id":"1"}',
        b'{"data":[]}{"data":[]}',
        b'{"data":[' + b"[" * 100_000,
        b"\x00\xff\x00",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_no_answer_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled):
        Decoder()(body)


def test_a_garbled_body_is_not_kept_by_the_error() -> None:
    with pytest.raises(Garbled) as caught:
        Decoder()(b'{"data":[{"id":"1","fullName":"PERSONAL"}')
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "odd", [{}, {"emailOptIn": "yes"}, {"id": 7}], ids=["usual", "salvaged", "numeric id"]
)
def test_nothing_personal_can_be_reached_from_an_answer(odd: Json) -> None:
    texts = _texts_reachable_from(decoded({"id": "1", **SECRETS, **odd}))
    assert "Ana" in texts  # an agent's name is kept, which also shows that the search works
    assert not [text for text in texts if "PERSONAL" in text or "5550100" in text]


def _texts_reachable_from(answer: Answer) -> set[str]:
    texts, seen, left = set[str](), set[int](), [answer]
    while left:
        each: Any = left.pop()
        if id(each) in seen or isinstance(each, type):
            continue
        seen.add(id(each))
        if isinstance(each, str):
            texts.add(each)
        elif isinstance(each, bytes):
            texts.add(each.decode("utf-8", "replace"))
        # The garbage collector does not track structs declared with gc=False.
        if isinstance(each, msgspec.Struct):
            left += [getattr(each, name) for name in each.__struct_fields__]
        left += gc.get_referents(each)
    return texts


def test_a_part_of_an_answer_keeps_its_unreadable_values() -> None:
    answer = decoded({"id": "1"}, {"id": "2", "email": 7}, {"id": "3"}, {"id": "4", "tags": 7})
    part = answer.only([3, 2, 1])
    assert [contact.id for contact in part.contacts] == ["4", "3", "2"]
    assert part.unreadable == {0: ("tags",), 2: ("email",)}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"code":"INVALID_CHATBOT_TOKEN","status":500}', "INVALID_CHATBOT_TOKEN"),
        (b'{"code":500}', None),
        (b'{"message":"no"}', None),
        (b'["code"]', None),
        (b"Not found", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_the_code_of_an_error(body: bytes, code: str | None) -> None:
    assert error_code(body) == code


def test_numbers_that_say_the_same_are_kept_once() -> None:
    first, second = decoded(
        {"id": "1", "phoneNumber": "+351912345678"}, {"id": "2", "phoneNumber": "+351913345678"}
    ).contacts
    assert first.phone_number is second.phone_number
    assert isinstance(first.phone_number, schema.Phone)
