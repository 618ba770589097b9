"""How Flask reads a body here: as strict JSON, and only if it says that it is JSON."""

from typing import Any, NoReturn

from flask import Request
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import ImmutableMultiDict

from serving import refusals
from serving.refusals import Refusal, RefusedError
from serving.strict_json import UnreadableJsonError, read_json

_CHARSETS = ("utf-8", "utf8", "us-ascii")


class StrictJsonProvider(DefaultJSONProvider):
    """Reads strictly and writes the keys in their order, without blanks."""

    sort_keys = False
    compact = True

    def loads(self, s: str | bytes, **_: object) -> Any:  # noqa: ANN401 - any JSON value
        """Decode a body; see read_json."""
        return read_json(s)


class JsonRequest(Request):
    """A request whose body is refused with a reason when it is not strict JSON."""

    form = ImmutableMultiDict[str, str]()  # seldon-core looks into it first; no form is taken, see `require_json`

    def on_json_loading_failure(self, e: ValueError | None) -> NoReturn:
        """Answer 400; Flask calls this with None for a wrong content type, which `require_json` has refused before."""
        info = str(e) if isinstance(e, UnreadableJsonError) else refusals.OF_CODE[400][1]
        raise RefusedError(Refusal(400, refusals.UNREADABLE, info)) from None


def require_json(posted: Request) -> None:
    """Refuse with 415 what is not sent as plain UTF-8 JSON."""
    charset = posted.mimetype_params.get("charset", "utf-8").lower()
    coding = posted.headers.get("Content-Encoding", "identity").lower()
    if posted.mimetype != "application/json" or charset not in _CHARSETS or coding != "identity":
        raise RefusedError(refusals.of_code(415))
