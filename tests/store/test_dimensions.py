from __future__ import annotations

import pytest

from lib.store.dimensions import DIMENSIONS, MISSING, Dimension
from tests.workspaces import contact, tables_of

IDS = [dimension.key for dimension in DIMENSIONS]


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=IDS)
def test_a_dimension_says_where_its_values_are(dimension: Dimension) -> None:
    tables = tables_of(contact())
    if dimension.column is not None:
        assert tables.contacts[dimension.column].dtype == "category"
    else:
        assert dimension.links is not None
        assert list(getattr(tables, dimension.links).columns) == ["contact", dimension.key]
        assert dimension.count in tables.contacts
    if dimension.names is not None:
        assert list(getattr(tables, dimension.names).columns) == ["id", "name"]
    if dimension.missing.among is not None:
        assert tables.contacts[dimension.missing.among].dtype == "bool"


@pytest.mark.parametrize("name", ["none", "unknown", "null"])
def test_no_value_that_the_api_sends_is_taken_for_a_missing_one(name: str) -> None:
    links = tables_of(contact(contactInboxes=[{"channel": name, "source": name}, {"channel": " "}]))
    assert MISSING not in links.contact_channels["channel"].cat.categories
    assert links.contact_channels["channel"].tolist() == [name]
    assert links.contact_sources["source"].tolist() == [name]
