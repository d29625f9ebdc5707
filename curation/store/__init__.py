"""The only door to DuckDB: one file that holds everything, owned by one process.

    store = curation.store.open("data/hedgerow.duckdb")

Owns the schema (curation/migrations) and every query. Promises: a write is on disk when its method
returns; writing twice stores once; nothing said is ever edited or deleted; numbers of different
conventions are never mixed. Does not know models, files to ingest, trainers or screens.

    connection.py     the file: migrating, transactions; instance.py: opening it
    address.py        where a store is; quack.py: a store on a server; serving.py: being one
    intake.py         records in
    scoring.py        conventions, score packs
    lexicons.py       lexicons and their changes, languages, markings
    profiling.py      recipes, families of numbers, shortcuts, knowledge of problems
    deciding.py       decisions and withdrawals; decision_rows.py: as rows
    extras.py         what they say beside the verdict: steps, spans, confidence
    edits.py          the text that an accepted decision carries, and its trace
    preferring.py     pairs of traces, and which was chosen
    guidelines.py     guidelines and reason sets, versioned
    checking.py       spot checks, known states
    assigning.py      who shall read what
    adjudicating.py   disputes, and who settled them
    golding.py        traces whose right verdict is known
    recipes.py        recipes of exports, versioned
    marks.py          numbered marks on traces, looked at again
    progressing.py    who decided how much, and how fast
    exporting.py      what an export asks: rows, then texts
    token_evidence.py what the student said of each token
    listing.py        lists of traces, and the first of them
    reading.py        what the rest of the house asks
    accounts.py       who may come in, and sessions; auditing.py: who did what
    safekeeping.py    verify, backup, restore
    copying.py        everything of one store into another
"""

from __future__ import annotations

import uuid
from pathlib import Path

from curation.errors import StoreError
from curation.store.accounts import Account
from curation.store.address import Address, is_address
from curation.store.address import read as read_address
from curation.store.adjudicating import Adjudicating
from curation.store.assigning import Assigning
from curation.store.bulk import Bulk
from curation.store.copying import copy
from curation.store.edits import Edited
from curation.store.exporting import Exporting
from curation.store.finding import Finding
from curation.store.following import Following
from curation.store.gathering import Gathering
from curation.store.golding import Golding
from curation.store.guidelines import Guiding
from curation.store.intake import Added, Intake
from curation.store.lexicons import LANGUAGE_SCHEMA
from curation.store.listing import ORDERS, UNREAD, Listing
from curation.store.preferring import Preferring
from curation.store.profiling import SHORTCUT_SCHEMA
from curation.store.progressing import Progressing
from curation.store.recipes import RecipeKeeping, SavedRecipe
from curation.store.safekeeping import Copy, Safekeeping, Verification, restore
from curation.store.scoring import Taken
from curation.store.students import Reader
from curation.store.supervising import Supervising
from curation.store.token_evidence import TokenEvidence
from curation.store.weighing import Weighing

__all__ = [
    "LANGUAGE_SCHEMA",
    "ORDERS",
    "SHORTCUT_SCHEMA",
    "UNREAD",
    "Account",
    "Added",
    "Address",
    "Copy",
    "Edited",
    "Reader",
    "SavedRecipe",
    "Store",
    "Taken",
    "Verification",
    "copy",
    "is_address",
    "open",
    "read_address",
    "restore",
]


class Store(
    Intake,
    Following,
    Adjudicating,
    Assigning,
    Exporting,
    Gathering,
    Golding,
    Guiding,
    Listing,
    Finding,
    Bulk,
    Preferring,
    Progressing,
    Weighing,
    RecipeKeeping,
    Supervising,
    TokenEvidence,
    Safekeeping,
):
    """An open store."""

    def __enter__(self) -> Store:
        return self


def open(path: str | Path, *, create: bool = True, serves: bool = False) -> Store:
    """The store at `path`, brought to the newest schema (an older file is copied aside first).

    `path` may be `quack:host:port`, a store server, which keeps its schema itself. `serves`: hold
    the file for other processes too (see serving.py).

    Raises StoreBusy (another process holds it), MigrationError (it is newer, or no Hedgerow
    store, or a server of another version), StoreError (it cannot be opened or reached, or `create`
    is False and it is not there).
    """
    if is_address(path):
        return Store(read_address(str(path)))
    path = Path(path).expanduser().absolute()
    if not create and not path.exists():
        raise StoreError(
            f"There is no store at {path}. `python -m curation ingest FILE` makes one; "
            "--store or HEDGEROW_STORE names another."
        )
    store = Store(path, serves=serves)
    try:
        if store.setting("store_id") is None:
            store.set_setting("store_id", str(uuid.uuid4()))
    except BaseException:
        store.close()
        raise
    return store
