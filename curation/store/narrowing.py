"""The definitions of views over some of their rows, as common table expressions.

DuckDB does not push a set of ids through a view that groups or joins, so asking such a view of few
traces takes as long as asking it of all. What is here writes the views out, in the words in which
the store holds them, over tables narrowed to the rows that are asked for: a row is the same
whichever way it is asked for. Knows nothing of what the views say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping


def narrowed(views: Mapping[str, str], wanted: Iterable[str], tables: Mapping[str, str]) -> str:
    """`with …` before a query, that gives it the views `wanted` over the rows of `tables` alone.

    `views` has the definition of every view of the store by its name (`create view …`), `tables`
    the condition that rows of a table must meet. Other tables are as they are.
    """
    bodies = {
        name: re.sub(r"(?is)^create view \S+ as\s+", "", sql).rstrip("; \n")
        for name, sql in views.items()
    }
    seen: set[str] = set()
    needed: dict[str, str] = {}

    def need(name: str) -> None:
        seen.add(name)
        # A column that is called like a view adds one that is not used.
        for word in dict.fromkeys(re.findall(r"\w+", bodies[name])):
            if word in bodies and word not in seen:
                need(word)
        needed[name] = bodies[name]

    for name in wanted:
        if name not in seen:
            need(name)
    some = [
        f"{table} as not materialized (select * from main.{table} where {condition})"
        for table, condition in tables.items()
    ]
    return "with " + ", ".join([*some, *(f"{name} as ({sql})" for name, sql in needed.items())])
