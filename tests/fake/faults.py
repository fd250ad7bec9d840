"""Faults that can replace an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.fake.answers import Answer
from tests.fake.requests import RecordedRequest


@dataclass(frozen=True)
class Late:
    """The right answer, delayed by so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Dropped:
    """The connection is closed instead of answering, by RST or gracefully (FIN)."""

    reset: bool = True


@dataclass(frozen=True)
class CutShort:
    """The connection is closed after this share of the announced body.

    The body is announced as chunked, as on the server, or by a Content-Length.
    """

    share: float = 0.5
    chunked: bool = False


@dataclass(frozen=True)
class Garbled:
    """Status 200 and the right length, but the second half of the body is not JSON."""


@dataclass(frozen=True)
class Flood:
    """Status 200 and an unterminated JSON string of so many bytes."""

    size: int


@dataclass(frozen=True)
class Drip:
    """Status 200 and an endless sequence of blanks, so many seconds apart."""

    seconds: float = 0.05


Fault = Answer | Late | Dropped | CutShort | Garbled | Flood | Drip


def seeded_faults(
    seed: int, rate: float, kinds: Sequence[Fault], at_most_in_a_row: int
) -> Callable[[RecordedRequest], Fault | None]:
    """Fail a fraction `rate` of the requests with one of `kinds`, reproducibly for each `seed`.

    The same request fails at most `at_most_in_a_row` times and is then answered, so a client with
    one more attempt than that gets everything.
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
