from __future__ import annotations

import pytest

from lib.chatbotx.tokens import workspace_id


def test_a_token_may_begin_with_the_id_of_its_workspace() -> None:
    assert workspace_id("2990000000000000002.k3J-secret") == "2990000000000000002"


@pytest.mark.parametrize(
    "token",
    [
        "secret",
        "2990000000000000002",
        "2990000000000000002.",
        ".secret",
        "0.secret",
        "299x.secret",
        "x299.secret",
        "12345678901234567890.secret",
        "\u0662\u0669.secret",
        "299.sec ret",
        "",
    ],
)
def test_any_other_token_is_not_looked_into(token: str) -> None:
    assert workspace_id(token) is None
