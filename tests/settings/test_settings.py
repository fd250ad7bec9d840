from __future__ import annotations

import contextlib
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.settings import (
    PREFIX,
    Access,
    Configuration,
    Guests,
    Provider,
    SecretsOutOfReach,
    Settings,
    SettingsError,
    configuration,
    load,
    load_all,
    read_again,
    secrets_from_files,
)
from lib.settings.checks import DASHBOARD_SETTINGS, WORKSPACE_SETTINGS
from lib.settings.sign_in import ACCESS_KEYS
from lib.settings.sources import SECRETS_FILES
from lib.web.logs import secrets_in

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
            "CHATBOTX_ENGINE": "duckdb",
            "CHATBOTX_ENGINE_SECONDS": "90",
            "CHATBOTX_QUIET_MINUTES": "120",
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
        store="/var/lib/dashboard",
        connections=8,
        requests_per_10s=50,
        max_minutes=90,
        engine="duckdb",
        engine_seconds=90,
        quiet_minutes=120,
    )


@pytest.mark.parametrize("text", ["english", "xx", "pt_BR_x_y_z", "../de", "1"])
def test_an_unknown_locale_is_refused(text: str) -> None:
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
    (
        "ENGINE",
        "must be memory, duckdb, or the address of a Spark Connect server like "
        "sc://localhost:15002 or sc://spark.example.com:443/;use_ssl=true.",
    ): [
        "spark",
        "DuckDB",
        "sc://host",
        "sc://host:0",
        "sc://host:99999",
        "sc://h:1/a",
        "sc://h:1;a=b",
    ],
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


@pytest.mark.parametrize(
    ("engine", "package", "requirements"),
    [
        ("duckdb", "duckdb", "requirements-duckdb.txt"),
        ("sc://localhost:15002", "pyspark", "requirements-spark.txt"),
    ],
)
def test_an_engine_whose_packages_are_missing_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, engine: str, package: str, requirements: str
) -> None:
    monkeypatch.setattr(
        "lib.settings.checks.importlib.util.find_spec",
        lambda name: None if name == package else True,
    )
    assert mistakes_of(CHATBOTX_ENGINE=engine) == (
        "CHATBOTX_ENGINE needs packages that are not installed: pip install -r "
        f"{requirements}, then start again.",
    )


@pytest.mark.parametrize(
    "engine",
    [
        "sc://localhost:15002",
        "sc://localhost:15002/",
        "sc://[::1]:15002",
        "sc://spark.example.com:443/;use_ssl=true",
        "sc://dbc.example.com:443/;use_ssl=true;x-databricks-cluster-id=0123-456;user_id=a@b.io",
    ],
)
def test_address_of_a_spark_server_may_have_parameters(engine: str) -> None:
    assert load({"CHATBOTX_ENGINE": engine}, {}).engine == engine


@pytest.mark.parametrize("name", ["token", "Token"])
def test_token_of_a_spark_server_does_not_belong_into_its_address(name: str) -> None:
    mistakes = mistakes_of(CHATBOTX_ENGINE=f"sc://h.io:443/;use_ssl=true;{name}={TOKEN}")
    assert mistakes == (
        "CHATBOTX_ENGINE may not hold the token, which would be shown with it: write it as "
        "CHATBOTX_ENGINE_TOKEN.",
    )


def test_token_of_a_spark_server_is_not_in_what_is_printed() -> None:
    configured = load({}, {"CHATBOTX_ENGINE_TOKEN": TOKEN})
    assert configured.engine_token == TOKEN
    assert TOKEN not in repr(configured)
    assert TOKEN in secrets_in({"CHATBOTX_ENGINE_TOKEN": TOKEN})


def test_an_engine_may_be_that_of_one_workspace() -> None:
    table = {"sales": {"token": "a", "engine": "duckdb"}, "care": {"token": "b"}}
    found = load_all({}, {"workspaces": table}).workspaces
    assert [each.engine for each in found] == ["duckdb", "memory"]


def test_all_mistakes_are_reported_at_once() -> None:
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
        ("CHATBOTX_TIMEZON", "Did you mean CHATBOTX_TIMEZONE?"),
        ("CHATBOTX_WORKSPACE_COLOUR", "CHATBOTX_SNAPSHOT_DIR"),
    ],
)
def test_an_unknown_key_is_noted_with_a_hint(key: str, hint: str) -> None:
    (note,) = load({key: TOKEN}, {}).notes
    assert note.startswith(f"{key} is not a setting")
    assert hint in note
    assert TOKEN not in note


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("CHATBOTX_TOKN", "CHATBOTX_TOKEN"),
        ("CHATBOTX_BASEURL", "CHATBOTX_BASE_URL"),
        ("CHATBOTX_BASE_URI", "CHATBOTX_BASE_URL"),
    ],
)
def test_a_typo_that_would_send_the_token_elsewhere_or_show_the_demo_is_a_mistake(
    key: str, meant: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load({key: TOKEN}, {})
    assert caught.value.mistakes == (f"{key} is not a setting. Did you mean {meant}?",)


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
    def test_invalid_toml_is_reported_without_quoting_it(self, content: bytes, file: Path) -> None:
        file.write_bytes(content)
        with pytest.raises(SettingsError) as caught:
            secrets_from_files((file,))
        (mistake,) = caught.value.mistakes
        assert mistake == f"{file} cannot be read as TOML: check its syntax."
        errors: list[Any] = [caught.value, caught.value.__cause__]
        assert not [error for error in errors if TOKEN in repr(error)]

    def test_a_folder_in_place_of_the_file_is_reported(self, file: Path) -> None:
        file.mkdir()
        with pytest.raises(SecretsOutOfReach, match="cannot be read: it must be a file"):
            secrets_from_files((file,))

    def test_the_files_are_those_that_streamlit_reads(self) -> None:
        assert (
            Path.home() / ".streamlit/secrets.toml",
            Path(".streamlit/secrets.toml"),
        ) == SECRETS_FILES


AUTH = {
    "redirect_uri": "https://dashboard.example.com/oauth2callback",
    "cookie_secret": "0123456789abcdef0123456789abcdef",
    "client_id": "id",
    "client_secret": "geheim",
    "server_metadata_url": "https://accounts.example.com/.well-known/openid-configuration",
}
TWO = {"main": {"token": "tok-main"}, "sales": {"token": "tok-sales", "label": "Sales team"}}


def all_mistakes(secrets: dict[str, Any], environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_all(environment or {}, secrets)
    return list(caught.value.mistakes)


class TestWorkspaces:
    def test_without_tables_there_is_one_as_before(self) -> None:
        assert load_all({}, {}) == Configuration((Settings(),))
        (one,) = load_all({"CHATBOTX_TOKEN": TOKEN}, {}).workspaces
        assert one == load({"CHATBOTX_TOKEN": TOKEN}, {})

    def test_each_has_its_own_token_and_the_defaults_of_all(self) -> None:
        both = load_all(
            {"CHATBOTX_TIMEZONE": "Asia/Tokyo", "CHATBOTX_SNAPSHOT_DIR": "/var/lib/dashboard"},
            {
                "CHATBOTX_CONNECTIONS": 2,
                "workspaces": {
                    "main": {"token": "tok-main"},
                    "sales": {
                        "token": "tok-sales",
                        "label": "Sales team",
                        "base_url": "https://chat.example.com/api",
                        "timezone": "Europe/Lisbon",
                        "basis": "createdAt",
                        "default_region": "PT",
                        "connections": 8,
                    },
                },
            },
        )
        assert both.names == ("main", "sales")
        assert both.named("main") == Settings(
            token="tok-main",
            timezone="Asia/Tokyo",
            connections=2,
            store="/var/lib/dashboard/workspace-main",
            name="main",
            label="main",
        )
        assert both.named("sales") == Settings(
            token="tok-sales",
            base_url="https://chat.example.com/api",
            timezone="Europe/Lisbon",
            basis="createdAt",
            default_region="PT",
            connections=8,
            store="/var/lib/dashboard/workspace-sales",
            name="sales",
        )
        assert [each.label for each in both.workspaces] == ["main", "Sales team"]

    def test_one_of_them_is_loaded_by_name(self) -> None:
        assert load({}, {"workspaces": TWO}, "sales").token == "tok-sales"
        with pytest.raises(SettingsError):
            load({}, {"workspaces": TWO})
        with pytest.raises(SettingsError):
            load({}, {"workspaces": TWO}, "support")

    def test_a_token_outside_the_tables_is_a_mistake(self) -> None:
        (mistake,) = all_mistakes({"workspaces": TWO}, {"CHATBOTX_TOKEN": TOKEN})
        assert mistake.startswith("CHATBOTX_TOKEN belongs to one workspace")

    def test_a_token_that_was_pasted_twice_is_a_mistake(self) -> None:
        tables = {"main": {"token": TOKEN}, "sales": {"token": TOKEN, "base_url": "https://b.io"}}
        assert all_mistakes({"workspaces": tables}) == [
            "[workspaces.sales] token is that of [workspaces.main]: each workspace has its own."
        ]

    @pytest.mark.parametrize("table", [{}, {"token": ""}, {"token": "  "}, {"timezone": "UTC"}])
    def test_none_of_several_is_a_demo(self, table: dict[str, str]) -> None:
        assert all_mistakes({"workspaces": TWO | {"third": table}}) == [
            "[workspaces.third] token is missing: create one in ChatbotX."
        ]

    def test_a_label_that_is_taken_is_a_mistake(self) -> None:
        tables = TWO | {"third": {"token": "tok-third", "label": "Sales team"}}
        (mistake,) = all_mistakes({"workspaces": tables})
        assert mistake.startswith("[workspaces.third] label is that of [workspaces.sales]")

    @pytest.mark.parametrize(
        ("table", "mistake"),
        [
            ({"timezone": "geheim"}, f"timezone {NO_ZONE}"),
            ({"base_url": "http://geheim.example/api"}, f"base_url {UNPROTECTED}"),
            ({"basis": "geheim"}, f"basis {NO_BASIS}"),
            ({"default_region": "geheim"}, f"default_region {NO_REGION}"),
            ({"label": "geheim\n"}, None),
            ({"label": "geheim" * 20}, "label must be one line of at most 60 characters."),
            ({"connections": ["geheim"]}, "connections must be a text or a number."),
            ({"token": "geheim geheim"}, f"token {NO_TOKEN}"),
        ],
    )
    def test_a_mistake_names_the_table_and_the_key_and_not_the_value(
        self, table: dict[str, Any], mistake: str | None
    ) -> None:
        secrets = {"workspaces": TWO | {"third": {"token": "tok-third"} | table}}
        if mistake is None:
            assert load_all({}, secrets).named("third").label == "geheim"
        else:
            assert all_mistakes(secrets) == [f"[workspaces.third] {mistake}"]

    @pytest.mark.parametrize("name", ["Sales", "sales team", "", "../etc", "a" * 41, "é"])
    def test_a_name_must_fit_into_a_link(self, name: str) -> None:
        (mistake,) = all_mistakes({"workspaces": {name: {"token": "tok"}}})
        assert mistake.startswith(f"[workspaces.{name}] must have a name")

    @pytest.mark.parametrize("tables", ["geheim", [], {}, {"token": "geheim"}])
    def test_a_value_in_place_of_a_table_is_reported(self, tables: Any) -> None:
        (mistake,) = all_mistakes({"workspaces": tables})
        assert "[workspaces.token]" in mistake or "[workspaces.sales]" in mistake
        assert "geheim" not in mistake

    def test_an_unknown_key_is_noted_in_its_workspace(self) -> None:
        tables = TWO | {"third": {"token": "tok-third", "timezon": "geheim"}}
        configured = load_all({}, {"workspaces": tables})
        assert configured.named("third").notes == (
            "[workspaces.third] timezon is not a setting and is ignored. Did you mean timezone?",
        )
        assert not configured.notes
        assert not configured.named("main").notes

    def test_strangers_do_not_learn_the_names_of_workspaces(self) -> None:
        with pytest.raises(SettingsError) as caught:
            load_all(
                {"CHATBOTX_BASIS": "x"},
                {
                    "workspaces": {"acme-merger": {"token": "t", "timezone": "x"}},
                    "access": {"workspaces": {"acme-merger": ["x"]}},
                },
            )
        assert len(caught.value.mistakes) == 3
        shown = caught.value.for_strangers
        assert f"CHATBOTX_BASIS {NO_BASIS}" in shown
        assert "acme" not in " ".join(shown)
        assert len(shown) == 2

    def test_no_token_is_in_a_representation(self) -> None:
        assert "tok-" not in repr(load_all({}, {"workspaces": TWO}))


class TestAccess:
    def test_by_default_nobody_signs_in_and_nothing_is_open(self) -> None:
        assert load_all({}, {}).access == Access()

    def test_everything_may_be_configured(self) -> None:
        access = load_all(
            {},
            {
                "auth": AUTH,
                "workspaces": TWO,
                "access": {
                    "emails": ["Ana@Example.com "],
                    "domains": ["Partner.Example"],
                    "workspaces": {"sales": ["gus@sales.example", "team.example"]},
                    "contact": "Olga <olga@example.com>",
                    "hours": 8,
                },
            },
        ).access
        assert access == Access(
            providers=(Provider("", "id", "https://accounts.example.com"),),
            guests=Guests(frozenset({"ana@example.com"}), frozenset({"partner.example"})),
            own_guests=(("sales", Guests.of(["gus@sales.example", "team.example"])),),
            contact="Olga <olga@example.com>",
            hours=8,
            redirect_uri=AUTH["redirect_uri"],
        )

    @pytest.mark.parametrize("value", ["yes", "YES", "true", True])
    def test_the_operator_may_open_it(self, value: Any) -> None:
        assert load_all({}, {"access": {"open": value}}).access.is_open
        assert load_all({"CHATBOTX_OPEN_ACCESS": str(value)}, {}).access.is_open
        assert load_all({}, {"CHATBOTX_OPEN_ACCESS": value}).access.is_open

    @pytest.mark.parametrize("value", ["no", "false", False])
    def test_no_is_no(self, value: Any) -> None:
        assert not load_all({}, {"access": {"open": value}}).access.is_open
        assert not load_all({"CHATBOTX_OPEN_ACCESS": str(value)}, {}).access.is_open

    def test_the_environment_wins_over_the_table(self) -> None:
        shut = load_all({"CHATBOTX_OPEN_ACCESS": "no"}, {"access": {"open": True}})
        assert not shut.access.is_open

    def test_it_is_no_setting_of_a_workspace(self) -> None:
        assert load({"CHATBOTX_OPEN_ACCESS": "yes"}, {}) == Settings()
        assert not load({"CHATBOTX_OPEN_ACCESS": "yes"}, {}).notes

    @pytest.mark.parametrize("value", ["geheim", "1", "on"])
    def test_a_value_other_than_yes_or_no_is_a_mistake(self, value: str) -> None:
        assert all_mistakes({"access": {"open": value}}) == ["[access] open must be yes or no."]
        assert all_mistakes({}, {"CHATBOTX_OPEN_ACCESS": value}) == [
            "CHATBOTX_OPEN_ACCESS must be yes or no."
        ]

    @pytest.mark.parametrize(
        ("secrets", "environment"),
        [({"access": {"open": True}}, {}), ({}, {"CHATBOTX_OPEN_ACCESS": "yes"})],
    )
    def test_open_access_excludes_sign_in(
        self, secrets: dict[str, Any], environment: dict[str, str]
    ) -> None:
        (mistake,) = all_mistakes(secrets | {"auth": AUTH}, environment)
        assert "remove one of them" in mistake

    @pytest.mark.parametrize(
        ("table", "mistake"),
        [
            ({"emails": "geheim@example.com"}, "[access] emails must be a list of addresses"),
            ({"emails": ["geheim"]}, "[access] emails must be a list of addresses"),
            ({"emails": ["geheim.example"]}, "[access] emails must be a list of addresses"),
            ({"emails": ["gehéim@example.com"]}, "[access] emails must be a list of addresses"),
            ({"domains": ["ana@geheim.example"]}, "[access] domains must be a list of domains"),
            ({"domains": ["@geheim.example"]}, "[access] domains must be a list of domains"),
            ({"domains": [7]}, "[access] domains must be a list of domains"),
            ({"workspaces": ["geheim"]}, "[access.workspaces] must be a table."),
            ({"workspaces": {"main": "geheim"}}, "[access.workspaces] main must be a list"),
            ({"workspaces": {"slaes": []}}, "[access.workspaces] slaes is none of"),
            ({"email": ["geheim@example.com"]}, "[access] email is not a setting. Did you mean"),
            ({"contact": "geheim" * 50}, "[access] contact must be one line"),
            ({"hours": "geheim"}, "[access] hours must be a number of hours"),
            ({"hours": 0}, "[access] hours must be a number of hours"),
            ({"issuer": "http://geheim.example"}, "[access] issuer must be the address"),
            ("geheim", "[access] must be a table."),
        ],
    )
    def test_a_typo_is_a_mistake_and_never_opens_anything(self, table: Any, mistake: str) -> None:
        (told,) = all_mistakes({"auth": AUTH, "workspaces": TWO, "access": table})
        assert told.startswith(mistake)
        assert "geheim" not in told

    def test_lists_of_workspaces_need_workspaces(self) -> None:
        (mistake,) = all_mistakes({"auth": AUTH, "access": {"workspaces": {"main": []}}})
        assert "there are no [workspaces]" in mistake

    def test_invitations_without_a_sign_in_are_pointed_out(self) -> None:
        (note,) = load_all({}, {"access": {"domains": ["example.com"]}}).notes
        assert "no [auth]" in note


class TestAuth:
    @pytest.mark.parametrize(
        ("changes", "mistake"),
        [
            ({"redirect_uri": "https://geheim.example/"}, "[auth] redirect_uri must be"),
            (
                {"redirect_uri": "http://geheim.example/oauth2callback"},
                "[auth] redirect_uri must be",
            ),
            ({"cookie_secret": "geheim"}, "[auth] cookie_secret must be a random text"),
            ({"client_id": ""}, "[auth] client_id is missing"),
            ({"client_secret": 7}, "[auth] client_secret is missing"),
            (
                {"client_secret": "", "client_secrt": "geheim"},
                "[auth] client_secret is missing: your provider gives it. Is it client_secrt?",
            ),
            ({"server_metadata_url": "http://geheim.example/x"}, "[auth] server_metadata_url must"),
        ],
    )
    def test_anything_that_would_fail_or_be_unsafe_is_reported_at_once(
        self, changes: dict[str, Any], mistake: str
    ) -> None:
        (told,) = all_mistakes({"auth": AUTH | changes})
        assert told.startswith(mistake)
        assert "geheim" not in told

    def test_an_empty_table_is_reported_key_by_key(self) -> None:
        assert [mistake.split()[1] for mistake in all_mistakes({"auth": {}})] == [
            *("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
        ]

    def test_streamlit_may_put_its_port_into_the_address(self) -> None:
        local = {"redirect_uri": "http://localhost:{port}/oauth2callback"}
        assert load_all({}, {"auth": AUTH | local}).access.redirect_uri == local["redirect_uri"]

    def test_providers_may_have_names(self) -> None:
        shared = {key: AUTH[key] for key in ("redirect_uri", "cookie_secret")}
        own = {key: AUTH[key] for key in AUTH if key not in shared}
        secrets = {"auth": shared | {"google": own, "okta": own}}
        assert names_of_providers(secrets) == ["google", "okta"]
        assert names_of_providers({"auth": AUTH | {"okta": own}}) == ["", "okta"]

    def test_other_options_of_a_provider_are_no_provider(self) -> None:
        options = {"client_kwargs": {"prompt": "login"}}
        assert names_of_providers({"auth": AUTH | options}) == [""]

    def test_the_issuer_is_that_of_the_document_s_url_unless_configured(self) -> None:
        (provider,) = load_all({}, {"auth": AUTH}).access.providers
        assert (provider.issuer, provider.client_id) == ("https://accounts.example.com", "id")
        named = {"auth": AUTH, "access": {"issuer": "https://sso.example.com/realms/x"}}
        (provider,) = load_all({}, named).access.providers
        assert provider.issuer == "https://sso.example.com/realms/x"


def names_of_providers(secrets: dict[str, Any]) -> list[str]:
    return [provider.name for provider in load_all({}, secrets).access.providers]


class TestKey:
    def test_the_operator_may_set_it(self) -> None:
        key = "c2FtcGxlLWtleS1mb3ItdGVzdHM"
        configured = load_all({"CHATBOTX_ACCESS_KEY": key, "CHATBOTX_TOKEN": TOKEN}, {})
        assert configured.access.key == key
        assert key not in repr(configured)
        assert load_all({}, {}).access.key is None

    @pytest.mark.parametrize("key", ["geheim", "geheim " * 5, "geheim&x=1234567890123456"])
    def test_a_key_that_could_be_guessed_or_spelt_in_several_ways_is_a_mistake(
        self, key: str
    ) -> None:
        (mistake,) = all_mistakes({"CHATBOTX_ACCESS_KEY": key})
        assert mistake.startswith("CHATBOTX_ACCESS_KEY must be a random text of at least 20")
        assert "geheim" not in mistake

    def test_with_sign_in_the_key_is_not_used(self) -> None:
        (note,) = load_all({"CHATBOTX_ACCESS_KEY": "x" * 20}, {"auth": AUTH}).notes
        assert note == "CHATBOTX_ACCESS_KEY is not used: people sign in by [auth]."


class TestTables:
    @pytest.mark.parametrize(
        ("name", "meant"), [("acces", "access"), ("workspace", "workspaces"), ("Auth", "auth")]
    )
    def test_a_table_with_almost_our_name_is_pointed_out(self, name: str, meant: str) -> None:
        (note,) = load_all({}, {name: {"x": 1}}).notes
        assert note == f"[{name}] is not a setting and is ignored. Did you mean [{meant}]?"

    def test_tables_of_others_are_ignored(self) -> None:
        assert not load_all({}, {"connections": {"sql": {"url": "x"}}, "theme": {}}).notes

    def test_a_setting_that_slipped_into_one_is_pointed_out(self) -> None:
        (note,) = load_all({}, {"auth": AUTH | {"CHATBOTX_TOKEN": TOKEN}}).notes
        assert note == "[auth] CHATBOTX_TOKEN is ignored there: write it above the first table."


class TestStore:
    def test_it_is_a_folder_or_a_bucket_with_options(self) -> None:
        options = {"aws_region": "eu-central-1", "aws_allow_http": True}
        configured = load({"CHATBOTX_STORE": "s3://numbers/audience/"}, {"store": options})
        assert configured.store == "s3://numbers/audience"
        assert configured.store_folder is None
        assert configured.store_options == (
            ("aws_region", "eu-central-1"),
            ("aws_allow_http", "true"),
        )
        assert load({"CHATBOTX_STORE": "/var/lib/dashboard/"}, {}).store_folder == Path(
            "/var/lib/dashboard"
        )

    def test_the_older_name_still_works_and_the_newer_one_wins(self) -> None:
        assert load({"CHATBOTX_SNAPSHOT_DIR": "/data"}, {}).store == "/data"
        both = {"CHATBOTX_SNAPSHOT_DIR": "/data", "CHATBOTX_STORE": "gs://numbers"}
        assert load(both, {}).store == "gs://numbers"

    @pytest.mark.parametrize(
        "store", ["https://geheim.example", "s3://", "s3://key:geheim@bucket", "s3://bucket?x=1"]
    )
    def test_another_address_is_a_mistake(self, store: str) -> None:
        (mistake,) = mistakes_of(CHATBOTX_STORE=store)
        assert mistake.startswith("CHATBOTX_STORE must be a folder, or the address of a bucket")
        assert "geheim" not in mistake

    @pytest.mark.parametrize(
        ("table", "mistake"),
        [("geheim", "[store] must be a table"), ({"x": ["geheim"]}, "[store] x must be a text")],
    )
    def test_options_are_texts_and_numbers(self, table: Any, mistake: str) -> None:
        (told,) = all_mistakes({"store": table})
        assert told.startswith(mistake)
        assert "geheim" not in told

    def test_an_option_is_in_no_representation(self) -> None:
        configured = load_all({}, {"store": {"aws_secret_access_key": TOKEN}})
        assert TOKEN not in repr(configured)


class TestResults:
    def test_they_take_200_megabytes_or_what_the_operator_says(self) -> None:
        assert load_all({}, {}).results_mb == 200
        assert load_all({"CHATBOTX_RESULTS_MB": "50"}, {}).results_mb == 50

    def test_how_many_workspaces_are_fetched_at_once_may_be_set(self) -> None:
        assert load_all({}, {}).crawls_at_once == 4
        assert load_all({"CHATBOTX_CRAWLS_AT_ONCE": "2"}, {}).crawls_at_once == 2

    @pytest.mark.parametrize("text", ["0", "9", "-5", "many", "1e9", "1.5"])
    def test_anything_else_is_a_mistake(self, text: str) -> None:
        with pytest.raises(SettingsError, match="CHATBOTX_RESULTS_MB must be a number of megaby"):
            load_all({"CHATBOTX_RESULTS_MB": text}, {})


class TestFrameAncestors:
    def test_by_default_only_pages_of_our_own_origin_may_show_it(self) -> None:
        assert load_all({}, {}).frame_ancestors == "'self'"

    def test_the_operator_names_others_or_nobody(self) -> None:
        named = {"CHATBOTX_FRAME_ANCESTORS": "https://intranet.example.com https://*.example.org"}
        assert load_all(named, {}).frame_ancestors == (
            "'self' https://intranet.example.com https://*.example.org"
        )
        assert load_all({"CHATBOTX_FRAME_ANCESTORS": "none"}, {}).frame_ancestors == "'none'"

    @pytest.mark.parametrize(
        "text",
        ["*", "example.com", "https://a.example/path", "https:", "a; script-src *", "'unsafe'"],
    )
    def test_a_value_that_is_no_origin_is_a_mistake(self, text: str) -> None:
        (mistake,) = all_mistakes({}, {"CHATBOTX_FRAME_ANCESTORS": text})
        assert mistake.startswith("CHATBOTX_FRAME_ANCESTORS must be none, or web addresses")


def test_a_workspace_may_have_bots_that_do_not_answer() -> None:
    tables = {"main": {"token": "tok-main"}, "sales": {"token": "tok-sales", "bot_answers": False}}
    configured = load_all({}, {"workspaces": tables})
    assert [each.bot_answers for each in configured.workspaces] == [True, False]
    assert not load({"CHATBOTX_BOT_ANSWERS": "no"}, {}).bot_answers


class TestConfiguration:
    @pytest.fixture(autouse=True)
    def clean(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            monkeypatch.delenv(name)
        monkeypatch.setattr("lib.settings.sources.SECRETS_FILES", ())
        read_again()
        yield
        read_again()

    def test_an_edit_takes_effect_at_the_next_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHATBOTX_TIMEZONE", "Asia/Tokyo")
        started = configuration()
        monkeypatch.setenv("CHATBOTX_TIMEZONE", "Europe/Lisbon")
        assert configuration() is started
        read_again()
        assert configuration().workspaces[0].timezone == "Europe/Lisbon"

    def test_mistakes_stay_until_the_next_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHATBOTX_TIMEZONE", "Mars")
        with pytest.raises(SettingsError) as first:
            configuration()
        monkeypatch.delenv("CHATBOTX_TIMEZONE")
        with pytest.raises(SettingsError) as second:
            configuration()
        assert first.value.mistakes == second.value.mistakes
        assert first.value is not second.value


def test_the_example_documents_every_key_and_is_right() -> None:
    text = (Path(__file__).parents[2] / ".streamlit/secrets.example.toml").read_text("utf-8")
    keys = re.sub(r"^# (?=\[[\w.]+\]$|\w+ = )", "", text, flags=re.MULTILINE)
    numbers = iter(range(100))
    filled = re.sub(r' = ""', lambda _: f' = "{next(numbers):032}"', keys)
    secrets = tomllib.loads(filled)
    for key in ("TOKEN", "OPEN_ACCESS", "ACCESS_KEY"):  # these exclude the tables below
        assert secrets.pop(f"CHATBOTX_{key}")
    configured = load_all({}, secrets)
    assert configured.names == ("main", "sales")
    assert not configured.notes
    for name in (*WORKSPACE_SETTINGS, *DASHBOARD_SETTINGS, *ACCESS_KEYS):
        assert name in keys.lower(), name


values = st.recursive(
    st.text() | st.integers() | st.floats() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["workspaces", "access", "auth", "main", "token", "label", "emails", "domains", "open"]
keys = st.sampled_from([*KEYS, "hours", "contact", "CHATBOTX_TOKEN", "CHATBOTX_TIMEZONE"])
tables = st.recursive(
    values, lambda inner: st.dictionaries(keys | st.text(), inner, max_size=4), max_leaves=12
)


@given(st.dictionaries(keys, tables))
def test_any_secrets_give_a_configuration_or_a_list_of_mistakes(
    secrets: dict[str, Any],
) -> None:
    for read in (load, load_all):
        with contextlib.suppress(SettingsError):
            read({}, secrets)
