"""Recorded contacts for tests to serve."""

from __future__ import annotations

from pathlib import Path

EDGE_CONTACTS = Path(__file__).parents[1] / "data" / "edge-contacts.json"


NOVEMBER_CONTACTS = EDGE_CONTACTS.with_stem("edge-contacts-november")
