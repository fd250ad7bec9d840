"""Documents are swapped, never overwritten, in folders and buckets."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import pytest

from lib.settings import Settings
from lib.store.documents import BucketDocuments, Documents, LocalDocuments, documents_of
from tests.bucket import SECRET, options_of, place_in


@pytest.fixture(params=["folder", "bucket"])
def documents(request: pytest.FixtureRequest, tmp_path: Path) -> Documents:
    if request.param == "folder":
        return LocalDocuments(tmp_path / "made")
    endpoint: str = request.getfixturevalue("endpoint")
    return BucketDocuments(place_in(endpoint, uuid.uuid4().hex))


def test_a_document_is_swapped_only_for_the_version_that_was_read(documents: Documents) -> None:
    assert documents.get("a") is None
    assert documents.put("a", b"1", None)
    assert not documents.put("a", b"2", None)
    found = documents.get("a")
    assert found is not None
    assert found[0] == b"1"
    assert documents.put("a", b"3", found[1])
    assert not documents.put("a", b"4", found[1])
    again = documents.get("a")
    assert again is not None
    assert again[0] == b"3"
    assert documents.get("b") is None


def test_of_many_at_once_none_is_lost(documents: Documents) -> None:
    def count() -> None:
        done = 0
        while done < 5:
            found = documents.get("n")
            number = int(found[0]) if found is not None else 0
            done += documents.put(
                "n", str(number + 1).encode(), found[1] if found is not None else None
            )

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = documents.get("n")
    assert found is not None
    assert found[0] == b"20"


def test_they_lie_where_the_snapshots_do(endpoint: str, tmp_path: Path) -> None:
    options = tuple(options_of(endpoint).items())
    root = f"s3://ours/{uuid.uuid4().hex}"
    one, other = (
        documents_of(Settings(token="t", store=root, store_options=options)) for _ in range(2)
    )
    assert one.put("a", b"1", None)
    assert other.get("a") is not None
    assert isinstance(documents_of(Settings(token="t", store=str(tmp_path))), LocalDocuments)


def test_a_bucket_that_cannot_be_reached_is_an_os_error_without_secrets() -> None:
    documents = BucketDocuments(place_in("http://127.0.0.1:9", "x"))
    with pytest.raises(OSError, match="cannot be reached") as caught:
        documents.get("a")
    assert SECRET not in str(caught.value)
    with pytest.raises(OSError, match="cannot be reached"):
        documents.put("a", b"1", None)
