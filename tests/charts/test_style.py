from __future__ import annotations

from collections.abc import Callable

from lib.charts.style import AMBER, CHANNEL_COLOURS, MOSS, RUST, channel_colour, percents, room_for
from lib.reference import formatting


def test_known_channels_can_be_told_apart_by_colour() -> None:
    colours = [channel_colour(key) for key in formatting.CHANNEL_NAMES]
    assert len(set(colours)) == len(colours)


def test_a_channel_that_is_new_to_us_has_the_same_colour_after_every_start() -> None:
    # Its bytes sum to 424, which is 1 modulo 3.
    assert channel_colour("line") == MOSS


def test_no_channel_has_the_colour_of_what_is_lost_or_late() -> None:
    assert RUST not in CHANNEL_COLOURS.values()


def test_a_channel_keeps_the_colour_that_people_know() -> None:
    assert channel_colour("webchat") == AMBER


def test_room_is_made_for_labels_by_their_width() -> None:
    assert room_for([]) < room_for(["Zalo"]) < room_for(["WhatsApp"]) < room_for(["Wholesale EMEA"])
    assert room_for(["北京市"]) > room_for(["abc"])
    assert room_for(["A &amp; B"]) == room_for(["A & B"])


def test_axes_of_shares_are_written_for_the_locale(set_locale: Callable[[str], None]) -> None:
    assert percents(0, 0.5, 1)["ticktext"] == ["0%", "50%", "100%"]
    set_locale("de")
    assert percents(0, 0.5, 1)["ticktext"] == ["0\xa0%", "50\xa0%", "100\xa0%"]
