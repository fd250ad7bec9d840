from __future__ import annotations

import socket

import pytest

from lib.engines.errors import EngineError
from lib.engines.spark import Spark
from lib.engines.where import in_memory
from tests.workspaces import tables_of


@pytest.fixture(autouse=True)
def engine() -> None:
    """Each test names the engine itself."""


# The client warns of what it then raises.
@pytest.mark.filterwarnings("ignore:.RETRIES_EXCEEDED")
def test_server_that_is_not_there_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"sc://127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(EngineError, match=r"^Spark cannot be reached: "):
            Spark(in_memory(tables_of()), address)
