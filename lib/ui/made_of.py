"""Causes behind a chosen group of new contacts ("What is this made of?")."""

import streamlit as st

from lib.insights import causes
from lib.query.view import View
from lib.reference import escaping
from lib.ui import cards

TITLE = "What is this made of?"


def show(view: View) -> None:
    """Draw a line below the head of a page; nothing if no group is chosen."""
    sentence = causes.of_choice(view)
    if sentence is None:
        return
    with st.container(key="made-of"):
        st.markdown(
            f"**{TITLE}** {escaping.markdown(sentence)}",
            help="Tags, channels, sources and countries whose share differs most from the usual, "
            "and by more than chance explains. The usual are the other new contacts of the period; "
            "for days, those of the 8 weeks before.",
        )
    cards.note_points(TITLE, [escaping.markdown(sentence)])
