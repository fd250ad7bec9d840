"""What the new contacts are made of that a click on a bar has left."""

import streamlit as st

from lib.insights import causes
from lib.query.view import View
from lib.reference import formatting
from lib.ui import cards

TITLE = "What is this made of?"


def show(view: View) -> None:
    """A line below the head of a page; nothing, where the whole audience is looked at."""
    told = causes.of_choice(view)
    if told is None:
        return
    with st.container(key="made-of"):
        st.markdown(
            f"**{TITLE}** {formatting.markdown(told)}",
            help="Tags, channels, sources and countries whose share differs most from the usual, "
            "and by more than chance explains. The usual are the other new contacts of the period; "
            "for days, those of the 8 weeks before.",
        )
    cards.note_points(TITLE, [formatting.markdown(told)])
