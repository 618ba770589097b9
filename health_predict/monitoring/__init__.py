"""Monitoring: whether a batch drifts from what the champion learnt, and what follows from it.

The names of a reference's files stand here, where naming them imports nothing.
"""

REFERENCE_JSON, REFERENCE_NULL = "reference.json", "reference_null.npz"
REFERENCE_FILES = (REFERENCE_JSON, REFERENCE_NULL)
