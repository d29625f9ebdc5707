"""Who imports whom, and other promises about the shape of the house (ARCHITECTURE.md)."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.settings import ROOT

FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "curation").rglob("*.py"))
PAGES = [Path("app.py"), *sorted(path.relative_to(ROOT) for path in (ROOT / "pages").glob("*.py"))]

GROUND = {"records", "errors", "settings"}
PURE = {
    "agreement", "alignment", "compatibility", "export", "figures", "hedging", "identity", "ingest",
    "leakage",
    "queues", "reasons", "rendering", "reporting", "scores", "spotcheck", "steps", "student",
}  # fmt: skip
SCREEN = {"desk", "screens", "ui"}
ONLY_IN = {
    "duckdb": {"store"},
    "torch": {"student"},
    "transformers": {"student"},
    "plotly": {"figures"},
    "py3langid": {"hedging"},
    "streamlit": SCREEN,
    "argon2": {"identity"},
    **dict.fromkeys(("markdown_it", "mdit_py_plugins", "latex2mathml", "nh3"), {"rendering"}),
}
WITHIN_A_ROOM = {
    # A room may be made of several modules; these lend themselves to the room named.
    "steps": {"ingest"},
    "scores": {"student"},
    "compatibility": {"student", "export"},
    "leakage": {"export"},
}


def _imports(path: Path, *, lazy: bool = True) -> Iterator[str]:
    """The modules that a file imports; without those inside functions where `lazy` is False."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree)) if lazy else list(_eager(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _eager(tree: ast.Module) -> Iterator[ast.AST]:
    todo: list[ast.AST] = [tree]
    while todo:
        for node in ast.iter_child_nodes(todo.pop()):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                todo.append(node)
                yield node


def _room(module: str) -> str:
    return module.split(".")[1] if module.startswith("curation.") else ""


@pytest.mark.parametrize("path", FILES, ids=str)
def test_each_heavy_library_has_one_room(path: Path) -> None:
    room = path.parts[1].removesuffix(".py")
    for module in _imports(path):
        rooms = ONLY_IN.get(module.split(".")[0])
        assert rooms is None or room in rooms, f"{path} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_torch_and_transformers_are_imported_only_when_a_student_is_needed(path: Path) -> None:
    for module in _imports(path, lazy=False):
        if module.split(".")[0] in ("torch", "transformers"):
            assert path.parts[:2] == ("curation", "student"), f"{path} imports {module}"
            assert path.name not in ("__init__.py", "packs.py"), f"{path} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_pure_rooms_know_the_ground_floor_and_themselves_only(path: Path) -> None:
    room = path.parts[1].removesuffix(".py")
    if room not in PURE | GROUND | {"store"}:
        return
    for module in _imports(path):
        other = _room(module)
        if other in ("", room) or other in GROUND or room in WITHIN_A_ROOM.get(other, ()):
            continue
        pytest.fail(f"{path} imports {module}")


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_in_the_library_imports_the_screen(path: Path) -> None:
    room = path.parts[1].removesuffix(".py")
    for module in _imports(path):
        if _room(module) in SCREEN:
            assert room in SCREEN, f"{path} imports {module}"


@pytest.mark.parametrize("path", [*FILES, *PAGES], ids=str)
def test_no_file_is_too_long_to_read_in_one_sitting(path: Path) -> None:
    limit = 120 if path in PAGES else 400
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= limit


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_pages_are_discovered_not_declared(path: Path) -> None:
    """With a `pages/` folder, a cold deep link to a page skips `app.py` (Streamlit 1.67).

    So whatever `st.navigation` in `app.py` sets up would be missing there: every page stands alone.
    """
    assert "st.navigation" not in (ROOT / path).read_text(encoding="utf-8")
    assert "with ui.page(" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*FILES, *PAGES], ids=str)
def test_no_text_is_ever_interpreted_as_html(path: Path) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert "unsafe_allow_html" not in text
    assert "st.html" not in text


@pytest.mark.parametrize(
    "path", sorted((ROOT / "curation/desk").glob("*.js")), ids=lambda p: p.name
)
def test_the_desk_builds_its_own_nodes_only(path: Path) -> None:
    """Markup is read in one place, into a document that does nothing, and copied by a list.

    What is read there was sanitised (tests/test_rendering.py), and what comes of it in a browser is
    tested in tests/browser/test_desk_rendered.py.
    """
    text = path.read_text(encoding="utf-8")
    for interpreter in (
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function",
        "setHTML", "createContextualFragment", "srcdoc", "importNode", "adoptNode", "cloneNode",
    ):  # fmt: skip
        assert interpreter not in text
    assert text.count("parseFromString") == (1 if path.name == "rendered.js" else 0)


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "__init__.py"], ids=str)
def test_public_names_are_listed_in_order_and_exist(path: Path) -> None:
    module = importlib.import_module(".".join(path.parent.parts))
    names = getattr(module, "__all__", None)
    if names is None:
        return
    assert list(names) == sorted(set(names), key=_in_order)
    for name in names:
        assert hasattr(module, name), f"{path} lists {name}"


def _in_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, each by name (as ruff sorts them)."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
