"""Can I trust this?"""

import pandas as pd
import streamlit as st

from lib.metrics import opt_in
from lib.outputs import page_file
from lib.query.view import View
from lib.reference import formatting, glossary
from lib.ui import cards


def show(view: View) -> None:
    snapshot, terms = view.snapshot, view.terms
    verdict = snapshot.verdict
    contacts = snapshot.tables.contacts
    total = len(contacts)

    sentence = (
        f"All **{formatting.counted(total, 'contact')}** that existed at "
        f"{formatting.markdown(formatting.moment(snapshot.as_of, terms.timezone))} are here, each "
        f"exactly once."
        if verdict.complete
        else f"**{formatting.counted(total, 'contact')}** are here, but some may be missing: "
        + formatting.markdown(" ".join(verdict.warnings))
    )
    if snapshot.unreadable:
        sentence += f" {formatting.counted(snapshot.unreadable, 'value')} could not be read."
    cards.headline("Can I trust this?", sentence, view)

    future = int((contacts["created"] > pd.Timestamp(terms.as_of)).sum())
    facts = {
        "Data as of": formatting.moment(snapshot.as_of, terms.timezone),
        "Fetched in": f"{verdict.seconds:.1f} s",
        "Requests": formatting.number(verdict.requests),
        "Repeated after trouble": formatting.number(verdict.retries),
        "Way of reading": "by creation time, in order"
        if verdict.by_key
        else "page by page, several times: the server ignores the order it is asked for",
        "Contacts received twice": formatting.number(verdict.duplicates),
        "Contacts left out, without an id": formatting.number(verdict.without_id),
        "Contacts created after that time": formatting.number(future),
        "Subscribed means": f"{terms.basis}; the switch is under Settings, beside the filters",
        "Workspace": snapshot.workspace_id or formatting.NOTHING,
    }
    left, right = st.columns(2)
    with left:
        cards.facts("How it was fetched", facts, heads=("What", "Value"))
    with right:
        filled = {
            "createdAt": contacts["created"].notna(),
            "subscribedAt": contacts["subscribed"].notna(),
            "broadcastSubscribedAt": contacts["broadcast"].notna(),
            "blockedAt": contacts["blocked"].notna(),
            "country (recorded and known)": contacts["country_source"] == "recorded",
            "phone number": contacts["has_phone"],
            "e-mail address": contacts["has_email"],
            "timezone": contacts["has_timezone"],
            "locale": contacts["has_locale"],
            "conversation": contacts["has_conversation"],
            "last incoming message": contacts["last_incoming"].notna(),
            "tags": contacts["tags"] > 0,
            "inbox with a channel": contacts["channels"] > 0,
        }
        cards.table(
            "How filled the fields are",
            pd.DataFrame(
                {
                    "Field": list(filled),
                    "Contacts": [int(each.sum()) for each in filled.values()],
                    "Share of contacts": [
                        float(each.mean()) if total else float("nan") for each in filled.values()
                    ],
                }
            ),
            key="fields",
            view=view,
            note="Of the whole workspace, whatever is filtered.",
        )

    if verdict.unreadable:
        cards.table(
            "What could not be read",
            pd.DataFrame(
                {"Field": list(verdict.unreadable), "Values": list(verdict.unreadable.values())}
            ),
            key="unreadable",
            view=view,
            note="These values were there, in a form that this dashboard does not know. They count "
            "as missing; everything else of the same contacts counts.",
        )

    raw = view.compute(opt_in.raw_email_opt_in)
    cards.points(
        "Why these numbers differ from ChatbotX's own",
        [
            "ChatbotX counts pairs of contact and inbox, and events; here a contact counts once.",
            "Its “no admin reply” needs both times; “awaiting reply” here also counts "
            "conversations in which no admin ever replied.",
            f"It marks contacts as opted in to e-mail by default: {formatting.rate(raw.share)} "
            f"carry that "
            f"mark, {formatting.counted(raw.without_address, 'contact')} of them without an "
            f"address. The "
            "rate here is taken over active contacts with an address.",
            "Contacts deleted in ChatbotX are gone from these numbers, past ones too.",
            "It names at most one conversation per contact to us, so workload is a lower bound.",
        ],
    )

    with st.container(border=True):
        st.header("Everything, to take with you", anchor=False)
        st.caption(
            "Of the contacts that pass the filters, with period, filters, time zone and time of "
            "the data. There are no names, addresses or messages of contacts in it."
        )
        with st.container(horizontal=True):
            st.download_button(
                "All tables (Parquet)",
                data=lambda: page_file.tables_zip(view),
                file_name=cards.file_name("audience", "zip", view),
                mime="application/zip",
                icon=":material/download:",
                on_click="ignore",
            )
            st.download_button(
                "All numbers (JSON)",
                data=lambda: page_file.numbers_json(view),
                file_name=cards.file_name("audience", "json", view),
                mime="application/json",
                icon=":material/download:",
                on_click="ignore",
            )

    cards.facts(
        "Glossary",
        {term.name: term.meaning for term in glossary.TERMS.values()},
        heads=("Number", "Means"),
    )
