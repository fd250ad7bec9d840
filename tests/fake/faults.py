"""What may take the place of an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.fake.answers import Answer
from tests.fake.requests import RecordedRequest


@dataclass(frozen=True)
class Late:
    """The right answer, so many seconds later."""

    seconds: float


@dataclass(frozen=True)
class Dropped:
    """The connection is closed instead of an answer, by RST or in good order (FIN)."""

    reset: bool = True


@dataclass(frozen=True)
class CutShort:
    """The connection is closed after this share of the body that was announced.

    It is announced as the server does it, in chunks, or by a Content-Length.
    """

    share: float = 0.5
    chunked: bool = False


@dataclass(frozen=True)
class Garbled:
    """Status 200 and the right length, but the second half of the body is no JSON."""


@dataclass(frozen=True)
class Flood:
    """Status 200 and a JSON string that goes on for so many bytes, and is never closed."""

    size: int


@dataclass(frozen=True)
class Drip:
    """Status 200 and one blank after another, so many seconds apart, without end."""

    seconds: float = 0.05


Fault = Answer | Late | Dropped | CutShort | Garbled | Flood | Drip


def seeded_faults(
    seed: int, rate: float, kinds: Sequence[Fault], at_most_in_a_row: int
) -> Callable[[RecordedRequest], Fault | None]:
    """Let a share `rate` of the requests fail in one of the ways `kinds`, the same for one `seed`.

    One and the same question fails `at_most_in_a_row` times and is then answered, so a client that
    asks once more than that gets everything.
    """
    random = Random(f"faults {seed}")
    in_a_row: Counter[object] = Counter()

    def fault(request: RecordedRequest) -> Fault | None:
        question = (request.method, request.path, request.query, request.token)
        if random.random() >= rate or in_a_row[question] >= at_most_in_a_row:
            in_a_row[question] = 0
            return None
        in_a_row[question] += 1
        return random.choice(kinds)

    return fault
