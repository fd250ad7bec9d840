from dataclasses import replace
from itertools import permutations

import pytest

from lib.metrics.audience import by_tag
from lib.metrics.opt_in import opt_in
from lib.metrics.tags import effects, overlaps
from lib.reference.rates import Rate
from tests.engines.answering import engine_of
from tests.workspaces import Json, ask, contact, on, tables_of, tagged, terms

LONG_AGO = "2020-02-01T00:00:00.000Z"


def pairs(*contacts: Json) -> list[list[object]]:
    return overlaps(ask(*contacts)).to_numpy().tolist()


class TestOverlaps:
    def test_jaccard_is_those_with_both_among_those_with_either(self) -> None:
        both, only_a = contact(tagged("601", "602")), contact(tagged("601"))

        assert pairs(both, only_a, only_a, contact()) == [["601", "602", 1, 3, 1 / 3]]

    def test_tags_that_always_go_together_have_jaccard_1(self) -> None:
        assert pairs(contact(tagged("601", "602")))[0][-1] == 1

    def test_tags_that_never_meet_are_no_pair(self) -> None:
        assert pairs(contact(tagged("601")), contact(tagged("602"))) == []

    def test_blocked_contacts_do_not_count(self) -> None:
        assert pairs(contact(tagged("601", "602"), blockedAt=LONG_AGO)) == []

    def test_contact_with_many_tags_has_every_pair_of_them(self) -> None:
        tags = ["601", "602", "603", "604"]

        assert {(a, b) for a, b, *_ in pairs(contact(tagged(*tags)))} == {
            (a, b) for a in tags for b in tags if a < b
        }

    @pytest.mark.parametrize("order", list(permutations(["601", "602", "1001"])), ids="-".join)
    def test_order_in_which_a_contact_has_its_tags_does_not_matter(
        self, order: tuple[str, ...]
    ) -> None:
        assert pairs(contact(tagged(*order))) == [
            ["1001", "601", 1, 1, 1],
            ["1001", "602", 1, 1, 1],
            ["601", "602", 1, 1, 1],
        ]

    def test_order_of_the_rows_in_the_table_of_links_does_not_matter(self) -> None:
        tables = tables_of(contact(tagged("601", "602")), contact(tagged("601", "602")))
        shuffled = replace(tables, contact_tags=tables.contact_tags.iloc[[0, 2, 1, 3]])

        assert overlaps(engine_of(shuffled))["both"].to_list() == [2]

    def test_pairs_are_by_size(self) -> None:
        contacts = [tagged("601", "602"), tagged("602", "603"), tagged("602", "603")]

        assert [both for _, _, both, *_ in pairs(*contacts)] == [2, 1]

    def test_same_tag_twice_is_one(self) -> None:
        assert pairs(contact(tagged("601", "601"))) == []

    def test_of_no_contacts_are_none(self) -> None:
        assert pairs() == []


class TestEffects:
    def test_compare_those_with_the_tag_with_all_others(self) -> None:
        tables = ask(
            contact(on("sms"), tagged("601"), broadcastSubscribedAt=LONG_AGO),
            contact(on("sms"), tagged("601")),
            contact(on("sms"), broadcastSubscribedAt=LONG_AGO),
            contact(on("sms")),
            contact(on("sms")),
            contact(tagged("601")),
        )

        (effect,) = effects(by_tag(tables, terms()), opt_in(tables).broadcast)

        assert effect.tag_id == "601"
        assert (effect.difference.of, effect.difference.to) == (Rate(1, 2), Rate(1, 3))

    def test_of_a_tag_that_all_have_is_absent(self) -> None:
        tables = ask(contact(on("sms"), tagged("601")))

        (effect,) = effects(by_tag(tables, terms()), opt_in(tables).broadcast)

        assert (effect.difference.value, effect.difference.interval) == (None, None)

    def test_untagged_is_no_tag(self) -> None:
        tables = ask(contact(on("sms")))

        assert effects(by_tag(tables, terms()), opt_in(tables).broadcast) == []
