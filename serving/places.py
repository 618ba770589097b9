"""Describes an exception without its text, which could quote a request."""

import traceback

_FRAMES = 3


def kind_and_place(error: BaseException | None) -> str:
    """Return the kind of an exception and the innermost lines of code it came through."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:] if error else []
    places = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places or 'no known place'}"
