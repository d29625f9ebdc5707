"""Automated accessibility findings: axe-core on a page as it stands, less what is not ours.

`serious` gives what is left to mend: axe's serious and critical findings under all of its default
rules and under `label-content-name-mismatch` (WCAG 2.5.3, which axe still calls experimental). What
Streamlit draws and no setting of ours can change stands in `STREAMLITS_OWN`, by rule and selector.
Nothing inside the desk's shadow root can be on that list. A scan finds a part of what can be wrong;
names, order and focus have tests of their own (`test_desk_access`).
"""

from __future__ import annotations

from typing import NamedTuple

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OPTIONS = {
    "resultTypes": ["violations"],
    "rules": {"label-content-name-mismatch": {"enabled": True}},
}
GRAVE = {"serious", "critical"}


class Own(NamedTuple):
    """A finding that is Streamlit's: in which element, of which rule, in which colour schemes."""

    rule: str
    within: str
    schemes: tuple[str, ...]
    why: str


STREAMLITS_OWN = (
    Own(
        "color-contrast", '[data-testid="stButtonGroup"] [data-selected="true"]', ("dark",),
        "The chosen pill writes the primary colour on a tint of itself, 3.5 to 1; no colour gives "
        "4.5 to 1 both there and under the white text of a primary button.",
    ),
)  # fmt: skip
"""As short as can be: a finding that is not on it fails the test."""
"""As short as can be: a finding that is not on it fails the test."""

WITHIN = """([target, within]) => typeof target === "string"
    && document.querySelector(target)?.closest(within) != null"""


def serious(page: Page, scheme: str) -> list[str]:
    """What axe finds that is serious and ours, a line each: rule, place, markup, reason."""
    found = []
    for violation in Axe().run(page, options=OPTIONS).response["violations"]:
        if violation["impact"] not in GRAVE:
            continue
        for node in violation["nodes"]:
            target = node["target"][0] if len(node["target"]) == 1 else node["target"]
            if not any(
                own.rule == violation["id"]
                and scheme in own.schemes
                and page.evaluate(WITHIN, [target, own.within])
                for own in STREAMLITS_OWN
            ):
                why = "; ".join(
                    check["message"] for check in node["any"] + node["all"] + node["none"]
                )
                found.append(f"{violation['id']} at {target}: {node['html'][:160]}: {why}")
    return found
