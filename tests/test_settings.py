from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lib import settings
from lib.settings import Settings, SettingsError, load, secrets_from_files

TOKEN = "tok_5dF-secret-8812"


def mistakes_of(**environment: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(environment, {})
    assert str(caught.value) == " ".join(caught.value.mistakes)
    return caught.value.mistakes


def test_nothing_configured_is_the_demo() -> None:
    assert load({}, {}) == Settings()
    assert load({}, {}).is_demo


def test_a_token_makes_it_real() -> None:
    configured = load({"CHATBOTX_TOKEN": f" {TOKEN}\n"}, {})
    assert configured.token == TOKEN
    assert not configured.is_demo


def test_everything_may_be_configured() -> None:
    configured = load(
        {
            "CHATBOTX_TOKEN": TOKEN,
            "CHATBOTX_BASE_URL": "https://chat.example.com/platform/api/",
            "CHATBOTX_TIMEZONE": "America/Sao_Paulo",
            "CHATBOTX_BASIS": "createdAt",
            "CHATBOTX_DEFAULT_REGION": "br",
            "CHATBOTX_LOCALE": "pt-BR",
            "CHATBOTX_REFRESH_MINUTES": "7.5",
            "CHATBOTX_SNAPSHOT_DIR": "/var/lib/dashboard",
            "CHATBOTX_CONNECTIONS": "8",
            "CHATBOTX_REQUESTS_PER_10S": "50",
            "CHATBOTX_MAX_MINUTES": "90",
        },
        {},
    )
    assert configured == Settings(
        token=TOKEN,
        base_url="https://chat.example.com/platform/api",
        timezone="America/Sao_Paulo",
        basis="createdAt",
        default_region="BR",
        locale="pt_BR",
        refresh_minutes=7.5,
        snapshot_dir=Path("/var/lib/dashboard"),
        connections=8,
        requests_per_10s=50,
        max_minutes=90,
    )


@pytest.mark.parametrize("text", ["english", "xx", "pt_BR_x_y_z", "../de", "1"])
def test_a_locale_that_nobody_speaks_is_refused(text: str) -> None:
    assert mistakes_of(CHATBOTX_LOCALE=text) == (
        "CHATBOTX_LOCALE is not a locale: write one like en, pt-BR or de.",
    )


def test_the_environment_wins_over_secrets() -> None:
    secrets = {"CHATBOTX_TIMEZONE": "Europe/Lisbon", "CHATBOTX_BASIS": "createdAt"}
    configured = load({"CHATBOTX_TIMEZONE": "Asia/Tokyo"}, secrets)
    assert (configured.timezone, configured.basis) == ("Asia/Tokyo", "createdAt")


def test_a_variable_that_is_blank_does_not_win() -> None:
    configured = load({"CHATBOTX_TIMEZONE": "  "}, {"CHATBOTX_TIMEZONE": "Europe/Lisbon"})
    assert configured.timezone == "Europe/Lisbon"


def test_secrets_may_be_numbers() -> None:
    assert load({}, {"CHATBOTX_CONNECTIONS": 6, "CHATBOTX_MAX_MINUTES": 2.5}).connections == 6


def test_what_belongs_to_others_is_left_alone() -> None:
    configured = load({"PATH": "/bin", "STREAMLIT_SERVER_PORT": "80"}, {"auth": {"client_id": "x"}})
    assert configured == Settings()


def test_a_region_may_be_none() -> None:
    assert load({"CHATBOTX_DEFAULT_REGION": "none"}, {}).default_region is None


NO_TOKEN = "holds characters that no token has: copy it again from ChatbotX."
NO_ADDRESS = "is not a web address: write it like https://app.chatbotx.io/api."
MORE_THAN_AN_ADDRESS = "may hold only a host and a path, like https://app.chatbotx.io/api."
UNPROTECTED = "must begin with https://, or the token would travel unprotected."
NO_ZONE = "is not a time zone: write an IANA name like America/Sao_Paulo."
NO_BASIS = "must be auto, subscribedAt or createdAt."
NO_REGION = "must be a two-letter country code like BR, or none."

WRONG = {
    ("TOKEN", NO_TOKEN): ["two words", "tok\ten", "tøken", "a\x00b"],
    ("BASE_URL", NO_ADDRESS): [
        "app.chatbotx.io/api",
        "ftp://app.chatbotx.io/api",
        "https://",
        "https:///api",
        "https://exa mple.com/api",
        "https://exa..mple.com/api",
        "https://[::1/api",
        "https://chat.example.com:port/api",
    ],
    ("BASE_URL", MORE_THAN_AN_ADDRESS): [
        "https://ana:geheim@chat.example.com/api",
        "https://chat.example.com/api?token=geheim",
        "https://chat.example.com/api#geheim",
    ],
    ("BASE_URL", UNPROTECTED): [
        "http://chat.example.com/api",
        "http://192.168.1.7/api",
        "http://127.0.0.1.chat.example.com/api",
        "HTTP://chat.example.com/api",
    ],
    ("TIMEZONE", NO_ZONE): ["Sao Paulo", "UTC+3", "america/sao_paulo", "../etc/passwd"],
    ("BASIS", NO_BASIS): ["created", "subscribedat", "AUTO"],
    ("DEFAULT_REGION", NO_REGION): ["Brazil", "XX", "BRA", "55"],
    ("REFRESH_MINUTES", "must be a number of minutes from 1 to 10080."): [
        *("0", "-5", "often", "nan", "inf", "20000")
    ],
    ("CONNECTIONS", "must be a number of connections from 1 to 16."): [
        *("0", "17", "4.5", "many", "1e1")
    ],
    ("REQUESTS_PER_10S", "must be a number of requests from 1 to 10000."): ["0", "10001", "fast"],
    ("MAX_MINUTES", "must be a number of minutes from 0.1 to 1440."): ["0", "1441", "nan"],
}


@pytest.mark.parametrize(
    ("name", "sentence", "value"),
    [(*what, value) for what, values in WRONG.items() for value in values],
)
def test_a_mistake_is_one_sentence_that_names_the_key_and_not_the_value(
    name: str, sentence: str, value: str
) -> None:
    key = f"CHATBOTX_{name}"
    assert mistakes_of(**{key: value}) == (f"{key} {sentence}",)


def test_all_mistakes_are_told_at_once() -> None:
    mistakes = mistakes_of(CHATBOTX_BASIS="x", CHATBOTX_CONNECTIONS="x", CHATBOTX_TIMEZONE="UTC")
    assert [mistake.split()[0] for mistake in mistakes] == [
        "CHATBOTX_BASIS",
        "CHATBOTX_CONNECTIONS",
    ]


@pytest.mark.parametrize(
    "base_url",
    [
        "http://localhost:3000/api",
        "http://127.0.0.1:3000/api",
        "http://127.8.8.8/api",
        "http://[::1]:3000/api",
        "https://chat.example.com",
        "https://chat.example.com:8443/api",
        "https://chät.example.com/api",
        "https://192.168.1.7/api",
    ],
)
def test_an_address_that_keeps_the_token_safe_is_taken(base_url: str) -> None:
    assert load({"CHATBOTX_BASE_URL": base_url}, {}).base_url == base_url


def test_an_address_is_written_in_one_way() -> None:
    configured = load({"CHATBOTX_BASE_URL": "HTTPS://chat.example.com/api//"}, {})
    assert configured.base_url == "https://chat.example.com/api"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("CHATBOTX_TOKN", "Did you mean CHATBOTX_TOKEN?"),
        ("CHATBOTX_BASEURL", "Did you mean CHATBOTX_BASE_URL?"),
        ("CHATBOTX_WORKSPACE_COLOUR", "CHATBOTX_SNAPSHOT_DIR"),
    ],
)
def test_a_key_that_is_none_of_ours_is_noted_with_a_hint(key: str, hint: str) -> None:
    (note,) = load({key: TOKEN}, {}).notes
    assert note.startswith(f"{key} is not a setting")
    assert hint in note
    assert TOKEN not in note


def test_the_token_is_in_no_representation() -> None:
    configured = load({"CHATBOTX_TOKEN": TOKEN}, {})
    assert TOKEN not in repr(configured)
    assert TOKEN not in str(configured)


class TestSecretsFiles:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "secrets.toml"

    def test_a_file_is_read(self, file: Path) -> None:
        file.write_text(f'CHATBOTX_TOKEN = "{TOKEN}"\nCHATBOTX_CONNECTIONS = 6\n[auth]\nx = 1\n')
        configured = load({}, secrets_from_files((file,)))
        assert (configured.token, configured.connections) == (TOKEN, 6)

    def test_a_file_that_is_not_there_is_no_mistake(self, file: Path) -> None:
        assert secrets_from_files((file,)) == {}

    def test_the_later_file_wins(self, file: Path, tmp_path: Path) -> None:
        file.write_text('CHATBOTX_BASIS = "createdAt"\nCHATBOTX_CONNECTIONS = 6\n')
        later = tmp_path / "later.toml"
        later.write_text('CHATBOTX_BASIS = "subscribedAt"\n')
        assert secrets_from_files((file, later)) == {
            "CHATBOTX_BASIS": "subscribedAt",
            "CHATBOTX_CONNECTIONS": 6,
        }

    @pytest.mark.parametrize(
        "content",
        [f"CHATBOTX_TOKEN = {TOKEN}".encode(), f'CHATBOTX_TOKEN = "{TOKEN}'.encode(), b"\xff\xfe"],
        ids=["no quotes", "one quote", "no text"],
    )
    def test_a_file_that_is_no_toml_is_told_without_a_line_of_it(
        self, content: bytes, file: Path
    ) -> None:
        file.write_bytes(content)
        with pytest.raises(SettingsError) as caught:
            secrets_from_files((file,))
        (mistake,) = caught.value.mistakes
        assert mistake == f"{file} cannot be read as TOML: check its syntax."
        errors: list[Any] = [caught.value, caught.value.__cause__]
        assert not [error for error in errors if TOKEN in repr(error)]

    def test_a_folder_in_its_place_is_told(self, file: Path) -> None:
        file.mkdir()
        with pytest.raises(SettingsError):
            secrets_from_files((file,))

    def test_the_files_are_those_that_streamlit_reads(self) -> None:
        assert (
            Path.home() / ".streamlit/secrets.toml",
            Path(".streamlit/secrets.toml"),
        ) == settings.SECRETS_FILES
