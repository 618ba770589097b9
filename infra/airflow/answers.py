"""Health check of a service in its container: `answers.py URL [COMPONENT]`; exit code 1, with the reason, if it is ill.

A server is well if it answers at all, since one that asks for a login refuses the check. With COMPONENT, the answer is
Airflow's report on its own processes, and that one must be healthy.
"""

import json
import sys
import urllib.error
import urllib.request

_PATIENCE = 5.0  # seconds


def main(url: str, component: str = "") -> str:
    """Return what is wrong, or nothing."""
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:  # noqa: S310 - the address stands in compose.yaml
            body = answer.read()
    except urllib.error.HTTPError as error:
        return f"{url}: {error}" if component or error.code >= 500 else ""
    except OSError as error:
        return f"{url}: {error}"
    status = json.loads(body).get(component, {}).get("status") if component else "healthy"
    return "" if status == "healthy" else f"{component}: {status}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) or 0)
