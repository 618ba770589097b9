"""Whether an MLflow server can be worked with: it answers, lets the user in, and its database does."""

import requests

from health_predict.errors import InfrastructureError

_PATIENCE = (3.05, 15.0)  # seconds to connect, to answer
_REFUSED = (requests.codes.unauthorized, requests.codes.forbidden)


def check_server(url: str, login: tuple[str, str] | None) -> None:
    """Ask for its health and for one experiment, which its database has to answer.

    Args:
        login: user and password, None for a server without a login.

    Raises:
        InfrastructureError: it does not answer, refuses the user, or cannot ask its database.
    """
    health = _status(f"{url}/health", None, url)
    if health != requests.codes.ok:
        raise InfrastructureError(f"MLflow at {url}: its health answers {health}; is it MLflow that runs there?")
    found = _status(f"{url}/api/2.0/mlflow/experiments/search?max_results=1", login, url)
    if found in _REFUSED:
        who = f"the user {login[0]} and its password are refused" if login else "asks for a login"
        raise InfrastructureError(f"MLflow at {url}: {who} ({found}); give the password it was first started with")
    if found != requests.codes.ok:
        raise InfrastructureError(
            f"MLflow at {url}: a search answers {found}; see its log, and whether its database runs"
        )


def _status(address: str, login: tuple[str, str] | None, url: str) -> int:
    try:
        return requests.get(address, auth=login, timeout=_PATIENCE).status_code
    except requests.RequestException as error:
        raise InfrastructureError(
            f"MLflow at {url}: no answer ({type(error).__name__}); start it: make services-up"
        ) from None
