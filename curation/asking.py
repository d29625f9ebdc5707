"""Commands that need a student: the work is done here, the store may be held by another process.

A conductor. `on_the_store(command, arguments)` runs a command on the store, wherever it is held;
`bar(what)` is a progress bar. The student is loaded first, since only it knows under which
convention and recipes its numbers will stand.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from curation import knowledge as finding

Answer = dict[str, Any]
OnTheStore = Callable[[str, dict[str, Any]], dict[str, Any]]
Bar = Callable[..., AbstractContextManager[Any]]


def score(path: Path, arguments: dict[str, Any], on_the_store: OnTheStore, bar: Bar) -> Answer:
    """Score what is not scored: the job from the store, the work here, the packs to the store."""
    from curation.student import worker
    from curation.student.families import Recipes

    on_the_store("status", {})  # says what is wrong before the student is loaded
    began = time.monotonic()
    families = arguments["scores"]
    with bar("loading the student", delay=0.0) as shown:
        student = _loaded(path, arguments)
        convention = _convention(student)
        asked = {"convention": convention, "families": families, "recipes": Recipes(student).ids}
        job = on_the_store("score-plan", {**asked, "limit": arguments["limit"], "pid": os.getpid()})
        shown.set_description("score", refresh=False)
        shown.reset(job["n"])
        if arguments["engine"] == "ray":
            from curation.student import ray_engine

            done = ray_engine.run(
                student,
                Path(job["job"]),
                Path(job["packs"]),
                dtype=arguments["dtype"],
                cache_dir=path.parent / "students",
                n_actors=arguments["actors"],
                limit=arguments["limit"],
                on_scored=shown.update,
            )
        else:
            # The limit again: the job may be replaced by the app's meanwhile.
            done = worker.run(
                student,
                Path(job["job"]),
                Path(job["packs"]),
                limit=arguments["limit"],
                on_scored=shown.update,
            )
    taken = on_the_store("score-take-in", asked)
    seconds = time.monotonic() - began
    return {
        "student": convention["student"],
        "scored": done.n_scored,
        "failed": done.n_failed,
        "n_tokens": done.n_tokens,
        "seconds": seconds,
        "tokens_per_second": done.n_tokens / seconds if seconds else 0.0,
        "convention_id": convention["convention_id"],
        "scores": list(families),
        "waiting": taken["waiting"],
        "set_aside": taken["set_aside"],
    }


def knowledge(path: Path, arguments: dict[str, Any], on_the_store: OnTheStore, bar: Bar) -> Answer:
    """Let a student answer the problems it was not asked yet; what it will cost is said first."""
    from curation.student import recipe_id_of, sampling

    given = arguments["samples"], arguments["max_tokens"], arguments["seed"]
    record = sampling.recipe(*given)
    with bar("loading the student", delay=0.0) as shown:
        student = _loaded(path, arguments)
        convention = _convention(student)
        problems = on_the_store(
            "knowledge-plan",
            {
                "convention_id": convention["convention_id"],
                "recipe_id": recipe_id_of(record),
                "limit": arguments["limit"],
            },
        )["problems"]
        n_at_most = finding.most_tokens(len(problems), *given[:2])
        answer = {
            "student": convention["student"],
            "problems": len(problems),
            "n_tokens_at_most": n_at_most,
        }
        if arguments["estimate"]:
            return {**answer, "asked": 0, "classes": {}, "failed": [], "n_tokens": 0}
        if sys.stderr.isatty():
            sys.stderr.write(
                f"{len(problems)} problems, 1 + {given[0]} answers each: {n_at_most:,} tokens to "
                "generate at most; what is found is kept when this is stopped\n"
            )
        shown.set_description("knowledge", refresh=False)
        shown.reset(len(problems))

        def store_row(row: dict[str, Any]) -> None:
            on_the_store(
                "knowledge-take-in", {"row": row, "convention": convention, "recipe": record}
            )

        found = finding.run(
            student,
            problems,
            n_samples=given[0],
            max_tokens=given[1],
            seed=given[2],
            store_row=store_row,
            on_asked=shown.update,
        )
    return {**answer, **found}


def _loaded(path: Path, arguments: dict[str, Any]) -> Any:
    from curation import student as students

    return students.load(
        arguments["student"],
        dtype=arguments["dtype"],
        threads=os.cpu_count(),
        cache_dir=path.parent / "students",
    )


def _convention(student: Any) -> dict[str, Any]:
    return {
        "convention_id": student.convention.convention_id,
        "student": student.convention.student,
        "record": dict(student.convention.record),
    }
