"""No serious accessibility finding, on the desk in each of its states and on every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from curation import checks, guidance
from curation import store as stores
from curation.checks import Request
from curation.settings import ROOT
from tests.browser.axe import serious
from tests.browser.conftest import PATIENCE_MS
from tests.browser.driver import Bench, Desk
from tests.browser.made_up import some_cards
from tests.browser.server import Server
from tests.builders import a_batch, a_pack, a_trace

pytestmark = pytest.mark.browser

SCHEMES = ["light", "dark"]
WINDOW: ViewportSize = {"width": 1400, "height": 900}
STUDENT = "smollm2-135m-instruct"


@pytest.fixture(scope="module", params=SCHEMES)
def tab(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[tuple[Page, str]]:
    """A page of a profile that prefers the light or the dark theme, and which."""
    context = chromium.new_context(color_scheme=request.param, viewport=WINDOW)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page(), request.param
    context.close()


@pytest.fixture(scope="module")
def app(
    serving: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Server, str]:
    """The app on twelve scored traces, some decided, and the spot check that is drawn there."""
    path = tmp_path_factory.mktemp("axe") / "hedgerow.duckdb"
    traces = [
        a_trace(
            f"Number {n}. Wait, perhaps it is {n}.\n\nSo {n} it is.",
            teacher_context=("unguided", "solution")[n % 2],
            context_text="What only the teacher saw." if n % 2 else None,
        )
        for n in range(12)
    ]
    with stores.open(path) as store:
        store.add(a_batch(*traces), "i")
        store.add_pack(a_pack(traces), "cv1_a", STUDENT, {"dtype": "float32"}, "p")
        guidance.write_guidelines(store, "Reject **leaks**.", "ada", None)
        check = checks.create(store, Request("five", 5, where="true"), created_by="ada")
    env = {"HEDGEROW_STORE": str(path), "HEDGEROW_BACKGROUND_SCORING": "0"}
    return serving(ROOT / "app.py", env=env), check


def test_the_desk_has_no_serious_finding_in_any_state(bench: Bench, tab: tuple[Page, str]) -> None:
    page, scheme = tab
    bench.lay(some_cards(2))
    bench.guide(f"gl1_{1:024x}", "Reject **leaks**.", [("leak", "Leaks privilege", False)])
    desk = Desk(page.context, bench.server, home=bench.home.name, blind=1).open()
    expect(desk.page.locator(".desk")).to_have_attribute("data-scheme", scheme)
    found = {"blind first": serious(desk.page, scheme)}
    desk.press("v", "j", "+", ".")
    expect(desk.find(".readout")).to_contain_text("log-likelihood")
    found["card"] = serious(desk.page, scheme)
    desk.press("s")
    expect(desk.find(".spanmenu")).to_be_visible()
    found["span menu"] = serious(desk.page, scheme)
    desk.press("1")
    expect(desk.find(".spanmenu")).to_be_hidden()
    desk.press("w")
    expect(desk.page.locator(".desk")).to_have_attribute("data-view", "rendered")
    found["rendered, with a span"] = serious(desk.page, scheme)
    desk.press("w")
    expect(desk.page.locator(".desk")).to_have_attribute("data-view", "exact")
    desk.press("e")
    desk.find(".edit-field").fill("Another text.")
    expect(desk.find(".editor ins").first).to_be_visible()
    found["editor"] = serious(desk.page, scheme)
    desk.press("Escape", "i")
    expect(desk.find(".guide strong")).to_be_visible()
    found["guidelines"] = serious(desk.page, scheme)
    desk.press("Escape", "?")
    expect(desk.find(".sheet")).to_be_visible()
    found["key sheet"] = serious(desk.page, scheme)
    desk.press("Escape", "a").wait_until_saved(1)
    desk.press("p")
    expect(desk.find(".banner")).to_be_visible()
    found["decided"] = serious(desk.page, scheme)
    desk.press("n", "f").wait_for_phase("end").wait_until_saved(2)
    found["end"] = serious(desk.page, scheme)
    assert {state: finds for state, finds in found.items() if finds} == {}
    desk.page.close()


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("", "[data-testid=stMetric]"),
        ("Ingest", "[data-testid=stFileUploader]"),
        ("Scores", "[data-testid=stDataFrame]"),
        ("Review?reviewer=ada", ".desk[data-phase=card]"),
        ("Spot_check", "[data-testid=stPlotlyChart]"),
        ("Agreement", "[data-testid=stHeading]"),
        ("Export", "[data-testid=stHeading]"),
        ("Lexicon", "[data-testid=stTextInput]"),
        ("Compare?reviewer=ada", ".desk[data-phase=card]"),
        ("Review?blind={check}&reviewer=ada", ".desk[data-phase=card]"),
    ],
)
def test_no_page_has_a_serious_finding_of_ours_or_is_wider_than_a_narrow_window(
    app: tuple[Server, str], tab: tuple[Page, str], path: str, there: str
) -> None:
    page, scheme = tab
    server, check = app
    page.set_viewport_size(WINDOW)
    page.goto(f"{server.url}/{path.format(check=check)}")
    expect(page.locator(there).filter(visible=True).first).to_be_visible()
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached()
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    assert serious(page, scheme) == []
    page.set_viewport_size({"width": 480, "height": 800})
    main = page.get_by_test_id("stMain")
    expect(main).to_have_js_property("clientWidth", 480)
    expect(main).to_have_js_property("scrollWidth", 480)
