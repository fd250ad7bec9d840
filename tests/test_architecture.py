"""Data flows one way, and so do imports: a module may know only those before it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ROOMS = [
    "lib.reference",
    "lib.settings",
    "lib.chatbotx",
    "lib.demo",
    "lib.store",
    "lib.engines",
    "lib.metrics",
    "lib.history",
    "lib.refresh",
    "lib.query",
    "lib.insights",
    "lib.charts",
    "lib.outputs",
    "lib.web",
    "lib.ui",
]
"""The rooms of the house in the order of the flow; each may import those above it."""
LAYERS = [*([room] for room in ROOMS), ["pages", "app", "lib.report"]]
KNOWS_STREAMLIT = {"lib.ui", "pages", "app"}
KNOWS_PLOTLY = {"lib.charts", "lib.outputs", "lib.ui"}

FILES = sorted(
    path
    for path in [*ROOT.glob("lib/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "app.py"]
    if path.name != "__init__.py"
)


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def part(name: str) -> str | None:
    """The longest name in LAYERS that `name` lies in."""
    known = [each for layer in LAYERS for each in layer]
    return max(
        (each for each in known if name == each or name.startswith(f"{each}.")),
        key=len,
        default=None,
    )


def layer(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if part(name) in names)


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_run_one_way(path: Path) -> None:
    own = module(path)
    assert part(own) is not None, f"{own} has no place in the flow"
    for imported in imports(path):
        if imported.startswith("lib.") and part(imported) is not None:
            assert layer(imported) <= layer(own), f"{own} must not know {imported}"


@pytest.mark.parametrize("path", FILES, ids=module)
def test_only_the_last_stages_know_streamlit_and_plotly(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    assert "streamlit" not in roots or part(module(path)) in KNOWS_STREAMLIT
    assert "plotly" not in roots or part(module(path)) in KNOWS_PLOTLY
