"""Where this program runs, as far as it matters to what is kept."""

from pathlib import Path

_CLONES = Path("/mount/src")
"""Streamlit Community Cloud clones what it runs into this folder. It says so nowhere; apps have
told it by that for years."""


def is_on_community_cloud(program: Path = Path(__file__)) -> bool:
    """Whether the disk lasts only until the server sleeps or is started anew."""
    return program.is_relative_to(_CLONES)
