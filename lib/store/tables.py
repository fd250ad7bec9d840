"""A workspace as columns: the contents of a snapshot, and selections of it.

Built by `lib.store.builder`. Personal data has been dropped before that, in `lib.chatbotx.schema`.
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
"""Columns of the contacts, and the attributes of a decoded contact they are read from."""

INBOX_TIMES = ("last_incoming", "wrote", "sent")
"""Message times from a contact's inboxes, combined with its conversation."""

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
"""Status of a working inbox."""


@dataclass(frozen=True)
class Tables:
    """A workspace as columns, read-only and shared. Times are UTC; repeated text is categorical.

    contacts: a row per contact, ordered by `created`, `id`:
        id; created, updated, subscribed, broadcast, blocked: times, NaT for never;
        channels, inboxes, tags, sources: how many of each it has;
        country: alpha-2 or `unknown`; country_source; has_email, has_phone, has_timezone,
        has_locale, email_opt_in, email_verified: flags;
        has_conversation; conversation: its ID, missing if none; bot_enabled (True if not given),
        followed; last_activity, contact_replied, admin_replied, agent_read, archived_at,
        bot_resume: times;
        assignee, team: IDs, missing if none;
        last_incoming: time of the latest incoming message in any of its inboxes;
        wrote: when the contact last wrote, by the conversation or any of its inboxes;
        sent: time of the latest message in any inbox that was not the contact's: later than the
        latest incoming one there, or without one;
        tells: whether any inbox has the time of its latest message, which only recent servers
        send; reachable: whether any inbox is connected.
    contact_channels: a row per contact × channel: contact (row number in `contacts`), channel.
    contact_inboxes: a row per contact × inbox: contact (row number), inbox (ID).
    contact_sources: a row per contact × source through which it entered an inbox: contact (row
        number), source.
    contact_tags: a row per contact × tag that is not deleted: contact (row number), tag (ID).
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
        """The tables that these were selected from, or these tables if they are the whole
        workspace."""
        return self

    @property
    def mask(self) -> np.ndarray | None:
        """Mask of these contacts in `whole`; None for all."""
        return None

    def select(self, mask: np.ndarray) -> "Tables":
        """The contacts selected by `mask`, with their links renumbered.

        `tags`, `inboxes`, `agents` and `teams` stay those of the whole workspace. Columns are
        copied only when accessed; code that can read `whole` under `mask` avoids the copy.
        """
        return _Selection(self, np.array(mask, dtype=np.bool_))


class _Selection(Tables):
    """A selection of the contacts of other tables."""

    _whole: Tables
    _mask: np.ndarray

    def __init__(self, tables: Tables, mask: np.ndarray) -> None:
        if tables.mask is not None:
            within, mask = mask, tables.mask.copy()
            mask[tables.mask] = within
        unchanged = {name: getattr(tables, name) for name in ("tags", "inboxes", "agents", "teams")}
        # The base class is frozen; columns are computed on first access.
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
