"""Draw the demo workspace: two years of a retailer's history up to a given instant."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from lib.demo.arrivals import draw_arrivals, ids
from lib.demo.company import raw_company
from lib.demo.conversations import draw_conversations, draw_heard, draw_told
from lib.demo.people import (
    draw_blocked,
    draw_consents,
    draw_inboxes,
    draw_profiles,
    draw_sources,
    draw_tags,
)
from lib.demo.times import EPOCH
from lib.demo.workspace import Workspace


def draw_workspace(as_of: datetime, contacts: int, rng: np.random.Generator) -> Workspace:
    now = (as_of - EPOCH) // timedelta(milliseconds=1)
    arrivals = draw_arrivals(now, contacts, rng)
    inboxes = draw_inboxes(now, arrivals, rng)
    profiles = draw_profiles(arrivals, inboxes, rng)
    tags = draw_tags(now, arrivals, rng)
    blocked = draw_blocked(now, arrivals.created, rng)
    conversations = draw_conversations(now, arrivals, tags, blocked, rng)
    heard = draw_heard(arrivals.created, inboxes, conversations, rng)
    return Workspace(
        company=raw_company(now),
        created=arrivals.created,
        ids=ids(arrivals.created),
        profiles=profiles,
        consents=draw_consents(now, arrivals, profiles, tags, blocked, rng),
        tags=tags,
        inboxes=inboxes,
        sources=draw_sources(arrivals, inboxes, rng),
        heard=heard,
        told=draw_told(now, heard, conversations, rng),
        conversations=conversations,
    )
