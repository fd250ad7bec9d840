"""Imports follow the direction of data flow; the contracts are in `pyproject.toml`.

`python -m tests.test_architecture`, or `make imports`, prints the import graph.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]


def test_imports_keep_to_the_contracts() -> None:
    # In a process of its own, since import-linter configures logging.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    checked = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def arrows() -> dict[str, set[str]]:
    """The rooms that each room imports."""
    graph = grimp.build_graph("lib", "pages", cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        one = room(module)
        found.setdefault(one, set())
        for imported in graph.find_modules_directly_imported_by(module):
            other = room(imported)
            if one != other and other != "lib":
                found[one].add(other)
    found.pop("lib", None)
    return found


def room(module: str) -> str:
    first, *rest = module.split(".")
    return rest[0] if first == "lib" and rest else first


def picture() -> str:
    """A line for each room with its imports; rooms that import nothing come first."""
    waiting, lines, drawn = arrows(), list[str](), set[str]()
    while waiting:
        ready = sorted(name for name, others in waiting.items() if others <= drawn)
        if not ready:
            return "\n".join([*lines, f"A circle among: {', '.join(sorted(waiting))}"])
        for name in ready:
            others = [each for each in drawn_order(lines) if each in waiting[name]]
            lines.append(f"{name:<10} ← {' '.join(others)}".rstrip(" ←"))
        drawn |= set(ready)
        waiting = {name: others for name, others in waiting.items() if name not in drawn}
    return "\n".join(lines)


def drawn_order(lines: list[str]) -> list[str]:
    return [line.split()[0] for line in lines]


def test_the_picture_has_every_room_and_no_circle() -> None:
    drawn = picture()
    assert "circle" not in drawn
    rooms = {path.name for path in (ROOT / "lib").iterdir() if (path / "__init__.py").is_file()}
    assert set(drawn_order(drawn.splitlines())) >= rooms


if __name__ == "__main__":
    sys.stdout.write(f"{picture()}\n")
