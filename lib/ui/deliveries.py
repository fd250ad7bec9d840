"""Notifications on the Data page: what was sent, the state of alerts, and snoozing.

Only the host of an address is shown. Dashboards without recipients load none of this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from lib.outputs import columns as of
from lib.outputs.columns import Table, column
from lib.query.view import View
from lib.reference import escaping, formatting
from lib.settings import Notifications, Recipient, Settings, Welcome
from lib.ui import gate, rights, tables

if TYPE_CHECKING:
    from lib.insights.alerts import Alert
    from lib.outputs.deliveries import Delivery, Ledger

SLEEPS = (
    "This server sends by itself while it runs. One that sleeps, as on Community Cloud when nobody "
    "looks, does not: there, let a scheduled job run `python -m lib.digest`."
)

SNOOZES = {"4 hours": 4, "A day": 24, "A week": 168}

MOST_SHOWN = 50

RULE_NAMES = {
    "waiting_hours": "Waiting too long",
    "backlog": "People waiting",
    "unassigned": "With nobody",
    "handed_over": "Handed over, nobody took it",
    "opt_outs": "Opt-outs",
    "inbox_disconnected": "Inbox not connected",
    "new_stopped": "New contacts stopped",
    "data_hours": "Old or incomplete data",
    "findings": "Finding",
}

_STATES = {"firing": "goes on", "fine": "fine", "unknown": "unknown"}


def draw(view: View) -> None:
    """Draw the deliveries and alerts of the current workspace; nothing if it has no recipients."""
    visitor = rights.visitor()
    notifications = visitor.configuration.notifications
    if not notifications or not isinstance(visitor.verdict, Welcome):
        return
    workspace, _ = gate.choose_workspace(visitor, visitor.verdict)
    recipients = [each for each in notifications.recipients if each.workspace == workspace.name]
    if not recipients:
        return
    # Imported here so that only dashboards with recipients pay for it.
    from lib.outputs.notify.service import deliveries_of

    ledgers: dict[str, Ledger] = {}
    for recipient in recipients:
        try:
            ledgers[recipient.name] = deliveries_of(recipient, workspace).read()
        except OSError as error:
            st.warning(
                f"What was sent to {escaping.markdown(recipient.name)} is not known, and nothing "
                f"is sent: {escaping.markdown(str(error))}.",
                icon=":material/mail_off:",
            )
    _draw_deliveries(recipients, ledgers, workspace, view)
    _draw_alerts(recipients, ledgers, workspace, view, notifications)
    rules = [each for each in recipients if each.alerts]
    if rules:
        with st.expander("What would these alerts have done in the last 30 days?"):
            for recipient in rules:
                _draw_rehearsal(recipient, workspace, view)


def _draw_deliveries(
    recipients: Iterable[Recipient],
    ledgers: dict[str, Ledger],
    workspace: Settings,
    view: View,
) -> None:
    zone = workspace.timezone
    rows = [(name, delivery) for name, ledger in ledgers.items() for delivery in ledger.deliveries]
    rows.sort(key=lambda row: row[1].planned, reverse=True)
    notes = [SLEEPS]
    for recipient in recipients:
        notes += _about(recipient, ledgers.get(recipient.name), zone)
    shown = rows[:MOST_SHOWN]
    tables.show(
        "Digests and alerts that were sent",
        Table(
            (
                column("To", [f"{name} ({each.host})" for name, each in shown], of.TEXT),
                column(
                    f"When ({zone})",
                    [each.begun or each.planned for _, each in shown],
                    of.time_in(zone),
                ),
                column("What", [_what(each) for _, each in shown], of.TEXT),
                column("State", [each.state for _, each in shown], of.TEXT),
                column("Outcome", [_outcome(each, zone) for _, each in shown], of.TEXT),
            )
        ),
        key="deliveries",
        view=view,
        note="  \n".join(notes),
    )


def _about(recipient: Recipient, ledger: Ledger | None, zone: str) -> list[str]:
    """When the next digest is due, and why alerts are held back."""
    name = escaping.markdown(f"{recipient.name} ({recipient.host})")
    said = []
    if recipient.at is not None:
        from lib.outputs.notify.schedule import next_time

        following = next_time(recipient.at, zone, formatting.now())
        if following is not None:
            moment = escaping.markdown(formatting.moment(following, zone))
            said.append(f"Next digest for {name}: {moment}.")
    if ledger is not None and ledger.held:
        said.append(f"{name}: {escaping.markdown(ledger.held)}")
    return said


def _what(delivery: Delivery) -> str:
    if delivery.kind == "digest":
        return "Digest"
    began = sum(change.began for change in delivery.tells)
    over = len(delivery.tells) - began
    parts = [*([f"{began} begun"] if began else []), *([f"{over} over"] if over else [])]
    return f"Alerts: {formatting.listed(parts)}" if parts else "Alerts"


def _outcome(delivery: Delivery, zone: str) -> str:
    """What became of it, and when it is tried again."""
    if delivery.due is None:
        return delivery.outcome
    return f"{delivery.outcome} It is tried again at {formatting.moment_of(delivery.due, zone)}."


def _draw_alerts(
    recipients: Iterable[Recipient],
    ledgers: dict[str, Ledger],
    workspace: Settings,
    view: View,
    notifications: Notifications,
) -> None:
    now = formatting.now()
    rows = [
        (recipient, alert)
        for recipient in recipients
        if recipient.name in ledgers
        for alert in ledgers[recipient.name].alerts.values()
    ]
    if not rows:
        return
    zone = workspace.timezone
    rows.sort(key=lambda row: (not row[1].firing, row[0].name, row[1].key))
    tables.show(
        "Alerts",
        Table(
            (
                column(
                    "Alert", [RULE_NAMES.get(each.rule, each.rule) for _, each in rows], of.TEXT
                ),
                column("For", [recipient.name for recipient, _ in rows], of.TEXT),
                column("State", [_state(each, now, zone) for _, each in rows], of.TEXT),
                column(f"Since ({zone})", [each.since for _, each in rows], of.time_in(zone)),
                column(
                    "What", [each.sentence if each.firing else None for _, each in rows], of.TEXT
                ),
            )
        ),
        key="alerts",
        view=view,
        note="Reported when they begin and when they end. On old or incomplete data no alert is "
        "“fine”: it is unknown.",
    )
    if _may_snooze(workspace.name, notifications):
        going_on = [row for row in rows if row[1].firing or row[1].is_snoozed(now)]
        for recipient, alert in going_on:
            _draw_snooze(recipient, alert, workspace.name, now)


def _state(alert: Alert, now: datetime, zone: str) -> str:
    state = _STATES[alert.state]
    if alert.firing and not alert.known:
        state = "unknown, went on"
    if alert.is_snoozed(now):
        return f"{state}, snoozed until {formatting.moment_of(alert.snoozed_until, zone)}"
    return state


def _draw_snooze(recipient: Recipient, alert: Alert, workspace: str, now: datetime) -> None:
    key = f"{recipient.name}-{alert.key}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            escaping.markdown(alert.sentence or RULE_NAMES.get(alert.rule, alert.rule)),
            width="stretch",
        )
        if alert.is_snoozed(now):
            st.button(
                "Wake",
                key=f"wake-{key}",
                icon=":material/notifications_active:",
                on_click=rights.callback(_snooze),
                args=(workspace, recipient.name, alert.key, None),
            )
            return
        for label, hours in SNOOZES.items():
            st.button(
                f"Snooze: {label.lower()}",
                key=f"snooze-{hours}-{key}",
                icon=":material/snooze:",
                on_click=rights.callback(_snooze),
                args=(workspace, recipient.name, alert.key, hours),
            )


def _may_snooze(workspace: str, notifications: Notifications) -> bool:
    """Whether the visitor may snooze: if the operator named people, those; if everybody, all who
    see the page; by default, those who may save views for everybody."""
    verdict = rights.visitor().verdict
    if not isinstance(verdict, Welcome) or workspace not in verdict.workspaces:
        return False
    if notifications.savers_snooze:
        return rights.visitor().configuration.named(workspace).shared_views
    if notifications.all_snooze:
        return True
    return verdict.email is not None and notifications.snoozers.include(verdict.email)


def _snooze(workspace: str, name: str, key: str, hours: float | None) -> None:
    """Callback: snooze an alert, or wake it if `hours` is None."""
    configuration = rights.visitor().configuration
    notifications = configuration.notifications
    if not _may_snooze(workspace, notifications):
        return
    from lib.outputs.deliveries import Contended
    from lib.outputs.notify.service import deliveries_of

    deliveries = deliveries_of(notifications.named(name), configuration.named(workspace))
    until = None if hours is None else formatting.now() + timedelta(hours=hours)
    try:
        deliveries.change(_snoozing(key, until))
    except (OSError, Contended):
        st.toast("This could not be saved. Please try again.", icon=":material/error:")


def _snoozing(key: str, until: datetime | None) -> Callable[[Ledger], Ledger]:
    def change(ledger: Ledger) -> Ledger:
        if key not in ledger.alerts:
            return ledger
        alert = ledger.alerts[key].snoozed(until)
        return replace(ledger, alerts=ledger.alerts | {key: alert})

    return change


def _draw_rehearsal(recipient: Recipient, workspace: Settings, view: View) -> None:
    """On demand, what the rules would have done according to history."""
    name = escaping.markdown(recipient.name)
    if not st.toggle(f"Look for {name}", key=f"rehearse-{recipient.name}"):
        return
    from lib.insights.readings import reading_of
    from lib.insights.rehearsal import rehearse
    from lib.outputs.notify.service import past_of, saved_views_of
    from lib.outputs.views import ViewGone, view_named

    past = past_of(workspace)
    try:
        saved = saved_views_of(workspace)
        shown = view_named(recipient.view, view.snapshot, workspace, saved, past.history).view
    except ViewGone as error:
        st.warning(escaping.markdown(str(error)))
        return
    said = rehearse(recipient.alerts, past, shown.choice, reading_of(shown, past))
    zone = workspace.timezone
    sentences = [
        f"{formatting.moment_of(each.began, zone)} to "
        + (formatting.moment_of(each.ended, zone) if each.ended else "now")
        + f": {each.sentence}"
        for each in said.episodes
    ]
    judged = formatting.counted(said.judgements, "refresh was", "refreshes were")
    alerts = formatting.counted(len(said.episodes), "alert")
    since = escaping.markdown(formatting.moment_of(said.start, zone))
    st.markdown(f"{judged} recorded since {since}: {alerts}.")
    if sentences:
        st.markdown("\n".join(f"- {escaping.markdown(each)}" for each in sentences))
    if said.untold:
        names = formatting.listed(RULE_NAMES[rule].lower() for rule in said.untold)
        st.caption(f"History cannot answer, or not yet, for: {names}.")
