"""What the README promises exists."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from curation import __main__ as command_line
from curation import settings
from curation.commands import COMMANDS
from curation.errors import CurationError
from curation.settings import ROOT, Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_every_setting_stands_in_the_readme_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `HEDGEROW_(\w+)` \| `([^`]*)` \|", README, re.MULTILINE))
    default = Settings()
    expected = {field.name.upper(): getattr(default, field.name) for field in fields(Settings)}
    assert set(rows) == set(expected)
    for name, value in expected.items():
        shown = value.relative_to(ROOT) if name == "STORE" else value
        assert rows[name] == (str(int(shown)) if isinstance(shown, bool) else str(shown))


@pytest.mark.parametrize(
    "name",
    sorted(
        {name for name in COMMANDS if not name.endswith(("-plan", "-take-in"))}
        | {"score", "knowledge", "restore"}
    ),
)
def test_every_command_stands_in_the_readme_and_has_help(name: str) -> None:
    assert f"`{name}`" in README or f"-m curation {name}" in README
    with pytest.raises(SystemExit) as ended:
        command_line.main([name, "--help"])
    assert ended.value.code == 0


def test_every_file_of_the_tree_exists() -> None:
    tree = README.split("## What is where")[1].split("```")[1]
    named = re.findall(r"[\w/]+\.py|[\w/]+/", tree)
    missing = [
        name
        for name in named
        if not (ROOT / name).exists() and not (ROOT / "curation" / name).exists()
    ]
    assert missing == []


def test_every_test_that_architecture_names_exists() -> None:
    for name in re.findall(r"`(tests/[\w/*]+\.py)`", ARCHITECTURE):
        assert list(ROOT.glob(name)), name


def test_every_package_of_the_requirements_has_its_reason() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    packages = [line.split("==")[0] for line in lines if "==" in line]
    table = README.split("## What it stands on")[1]
    assert [package for package in packages if not re.search(rf"\b{package}\b", table)] == []
    assert all("==" in line or line.startswith("#") for line in lines if line)


def test_every_link_to_a_file_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_the_settings_are_read_from_the_environment_and_checked() -> None:
    read = settings.read({"HEDGEROW_STORE": "~/x.duckdb", "HEDGEROW_DTYPE": "bfloat16"})
    assert read.dtype == "bfloat16"
    assert "~" not in str(read.store)
    for name, value in (
        ("HEDGEROW_DTYPE", "int4"),
        ("HEDGEROW_BACKGROUND_SCORING", "yes"),
        ("HEDGEROW_MAX_TRACE_CHARS", "-1"),
    ):
        with pytest.raises(CurationError, match=name):
            settings.read({name: value})
