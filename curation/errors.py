"""The errors a person can put right, and nothing else.

    CurationError        something a person can put right; shown to them as it is written
      IngestError        a source cannot be read at all (one bad row is a refusal, no error)
      StudentError       the student cannot be loaded, or cannot score this
      StoreError         the store cannot do what was asked
        StoreBusy        another process holds the file
        StoreUnavailable it cannot be reached, read or written now; what was asked is not at fault
        MigrationError   the store's schema cannot be brought to ours; nothing was changed
        UnknownTrace     no trace has this id
      FilterError        a `where` or an order that the store cannot, or will not, run
      ExportError        the training set cannot be written as asked; nothing was left half-made
      SignedOut          nobody is signed in, or no longer
      Forbidden          whoever is signed in may not do this

A message says what happened, where (file:line, id, field), what was expected and the next step, in
one or two plain sentences. `ValueError` and `TypeError` are for misuse by code: the interface
never catches them.
"""

from __future__ import annotations


class CurationError(Exception):
    """Something a person can put right; the message is shown to them as it is written."""


class IngestError(CurationError):
    """A source cannot be read at all."""


class StudentError(CurationError):
    """The student cannot be loaded, or cannot score what it was given."""


class StoreError(CurationError):
    """The store cannot do what was asked."""


class StoreBusy(StoreError):
    """Another process holds the store's file; the message names it."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, read or written now; the same again may go well later."""


class MigrationError(StoreError):
    """The store's schema cannot be brought to this version's; nothing was changed."""


class UnknownTrace(StoreError):
    """No trace of the store has this id."""


class FilterError(StoreError):
    """A filter or an order that the store cannot run, or will not (it would touch files)."""


class ExportError(CurationError):
    """The training set cannot be written as asked; nothing was left half-made."""


class SignedOut(CurationError):
    """Nobody is signed in, or no longer; what was to be stored waits until somebody is."""


class Forbidden(CurationError):
    """Whoever is signed in may not do this; the message says which role may."""


def first_line(exc: BaseException) -> str:
    """What an error says, on one line: its first, or its name where it says nothing."""
    return (str(exc).strip() or type(exc).__name__).splitlines()[0][:300]
