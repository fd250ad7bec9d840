"""Detect where this program runs, since that decides what its disk keeps."""

from pathlib import Path

_CLONES = Path("/mount/src")
"""Streamlit Community Cloud clones apps into this folder. That is not documented, but apps have
relied on it for years."""


def is_on_community_cloud(program: Path = Path(__file__)) -> bool:
    """Whether this is Community Cloud, whose disk is lost when the server sleeps or restarts."""
    return program.is_relative_to(_CLONES)
