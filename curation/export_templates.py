"""The chat templates of students, for exports: loaded when a recipe asks, once a process.

Conductor: joins `export`, whose recipes name a student, with `student.template`, which renders it.
transformers is loaded when a template is asked for, not before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curation.student.template import ChatTemplate


def of(store_path: Path) -> Callable[[str], ChatTemplate]:
    """The templates of students by name, unpacked beside the store where they come as GGUF."""
    folder = store_path.parent / "students"

    def template(student: str) -> ChatTemplate:
        return _loaded(student, folder)

    return template


@cache
def _loaded(student: str, folder: Path) -> ChatTemplate:
    from curation.student import template

    return template.of_student(student, cache_dir=folder)
