"""Let the embedded student write traces for the demo problems: a second, weak teacher.

    python scripts/make_demo_student_traces.py     # goes on where it stopped

For every problem of `data/demo/problems.jsonl` one trace under each of three teacher contexts:
`unguided` (the prompt alone), `answer` (and the reference answer) and `solution` (and the reference
solution). The prompts are the student's own (`curation.student.questions.PRIVILEGED`): the one with
the solution is that of Kim et al., verbatim (`eval_with_hint.py` of
https://github.com/beanie00/self-distillation-analysis at 5c51051); the one with the answer alone is
ours, after it. Temperature, top-p and top-k are theirs too (arXiv 2603.24472); they let a model
write 32,768 tokens, which this one does not use: it stops or repeats itself.

Every record says in `extra` how it was made. One batch has one seed, made from `--seed` and the
batch's first problem, in float32 on one thread: the same seed gives the same bytes on the same
machine, interrupted or not. Batches are written whole; what is left of one that was not is dropped
and drawn again. The text is what the model wrote, whatever it is: nothing is picked or mended.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from curation.compatibility.answers import answers_agree  # noqa: E402
from curation.student import EMBEDDED, load  # noqa: E402

DEMO = ROOT / "data" / "demo"
CONTEXTS = {"unguided": None, "answer": "reference_answer", "solution": "reference_solution"}
"""Teacher context -> the field of a problem that is shown beyond its prompt."""

TEMPERATURE, TOP_P, TOP_K, MAX_NEW_TOKENS = 0.6, 0.95, 20, 384
PROBLEMS_A_BATCH = 4
FAMILY = "SmolLM2"

_ANSWER_LINE = re.compile(
    r"answer\s*(?::[ \t*]*(?P<line>[^\n]*)|is\b:?[ \t*]*(?P<clause>(?:[^\n.]|\.(?!\s))*))",
    re.IGNORECASE,
)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_SET_OFF = " \t*`'\"“”‘’"

Row = dict[str, Any]


def final_answer(text: str) -> str | None:
    r"""What a trace gives as its answer, in the form that the demo's prompts ask for.

    The rest of the last line with `Answer:`, or of the sentence behind `answer is` (bold and
    quotation marks taken off), else the last `\boxed{…}` as it stands; None where there is none of
    these. No number is fished out of prose.
    """
    for found in reversed(list(_ANSWER_LINE.finditer(text))):
        said = (found["line"] or found["clause"] or "").strip(_SET_OFF)
        if said:
            return said.rstrip(".").rstrip(_SET_OFF) or None
    boxes = list(_BOX.finditer(text))
    return text[boxes[-1].start() :].splitlines()[0].strip() if boxes else None


def batches(problems: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """The problems in their order, `PROBLEMS_A_BATCH` at a time."""
    for first in range(0, len(problems), PROBLEMS_A_BATCH):
        yield tuple(problems[first : first + PROBLEMS_A_BATCH])


def batch_seed(seed: int, batch: Sequence[Row]) -> int:
    """The seed of a batch: of no other batch's, whatever was drawn before."""
    return zlib.crc32(f"{seed}:{batch[0]['problem_id']}".encode())


def whole_batches(lines: Sequence[str], problems: Sequence[Row]) -> int:
    """How many batches stand complete at the head of the file's lines.

    Raises SystemExit where a line is of another problem or context than its place says: then the
    file is not this script's, and is left alone.
    """
    expected = [(p["problem_id"], context) for p in problems for context in CONTEXTS]
    found = 0
    for place, line in enumerate(lines[: len(expected)]):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            break  # torn by an interruption
        if (row["extra"]["problem_id"], row["teacher_context"]) != expected[place]:
            raise SystemExit(
                f"Line {place + 1} of the file holds {row['id']}, where {expected[place]} was "
                "expected: it was not written by this script for these problems. Name another "
                "file with --out."
            )
        found = place + 1
    if found == len(expected):
        return len(list(batches(problems)))
    return found // (PROBLEMS_A_BATCH * len(CONTEXTS))


def record(problem: Row, context: str, text: str, settings: Row) -> Row:
    """The native record of one trace.

    `correct` is null where the trace gives no answer that can be read: it may still be right
    ("There are 54 coins"), and nobody said.
    """
    shown = CONTEXTS[context]
    answer = final_answer(text)
    return {
        "id": f"{problem['problem_id']}-{context}-{EMBEDDED}",
        "source": "written for this project",
        "licence": "CC0-1.0",
        "domain": problem["domain"],
        "prompt": problem["prompt"],
        "reference_answer": problem["reference_answer"],
        "reference_solution": problem["reference_solution"],
        "teacher": EMBEDDED,
        "teacher_context": context,
        "context_text": None if shown is None else problem[shown],
        "trace": text,
        "final_answer": answer,
        "correct": None if answer is None else answers_agree(answer, problem["reference_answer"]),
        "sample_index": 0,
        "extra": {
            "problem_id": problem["problem_id"],
            "difficulty": problem["difficulty"],
            "hidden_reasoning": False,
            "teacher_family": FAMILY,
            **settings,
        },
    }


def _prompt(problem: Row, context: str) -> str:
    from curation.student.questions import privileged_prompt

    shown = CONTEXTS[context]
    if shown is None:
        return str(problem["prompt"])
    return privileged_prompt(problem["prompt"], context, problem[shown])


def _write_batch(student: Any, batch: Sequence[Row], seed: int, max_new_tokens: int) -> list[Row]:
    """The records of a batch, drawn together."""
    import torch

    from curation.student.questions import PRIVILEGED

    asked = [(problem, context) for problem in batch for context in CONTEXTS]
    encoder, model = student.encoder, student.forward.model
    prompts = [encoder.plain_ids(encoder.prefix(_prompt(p, c))) for p, c in asked]
    width = max(map(len, prompts))
    padded = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.zeros_like(padded)
    for row, ids in enumerate(prompts):  # on the left: what is generated must follow the text
        padded[row, width - len(ids) :] = torch.tensor(ids)
        mask[row, width - len(ids) :] = 1
    torch.manual_seed(batch_seed(seed, batch))
    ends = encoder.end_ids
    with torch.inference_mode():
        found = model.generate(
            padded, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=True,
            temperature=TEMPERATURE, top_p=TOP_P, top_k=TOP_K, eos_token_id=sorted(ends),
            pad_token_id=min(ends),
        )  # fmt: skip
    convention = student.convention.record
    written = []
    for (problem, context), drawn in zip(asked, found[:, width:].tolist(), strict=True):
        stops = [i for i, token in enumerate(drawn) if token in ends]
        text = encoder.text_of(drawn[: stops[0]] if stops else drawn).strip()
        if not text:
            raise SystemExit(
                f"{problem['problem_id']} under {context} came out empty, which no record can "
                "hold. Take another --seed and another --out."
            )
        settings = {
            "model": convention["revision"], "dtype": convention["dtype"], "seed": seed,
            "batch_seed": batch_seed(seed, batch), "temperature": TEMPERATURE, "top_p": TOP_P,
            "top_k": TOP_K, "max_new_tokens": max_new_tokens,
            "prompt_template": PRIVILEGED.get(context, "{prompt}"),
            "chat_frame": convention["prefix"], "versions": convention["versions"],
            "n_new_tokens": stops[0] if stops else len(drawn), "truncated": not stops,
        }  # fmt: skip
        written.append(record(problem, context, text, settings))
    return written


def main(argv: list[str] | None = None) -> int:
    """Write what is missing of the file, batch by batch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=DEMO / "student.jsonl")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-new-tokens", type=int, default=MAX_NEW_TOKENS)
    chosen = parser.parse_args(argv)
    problems = [json.loads(line) for line in (DEMO / "problems.jsonl").open(encoding="utf-8")]
    todo = list(batches(problems))
    lines = chosen.out.read_text("utf-8").splitlines() if chosen.out.exists() else []
    n_done = whole_batches(lines, problems)
    kept = lines[: n_done * PROBLEMS_A_BATCH * len(CONTEXTS)]
    if n_done == len(todo):
        print(f"{chosen.out} is complete: {len(kept)} traces", file=sys.stderr)
        return 0
    student = load(EMBEDDED, threads=1)
    whole = chosen.out.with_name(chosen.out.name + ".new")
    for number, batch in enumerate(todo[n_done:], start=n_done + 1):
        began = time.monotonic()
        rows = _write_batch(student, batch, chosen.seed, chosen.max_new_tokens)
        kept += [json.dumps(row, ensure_ascii=False) for row in rows]
        whole.write_text("\n".join(kept) + "\n", encoding="utf-8")
        os.replace(whole, chosen.out)
        n_right = sum(row["correct"] is True for row in rows)
        print(
            f"batch {number} of {len(todo)}: {len(rows)} traces, {n_right} correct, "
            f"{time.monotonic() - began:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
