"""Can I trust this?"""

from collections.abc import Mapping

import streamlit as st

from lib.chatbotx.verdict import Check
from lib.metrics import opt_in, quality, workload
from lib.outputs import archive
from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.query.view import View
from lib.reference import escaping, formatting, glossary
from lib.settings import Welcome, hosting
from lib.store.dimensions import TEAM
from lib.ui import agents_and_channels, cards, deferred, deliveries, gate, head, rights, tables
from lib.ui.cards import Number

_FUTURE = {
    "created": "when they came",
    "updated": "when they were changed",
    "subscribed": "when they subscribed",
    "broadcast": "when they agreed to broadcasts",
    "blocked": "when they were blocked",
    "last_activity": "their last activity",
    "wrote": "when they wrote",
    "admin_replied": "when they were answered",
    "sent": "when something was sent to them",
    "agent_read": "when an agent read what they wrote",
    "archived_at": "when their conversation was archived",
}
"""Times that may lie after the fetch, and what they tell."""

_CHECKS: Mapping[Check, str] = {
    "agrees": "agrees: checked by the server's own count",
    "differs": "differs",
    "not available": "not available",
}


def show(view: View) -> None:
    head.show("Can I trust this?", _sentence(view), view, with_basis=True)
    _kept()
    deferred.numbers_are_sent()
    left, right = st.columns(2)
    with left:
        cards.facts("How it was fetched", _fetched(view), heads=("What", "Value"))
    with right:
        _fields(view)
    _unreadable(view)
    _workload(view)
    agents_and_channels.show(view)
    _differences(view)
    _answered(view)
    _downloads(view)
    with st.expander("Glossary", key="glossary", on_change="rerun") as folded:
        if folded.open:
            cards.facts(
                "Glossary",
                {term.name: term.meaning for term in glossary.TERMS.values()},
                heads=("Number", "Means"),
            )


def _sentence(view: View) -> str:
    snapshot, verdict = view.snapshot, view.snapshot.verdict
    many = f"**{formatting.counted(snapshot.contacts, 'contact')}**"
    are, once = ("is", "exactly once") if snapshot.contacts == 1 else ("are", "each exactly once")
    if verdict.complete and not verdict.without_id:
        which = "The **only contact**" if snapshot.contacts == 1 else f"All {many}"
        moment = escaping.markdown(formatting.moment(snapshot.as_of, view.terms.timezone))
        sentence = f"{which} that existed at {moment} {are} here, {once}."
    elif verdict.complete:
        lost = formatting.counted(verdict.without_id, "contact")
        reason = "it has no id" if verdict.without_id == 1 else "they have no id"
        sentence = f"{many} {are} here, {once}; {lost} could not be counted, as {reason}."
    else:
        warnings = escaping.markdown(" ".join(verdict.warnings))
        sentence = f"{many} {are} here, but some may be missing: {warnings}"
    if snapshot.unreadable:
        sentence += f" {formatting.counted(snapshot.unreadable, 'value')} could not be read."
    return sentence


_DISK = (
    "Streamlit Community Cloud keeps no disk: when this server sleeps or restarts, what was "
    'recorded is gone. To keep it, name a bucket: `CHATBOTX_STORE = "s3://…"`, its keys in '
    "`[store]`, and `-r requirements-buckets.txt` as a line of requirements.txt."
)


def _kept() -> None:
    """Warn if recorded data will not persist."""
    visitor = rights.visitor()
    if not isinstance(visitor.verdict, Welcome) or not hosting.is_on_community_cloud():
        return
    workspace, _ = gate.choose_workspace(visitor, visitor.verdict)
    if workspace.store_folder is not None and not workspace.is_demo:
        st.warning(_DISK, icon=":material/save:")


def _fetched(view: View) -> dict[str, str]:
    snapshot, terms, verdict = view.snapshot, view.terms, view.snapshot.verdict
    return {
        "Data as of": formatting.moment(snapshot.as_of, terms.timezone),
        "Fetched in": f"{formatting.decimal(verdict.seconds)} s",
        "Requests": formatting.number(verdict.requests),
        "Retries": formatting.number(verdict.retries),
        "Fetch order": "by creation time, in order"
        if verdict.by_key
        else "page by page, several times: the server ignores the order it is asked for",
        "Contacts received twice": formatting.number(verdict.duplicates),
        "Ids that came again with other contents": formatting.number(verdict.repeated_differently),
        "Server's own count": _CHECKS[verdict.checked],
        "Contacts left out, without an id": formatting.number(verdict.without_id),
        **_future(view),
        "Subscribed means": f"{terms.basis}; the switch is under Settings, beside the filters",
        "Workspace": snapshot.workspace_id or formatting.NOTHING,
    }


def _future(view: View) -> dict[str, str]:
    """Number of times after the fetch, by kind: they are kept, and count where they fall."""
    found = view.compute(quality.future_times, view.terms.as_of)
    told = [f"{_FUTURE[name]}: {formatting.number(number)}" for name, number in found.items()]
    return {"Times in the future": "; ".join(told) or "none"}


def _fields(view: View) -> None:
    filled = view.compute(quality.filled)
    contacts = view.snapshot.contacts
    tables.show(
        "How complete the data is",
        Table(
            (
                column("Field", list(filled), of.TEXT),
                column("Contacts", list(filled.values()), of.COUNT),
                column(
                    "Share of contacts",
                    [each / contacts if contacts else None for each in filled.values()],
                    of.SHARE,
                ),
            )
        ),
        key="fields",
        view=view,
        note="Of the whole workspace, whatever is filtered.",
    )


def _unreadable(view: View) -> None:
    unreadable = view.snapshot.verdict.unreadable
    if not unreadable:
        return
    tables.show(
        "What could not be read",
        Table(
            (
                column("Field", list(unreadable), of.TEXT),
                column("Values", list(unreadable.values()), of.COUNT),
            )
        ),
        key="unreadable",
        view=view,
        note="These values were there, in a form that this dashboard does not know. They count as "
        "missing; everything else of the same contacts counts.",
    )


def _workload(view: View) -> None:
    """How evenly work is distributed, and ChatbotX's own counts."""
    load = view.compute(workload.workload, view.terms)
    agents = view.compute(workload.by_agent, view.terms)
    teams = view.compute(workload.by_team, view.terms)
    balance = workload.balance(agents["open"].tolist())
    cards.headed("Workload in detail")
    cards.numbers(
        [
            Number("gini", balance.gini, say=formatting.decimal),
            Number("top_share", balance.top_share, say=formatting.percent),
            Number("assigned_agent", load.assigned_agent),
            Number("assigned_team_only", load.assigned_team_only),
            Number("no_admin_reply", load.no_admin_reply),
            Number("unread", load.unread),
            Number("never_read", load.never_read),
            Number("follow_up", load.follow_up),
        ],
        view,
        about=cards.right_now(view),
    )
    if len(teams):
        tables.show(
            "Per team",
            Table(
                (
                    column("Team", view.names(TEAM, teams), of.TEXT),
                    column("Open", teams["open"], of.COUNT),
                    column("Waiting for a person", teams["awaiting_reply"], of.COUNT),
                    column("Oldest wait", teams["oldest_wait_hours"], of.HOURS),
                    column("Median wait", teams["median_wait_hours"], of.HOURS),
                )
            ),
            key="team-table",
            view=view,
        )


def _differences(view: View) -> None:
    raw = view.compute(opt_in.raw_email_opt_in)
    cards.points(
        "Why these numbers differ from ChatbotX's own",
        [
            "ChatbotX counts pairs of contact and inbox, and events; here a contact counts once.",
            "Its “no admin reply” needs both times; “waiting for a person” here also counts "
            "conversations in which no admin ever replied.",
            "It marks contacts as opted in to e-mail by default: "
            f"{formatting.rate(raw.share)} carry that mark, "
            f"{formatting.counted(raw.without_address, 'contact')} of them without an address. The "
            "rate here is taken over active contacts with an address.",
            "Contacts deleted in ChatbotX are gone from these numbers, past ones too.",
            "It names at most one conversation per contact to us, so workload is a lower bound.",
        ],
    )


def _answered(view: View) -> None:
    """Say which engine answered, if not memory; drawn last, after everything this page asks it."""
    source = view.source
    if source is None:
        return
    questions = formatting.counted(source.questions, "question")
    where = "the store's files" if source.reads_store else "this server's copy"
    seconds = formatting.decimal(source.seconds)
    st.caption(f"{source.name} answered {questions} about this data from {where} in {seconds} s.")


def _downloads(view: View) -> None:
    with st.container(border=True):
        st.header("Downloads", anchor=False)
        st.caption(
            "Of the contacts that pass the filters, with period, filters, time zone and time of "
            "the data. There are no names, addresses or messages of contacts in it."
        )
        is_too_large = archive.is_too_large(view)
        if is_too_large:
            st.caption(
                f"The tables of more than {formatting.number(archive.MOST)} contacts are too large "
                "for a download: choose fewer, or read the store, whose tables are Delta tables."
            )
        with st.container(horizontal=True):
            if not is_too_large:
                st.download_button(
                    "All tables (Parquet)",
                    data=rights.file(lambda: archive.tables_zip(view)),
                    file_name=tables.file_name("audience", "zip", view),
                    mime="application/zip",
                    icon=":material/download:",
                    on_click="ignore",
                )
            st.download_button(
                "All numbers (JSON)",
                data=rights.file(lambda: archive.numbers_json(view)),
                file_name=tables.file_name("audience", "json", view),
                mime="application/json",
                icon=":material/download:",
                on_click="ignore",
            )

    deliveries.draw(view)
