"""What this student can absorb of a trace: the arithmetic from per-token numbers and texts.

Owns the definitions of `records.COMPATIBILITY_COLUMNS` and of what is shown beside them. Takes
arrays, texts and frames; gives numbers, named tuples and frames. Knows nothing of models, stores
or screens, and nothing is computed on import.

A likelihood is no verdict: none of these numbers may be read alone (`catalogue` says of each what
it must not be used for), and none compares across conventions or students.
"""
