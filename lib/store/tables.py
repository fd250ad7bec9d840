"""A workspace as columns: what a snapshot holds, and what a filter selects of it.

`lib.store.builder` makes the tables. Personal data has ended before, in `lib.chatbotx.schema`.
"""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import pandas as pd

TIMES = {
    "created": "created_at",
    "updated": "updated_at",
    "subscribed": "subscribed_at",
    "broadcast": "broadcast_subscribed_at",
    "blocked": "blocked_at",
}
"""Columns of the contacts, and the attributes of a decoded contact that they are read from."""

INBOX_TIMES = ("last_incoming", "wrote", "sent")
"""What the inboxes of a contact, together with its conversation, say of messages."""

CONVERSATION_TIMES = {
    "last_activity": "last_activity_at",
    "contact_replied": "contact_replied_at",
    "admin_replied": "admin_replied_at",
    "agent_read": "agent_last_read_at",
    "archived_at": "archived_at",
    "bot_resume": "bot_resume_at",
}
FLAGS = (
    "has_email",
    "has_phone",
    "has_timezone",
    "has_locale",
    "email_opt_in",
    "email_verified",
    "has_conversation",
    "bot_enabled",
    "followed",
    "tells",
    "reachable",
)

CONNECTED = "connected"
"""The status of an inbox that works."""


@dataclass(frozen=True)
class Tables:
    """A workspace as columns, read-only and shared. Times are UTC, repeated text is categorical.

    contacts: a row per contact, in the order of `created`, `id`:
        id; created, updated, subscribed, broadcast, blocked: times, NaT for never;
        channels, inboxes, tags, sources: how many of them it has;
        country: alpha-2 or `unknown`; country_source; has_email, has_phone, has_timezone,
        has_locale, email_opt_in, email_verified: flags;
        has_conversation; conversation: its id, missing for none; bot_enabled (True where not said),
        followed; last_activity, contact_replied, admin_replied, agent_read, archived_at,
        bot_resume: times;
        assignee, team: ids, missing for none;
        last_incoming: time of the latest incoming message in any of its inboxes;
        wrote: when the contact wrote last, by the conversation or by any of its inboxes;
        sent: time of the latest message of an inbox that is not the contact's own, as it is later
        than what came in there, or nothing came in; tells: whether some inbox has the time of its
        latest message, which the newest servers send; reachable: whether some inbox is connected.
    contact_channels: a row per contact × channel: contact (row number in `contacts`), channel.
    contact_inboxes: a row per contact × inbox: contact (row number), inbox (id).
    contact_sources: a row per contact × way in which it came into an inbox: contact (row number),
        source.
    contact_tags: a row per contact × tag that is not deleted: contact (row number), tag (id).
    tags, agents, teams: id, name. inboxes: id, name, channel, status. Names may be missing.
    """

    contacts: pd.DataFrame
    contact_channels: pd.DataFrame
    contact_inboxes: pd.DataFrame
    contact_sources: pd.DataFrame
    contact_tags: pd.DataFrame
    tags: pd.DataFrame
    inboxes: pd.DataFrame
    agents: pd.DataFrame
    teams: pd.DataFrame

    def frames(self) -> dict[str, pd.DataFrame]:
        return {table.name: getattr(self, table.name) for table in fields(self)}

    @property
    def whole(self) -> "Tables":
        """The tables that these were selected from; they themselves if they are the workspace."""
        return self

    @property
    def mask(self) -> np.ndarray | None:
        """Which contacts of `whole` these are, a boolean for each; None for all of them."""
        return None

    def select(self, mask: np.ndarray) -> "Tables":
        """The contacts where `mask`, a boolean for each, is true, with their links renumbered.

        `tags`, `inboxes`, `agents` and `teams` stay those of the whole workspace. Nothing is copied
        before it is asked for, and what can read `whole` under `mask` need not ask.
        """
        return _Selection(self, np.array(mask, dtype=np.bool_))


class _Selection(Tables):
    """Some contacts of other tables."""

    _whole: Tables
    _mask: np.ndarray

    def __init__(self, tables: Tables, mask: np.ndarray) -> None:
        if tables.mask is not None:
            within, mask = mask, tables.mask.copy()
            mask[tables.mask] = within
        unchanged = {name: getattr(tables, name) for name in ("tags", "inboxes", "agents", "teams")}
        # The base is frozen; its columns are taken when they are first asked for.
        self.__dict__.update(_whole=tables.whole, _mask=mask, **unchanged)

    @property
    def whole(self) -> Tables:
        return self._whole

    @property
    def mask(self) -> np.ndarray:
        return self._mask

    @cached_property
    def contacts(self) -> pd.DataFrame:
        return self.whole.contacts[self.mask].reset_index(drop=True)

    @cached_property
    def contact_channels(self) -> pd.DataFrame:
        return self._of_selected(self.whole.contact_channels)

    @cached_property
    def contact_inboxes(self) -> pd.DataFrame:
        return self._of_selected(self.whole.contact_inboxes)

    @cached_property
    def contact_sources(self) -> pd.DataFrame:
        return self._of_selected(self.whole.contact_sources)

    @cached_property
    def contact_tags(self) -> pd.DataFrame:
        return self._of_selected(self.whole.contact_tags)

    def _of_selected(self, links: pd.DataFrame) -> pd.DataFrame:
        kept: pd.DataFrame = links[self.mask[links["contact"].to_numpy()]].reset_index(drop=True)
        number = np.cumsum(self.mask, dtype=np.int32) - 1
        kept["contact"] = number[kept["contact"].to_numpy()]
        return kept
