"""Data flows one way, and so do imports: the contracts are in `pyproject.toml`.

`python -m tests.test_architecture`, or `make imports`, draws the picture.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import grimp
import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[1]


def test_imports_keep_to_the_contracts(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_no_import_within_a_function_hides_a_circle() -> None:
    """grimp sees these too; this says which there are, so that each has a reason."""
    hidden = {
        path.relative_to(ROOT).as_posix()
        for path in [*ROOT.glob("lib/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "app.py"]
        for function in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").split(".")[0] in ("lib", "pages")
    }
    assert not hidden


def arrows() -> dict[str, set[str]]:
    """Which room imports which others."""
    graph = grimp.build_graph("lib", "pages", cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            one, other = room(module), room(imported)
            found.setdefault(one, set())
            if one != other and other != "lib":
                found[one].add(other)
    found.pop("lib", None)
    return found


def room(module: str) -> str:
    first, *rest = module.split(".")
    return rest[0] if first == "lib" and rest else first


def picture() -> str:
    """A line for each room, those that import nothing first, with what it imports."""
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
