"""Decisions -> a training set on disk, with a manifest from which it can be checked.

Owns what is asked for (`recipe`), which rows go out and where (`planning`; by kind `taking`, pairs
`preferences` and `contrasts`, steps `stepwise`, directives `privileged`), what a row looks like
(`formats`), what its words count for (`loss`; `weights`, `weighted`), what stands in it where a
trace was accepted with an edit (`editions`), which split a problem belongs to (`splits`,
`duplicates`), which rows go out (`choosing`: `selection`, and `contamination` by `benchmarks`),
what the set is held against and warned of (`scales`, `weighing`, `measures`, `sides`, `cautions`,
`scale_words`), how far below unguided it may hesitate (`budget`), the record and the card that go
with it (`manifest`, `card`), the texts, read while rows are written (`streaming`), the files
(`files`), how a folder comes to be all at once or not at all (`folder`), the check of a finished
export (`verification`), and a recipe and its run told from another (`versions`, `rebuilding`);
`writing` puts them together. Knows the store only as an `ExportSource`; knows nothing of DuckDB,
models or screens.

What holds, whatever the format:
- A kind of row is taken by one rule (`taking`): what is learnt from was `accepted`, was preferred,
  or carries the label that people gave it. Everything else is counted by its state or reason in the
  preview, the card and the manifest; nothing is left out unsaid, and an empty export is refused.
- A problem stands in one split only, and so do problems of near-duplicate prompts (`splits`).
- A set below its hedging budget is refused unless somebody signed for it; so is a budget that
  cannot be looked at.
- Same store, same options: same bytes. No time, path or machine name is written into any file.
- The folder appears complete or not at all; one that stands there is not touched unasked.
"""

from curation.export.budget import Budget, Override
from curation.export.contamination import BenchmarkFile, Contamination
from curation.export.files import FILE_TYPES
from curation.export.formats import FORMATS, is_of_pairs
from curation.export.layout import Layout
from curation.export.manifest import ExportedFile, Manifest, export_id
from curation.export.planning import Preview
from curation.export.preferences import PAIR_SCHEMA, PAIR_STATES
from curation.export.privileged import DIRECTIVES_SCHEMA, REFERENCES_SCHEMA
from curation.export.recipe import Recipe, read_recipe, recipe_from
from curation.export.scales import FIGURE_SCHEMA
from curation.export.selection import BestOf, Quota, Selection
from curation.export.source import EXPORT_SCHEMA, STATES, ExportSource
from curation.export.splits import DEFAULT_SPLITS, assign_splits, parse_splits
from curation.export.stepwise import STEPS_SCHEMA
from curation.export.verification import Verification, verify_export
from curation.export.writing import on_scales, preview, refuse, write

__all__ = [
    "DEFAULT_SPLITS",
    "DIRECTIVES_SCHEMA",
    "EXPORT_SCHEMA",
    "FIGURE_SCHEMA",
    "FILE_TYPES",
    "FORMATS",
    "PAIR_SCHEMA",
    "PAIR_STATES",
    "REFERENCES_SCHEMA",
    "STATES",
    "STEPS_SCHEMA",
    "BenchmarkFile",
    "BestOf",
    "Budget",
    "Contamination",
    "ExportSource",
    "ExportedFile",
    "Layout",
    "Manifest",
    "Override",
    "Preview",
    "Quota",
    "Recipe",
    "Selection",
    "Verification",
    "assign_splits",
    "export_id",
    "is_of_pairs",
    "on_scales",
    "parse_splits",
    "preview",
    "read_recipe",
    "recipe_from",
    "refuse",
    "verify_export",
    "write",
]
