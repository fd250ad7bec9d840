"""The definition of every number shown, for the help of each card and the Data page's glossary."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """The name of a number on screen, and its definition."""

    name: str
    meaning: str


TERMS = {
    "contacts": Term(
        "Contacts",
        "Everybody who ever wrote to one of your channels or was imported, blocked or not. "
        "Contacts deleted in ChatbotX are gone from all numbers, past ones too.",
    ),
    "active": Term("Active", "Contacts who are not blocked."),
    "blocked": Term("Blocked", "Contacts who are blocked."),
    "new": Term(
        "New", "Contacts whose subscription time lies in the period, blocked since or not."
    ),
    "lost": Term("Lost", "Contacts who were blocked in the period."),
    "net": Term("Net growth", "New less lost contacts of the period."),
    "subscribers": Term(
        "Subscribers",
        "Contacts subscribed by the end of a day, less those blocked by then, of the contacts that "
        "still exist.",
    ),
    "broadcast": Term(
        "Broadcast opt-in",
        "Of the active contacts on at least one channel, the share that agreed to broadcasts.",
    ),
    "email": Term(
        "E-mail opt-in",
        "Of the active contacts with an e-mail address, the share that may be mailed. Contacts "
        "without an address do not count: the platform marks them as opted in by default.",
    ),
    "email_verified": Term(
        "Verified e-mail",
        "Of the active contacts with an e-mail address, the share whose address is verified.",
    ),
    "interval": Term(
        "Likely range",
        "Where the true rate lies, in 19 of 20 cases, given so few contacts (Wilson). Rates over "
        "fewer than 30 contacts are muted and not ranked.",
    ),
    "joined": Term(
        "Joined",
        "Contacts that are in a later snapshot and were in none before. Those who are blocked, and "
        "blocked contacts who were let in again, stand beside them in the bridge.",
    ),
    "left": Term(
        "Left",
        "Contacts who were blocked, or deleted in ChatbotX without having been blocked before. "
        "Deletions can only be seen by comparing one snapshot with the next.",
    ),
    "opted_out": Term(
        "Opted out",
        "Contacts who agreed to broadcasts in one snapshot and no longer in the next. The rate is "
        "per 1,000 of those who could: opted in as the period opened, or since.",
    ),
    "answered": Term(
        "Answered",
        "Conversations in which somebody waited for a person and an admin replied, as far as it "
        "can be seen. Several replies between two snapshots count once.",
    ),
    "response": Term(
        "Response time",
        "From the first message seen unanswered to the latest reply seen; the median. The more "
        "often snapshots are taken, the more accurate it is.",
    ),
    "received": Term(
        "Received", "Conversations that were assigned to the agent, newly or by hand-over."
    ),
    "given_away": Term(
        "Given away", "Conversations that were taken from the agent or handed to another."
    ),
    "open": Term(
        "Open conversations",
        "Conversations of active contacts that are not archived. ChatbotX names at most one "
        "conversation per contact, so this is a lower bound.",
    ),
    "awaiting_reply": Term(
        "Waiting for a person",
        "Open conversations in which the contact wrote last, and no admin has replied since.",
    ),
    "never_answered": Term(
        "Never answered", "Conversations that wait for a person in which no admin ever replied."
    ),
    "no_admin_reply": Term(
        "No admin reply (as in ChatbotX)",
        "Open conversations with both times known in which the contact wrote after the last admin "
        "reply: what ChatbotX's own filter counts.",
    ),
    "unassigned": Term("Unassigned", "Open conversations with neither an agent nor a team."),
    "assigned_agent": Term("With an agent", "Open conversations assigned to an agent."),
    "assigned_team_only": Term(
        "With a team only", "Open conversations assigned to a team, but to no agent."
    ),
    "with_human": Term("With a human", "Open conversations in which the bot is switched off."),
    "orphaned_handoff": Term(
        "Handed over, nobody took it",
        "Open conversations in which the bot is off and nobody is assigned: no one is at work.",
    ),
    "unread": Term(
        "Unread (as in ChatbotX)",
        "Open conversations with activity after an agent last read them.",
    ),
    "never_read": Term("Never read", "Open conversations with activity that no agent ever read."),
    "follow_up": Term("Follow-up", "Open conversations marked for follow-up."),
    "waiting": Term(
        "Waiting time", "Time since the contact's last message, of those who wait for a person."
    ),
    "gini": Term(
        "How evenly work is shared",
        "How unevenly open conversations lie on agents, as the Gini coefficient: 0 when all hold "
        "the same, near 1 when one holds all.",
    ),
    "top_share": Term(
        "Busiest share", "The share of the conversations held by agents that the busiest one holds."
    ),
    "active_7d": Term(
        "Active in 7 days", "Active contacts with activity, by either side, in 7 days."
    ),
    "active_30d": Term(
        "Active in 30 days", "Active contacts with activity, by either side, in 30 days."
    ),
    "window_24h": Term(
        "Can be messaged freely today",
        "Active contacts who wrote in the last 24 hours, to whom most channels allow any message. "
        "Absent where the server does not say when they wrote.",
    ),
    "reach_at_risk": Term(
        "Can't be reached now", "Active contacts with inboxes, none of which is connected."
    ),
    "overlap": Term("Both tags", "Active contacts that have both tags."),
    "jaccard": Term("Overlap", "Of the active contacts with either tag, the share with both."),
    "difference": Term(
        "Difference in opt-in",
        "The broadcast opt-in rate with the tag less that without it, with its likely range "
        "(Newcombe). An association: the tag need not be the cause.",
    ),
    "cohort": Term(
        "Cohort",
        "Contacts who subscribed in the same month. Deleted contacts are missing from old ones.",
    ),
    "basis": Term(
        "Subscribed",
        "The time from which a contact counts: subscribedAt if at least half of the workspace "
        "carries it, else createdAt, the first contact. One clock for all, never mixed.",
    ),
    "country": Term(
        "Country",
        "As recorded; else inferred from the phone number's calling code, the time zone or "
        "the region of the language, in this order; else unknown.",
    ),
    "as_of": Term(
        "As of", "The instant at which the fetching of this data began. It is “now” in all numbers."
    ),
}


def name(key: str) -> str:
    return TERMS[key].name


def meaning(key: str) -> str:
    return TERMS[key].meaning
