"""axolotl's own reader on what the desk's decisions become: labelled words carry no loss."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import export
from curation.errors import ExportError
from curation.export import loss
from curation.store import Store
from tests.builders import a_trace
from tests.export_desk import decide, hold, hold_many, prefer
from tests.tiny import CHATML, a_tokenizer

TEXT = "<think>\nWait. The key says 60, so\nlet me check.\n</think>\n\nIt is 60."
# "The key says 60," runs from 14 to 30 of it: <think> is 0-6, a line break 7, "Wait." 8-12.
LEAK = (14, 30)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """A byte-level tokenizer whose chat template is ChatML."""
    return a_tokenizer(chat_template=CHATML, eos_token="<|im_end|>")


@pytest.fixture(scope="module")
def strategies() -> Iterator[Any]:
    """axolotl's `load`, its chatter off."""
    pytest.importorskip("axolotl")
    from axolotl.prompt_strategies import load

    logging.disable(logging.WARNING)
    yield load
    logging.disable(logging.NOTSET)


def a_strategy(load: Any, tokenizer: Any, written: str) -> Any:
    """The strategy that axolotl makes of the export's own `axolotl.yml`."""
    import yaml
    from axolotl.utils.dict import DictDefault

    (each,) = yaml.safe_load(written)["datasets"]
    cfg = DictDefault({"sequence_len": 4096, "train_on_inputs": False, "datasets": [each]})
    return load(each["type"], tokenizer, cfg, DictDefault(each))


def learnt(tokenizer: Any, row: dict[str, Any]) -> str:
    return str(
        tokenizer.decode(
            [t for t, label in zip(row["input_ids"], row["labels"], strict=True) if label != -100]
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("files", export.FILE_TYPES)
def test_axolotl_learns_everything_of_the_answer_but_the_labelled_words(
    store: Store, tmp_path: Path, strategies: Any, tokenizer: Any, files: export.files.FileType
) -> None:
    labelled, plain, kept, rejected = hold_many(store, [TEXT, "Four it is.", TEXT + "!", "No."])
    decide(store, labelled, spans=[[*LEAK, "leaks"]])
    decide(store, plain)
    decide(store, kept, spans=[[*LEAK, "good_hesitation"]])
    decide(store, rejected, "reject", spans=[[0, 2, "wrong"]])
    manifest = export.write(
        store, format="axolotl", out=tmp_path / "x", files=files, splits={"train": 1}
    )
    assert manifest.rows == {"train": 3}
    assert any("whole words: 1." in note for note in manifest.record["notes"])  # type: ignore[attr-defined]
    loaded = datasets.load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))["train"]
    strategy = a_strategy(strategies, tokenizer, (tmp_path / "x/axolotl.yml").read_text())
    found = {row["trace_id"]: learnt(tokenizer, strategy.tokenize_prompt(row)) for row in loaded}
    # "The key says 60," is gone. The space before it is a token of its own here, and harmless.
    assert found[labelled] == "<think>\nWait.  so\nlet me check.\n</think>\n\nIt is 60.<|im_end|>"
    assert found[plain] == "Four it is.<|im_end|>"
    assert found[kept] == TEXT + "!<|im_end|>"
    assert export.verify_export(tmp_path / "x").broken == []
    assert store.verify().broken == []


WORDS = ["The", " answer", " is", " forty", "two", ",", ".\n\n", " ", "  ", "\n", "é", "😀", " 12"]


@pytest.mark.slow
@pytest.mark.parametrize("trims", [True, False])
@given(text=st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map("".join), data=st.data())
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_token_with_a_labelled_character_is_trained_on_in_axolotl(
    strategies: Any, tokenizer: Any, trims: bool, text: str, data: st.DataObject
) -> None:
    from axolotl.prompt_strategies.chat_template import ChatTemplatePrompter
    from tokenizers import processors

    tokenizer.backend_tokenizer.post_processor = processors.ByteLevel(trim_offsets=trims)
    at = st.integers(0, len(text))
    spans = data.draw(st.lists(st.tuples(at, at).filter(lambda s: s[0] < s[1]), max_size=3))
    masked = loss.widened(text, spans)
    prompter = ChatTemplatePrompter(tokenizer, CHATML)
    offsets = prompter.get_offsets_for_train_detail(text, loss.train_detail(text, masked))
    # What a token really holds is known where offsets are not trimmed.
    tokenizer.backend_tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tiles = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    starts, ends = (list(side) for side in zip(*tiles, strict=True))
    labelled = {at for start, end in spans for at in range(start, end) if not text[at].isspace()}
    for offset, start, end in zip(offsets, starts, ends, strict=True):
        if offset != -100:
            assert not labelled & set(range(start, end))
    # Nothing is lost beyond the widened stretches and the tokens that reach into them.
    silent = {at for start, end in masked for at in range(start - 1, end + 1)}
    for offset, start, end in zip(offsets, starts, ends, strict=True):
        if offset == -100:
            assert silent & set(range(start, end))


@pytest.mark.slow
def test_the_end_of_a_stretch_is_inclusive_in_axolotl(strategies: Any, tokenizer: Any) -> None:
    from axolotl.prompt_strategies.chat_template import ChatTemplatePrompter

    prompter = ChatTemplatePrompter(tokenizer, CHATML)
    parts = [{"text": "The answer"}, {"text": " is", "train": False}, {"text": " forty two."}]
    from axolotl.prompt_strategies.chat_template import ChatTemplateStrategy

    text, theirs = ChatTemplateStrategy._convert_content_parts(parts)
    # "The answer" has 10 characters, " is" 3: [10, 13) is their 10 to 12, and ours lends the
    # space to the stretch before.
    assert [(d["begin_offset"], d["end_offset"] + 1) for d in theirs] == [
        (0, 10),
        (10, 13),
        (13, 24),
    ]
    ours = loss.train_detail(text, [(10, 13)])
    assert [(d["begin_offset"], d["end_offset"] + 1) for d in ours] == [(0, 11), (11, 13), (13, 24)]
    assert [d["train"] for d in theirs] == [True, False, True] == [d["train"] for d in ours]
    kept = prompter.get_offsets_for_train_detail(text, ours)
    ids = tokenizer(text)["input_ids"]
    shown = tokenizer.decode([i for i, at in zip(ids, kept, strict=True) if at != -100])
    assert shown == "The answer forty two."


def test_a_trace_labelled_from_end_to_end_has_a_turn_without_loss(
    store: Store, tmp_path: Path
) -> None:
    whole, other = hold_many(store, ["All wrong.", "Fine."])
    decide(store, whole, spans=[[0, 10, "wrong"]])
    decide(store, other)
    manifest = export.write(store, format="axolotl", out=tmp_path / "x", splits={"train": 1})
    rows = [json.loads(line) for line in (tmp_path / "x/train.jsonl").read_text().splitlines()]
    turns = {row["trace_id"]: row["messages"][1] for row in rows}
    # An empty list would be read as "no loss", so a turn says it by `train` alone.
    assert (turns[whole]["train"], turns[whole]["train_detail"]) == (False, None)
    assert (turns[other]["train"], turns[other]["train_detail"]) == (True, None)
    assert any("without any loss: 1." in note for note in manifest.record["notes"])  # type: ignore[attr-defined]


def test_which_labels_take_away_loss_is_the_recipe_s(store: Store) -> None:
    (one,) = hold_many(store, [TEXT])
    decide(store, one, spans=[[*LEAK, "leaks"], [31, 33, "my own word"]])

    def notes(*labels: str) -> tuple[str, ...]:
        told = export.preview(store, format="axolotl", teaching={"no_loss": labels}).notes
        return tuple(note for note in told if "without loss" in note)

    assert notes() == ()
    assert "labelled leaks)" in notes("leaks")[0]
    assert "labelled leaks, my own word)" in notes("my own word", "leaks")[0]
    with pytest.raises(ExportError, match="would leave these words in another place"):
        export.preview(store, format="axolotl", teaching={"reasoning": "thinking"})


def test_labels_on_a_trace_that_was_edited_mask_nothing_of_the_edit(
    store: Store, tmp_path: Path
) -> None:
    (one,) = hold_many(store, ["It is 4. The key says 60."])
    decide(store, one, spans=[[9, 25, "leaks"]], edit={"text": "It is 4. I think."})
    export.write(store, format="axolotl", out=tmp_path / "x", splits={"train": 1})
    (row,) = map(json.loads, (tmp_path / "x/train.jsonl").read_text().splitlines())
    assert row["messages"][1]["content"] == "It is 4. I think."
    assert row["messages"][1]["train_detail"] is None
    assert any(
        "about the original: 1." in note for note in export.preview(store, format="axolotl").notes
    )


@pytest.mark.slow
def test_axolotl_reads_choices_as_pairs(
    store: Store, tmp_path: Path, strategies: Any, tokenizer: Any
) -> None:
    import yaml
    from axolotl.prompt_strategies.dpo.chat_template import default
    from axolotl.utils.dict import DictDefault

    good, bad = hold(store, a_trace("I think it is 4."), a_trace("It is 5.", sample_index=1))
    prefer(store, good, bad)
    export.write(store, format="axolotl-dpo", out=tmp_path / "x", splits={"train": 1})
    written = yaml.safe_load((tmp_path / "x/axolotl.yml").read_text())
    assert written["datasets"][0]["path"] == "train.jsonl"
    (row,) = datasets.load_dataset(str(tmp_path / "x"), cache_dir=str(tmp_path / "cache"))["train"]
    transform, _ = default(DictDefault({**written, "chat_template": "tokenizer_default"}))
    read = transform(row, tokenizer=tokenizer)
    assert read["prompt"] == "<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n<|im_start|>assistant\n"
    assert read["chosen"] == "I think it is 4.<|im_end|>"
    assert read["rejected"] == "It is 5.<|im_end|>"


@pytest.mark.slow
def test_axolotl_reads_labels_as_kto_rows(store: Store, tmp_path: Path, strategies: Any) -> None:
    import yaml
    from axolotl.prompt_strategies.kto.user_defined import default
    from axolotl.utils.dict import DictDefault

    good, bad = hold_many(store, ["It is 0.", "It is 5."])
    decide(store, good)
    decide(store, bad, "reject")
    export.write(store, format="axolotl-kto", out=tmp_path / "x", splits={"train": 1})
    written = yaml.safe_load((tmp_path / "x/axolotl.yml").read_text())
    read = default(DictDefault(written))
    rows = [json.loads(line) for line in (tmp_path / "x/train.jsonl").read_text().splitlines()]
    found = [{name: read(row)[name] for name in ("prompt", "completion", "label")} for row in rows]
    assert found == [
        {"prompt": "What is 0 + 0?", "completion": "It is 0.", "label": True},
        {"prompt": "What is 1 + 1?", "completion": "It is 5.", "label": False},
    ]
    assert export.verify_export(tmp_path / "x").broken == []
