"""The table of a walk by pages is like a dictionary, a counter, and a set for each pass."""

from __future__ import annotations

from collections import Counter
from random import Random

from lib.chatbotx.page_walk import READINGS, missing_estimate
from lib.chatbotx.sightings import Sightings


def test_it_is_a_dictionary_of_versions() -> None:
    known, plain, random = Sightings(), dict[str, int](), Random(1)
    for _ in range(20_000):
        contact, version = str(random.randrange(5_000)), random.randrange(-(2**63), 2**63)
        assert known.get(contact) == plain.get(contact)
        known[contact] = plain[contact] = version
    assert len(known) == len(plain)
    assert all(known.get(contact) == version for contact, version in plain.items())


def test_it_counts_the_passes_in_which_a_contact_came() -> None:
    known, times, random = Sightings(), Counter[str](), Random(1)
    before: set[str] = set()
    for _ in range(READINGS):
        known.begin_pass()
        now = {str(random.randrange(3_000)) for _ in range(2_000)}
        for contact in now:
            known[contact] = 7
            assert not known.came(contact)
            known.note(contact)
            known.note(contact)  # twice on two pages
            assert known.came(contact)
        times.update(now)
        assert known.found == len(now)
        assert known.found_again == len(now & before)
        before = now
    assert len(known) == len(times)
    for passes in range(1, READINGS + 1):
        assert known.came_times(passes) == sum(each == passes for each in times.values())


def test_contacts_that_came_once_suggest_others_that_never_came() -> None:
    """Chao: ten of them and one that came twice, 10 · 9 / (2 · 2) = 22.5."""
    known = Sightings()
    for contacts in (range(6), range(5, 11)):
        known.begin_pass()
        for contact in contacts:
            known[str(contact)] = 7
            known.note(str(contact))
    assert missing_estimate(known) == 23
