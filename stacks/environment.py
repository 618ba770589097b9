"""Where the project keeps its state, and the process environment every entry point needs before a library is imported.

`prepare()` must run before the first import of zenml, mlflow, ray, evidently or matplotlib: they read these variables
while they are imported. `python -m stacks.environment --shell` prints the same as `export` lines (see env.sh).
"""

import logging
import os
import shlex
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# remembers which state folder the variables were derived from, so that a change of it replaces them all
PREPARED_FOR = "HEALTH_PREDICT_PREPARED_FOR"

NO_ANALYTICS = {
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_SERVER_DISPLAY_ANNOUNCEMENTS": "false",  # the dashboard would fetch them from the vendor
    "ZENML_SERVER_DISPLAY_UPDATES": "false",
    "ZENML_AUTO_OPEN_DASHBOARD": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "true",  # Evidently: any value; MLflow: "true"
}
QUIET = {
    "ZENML_ENABLE_RICH_TRACEBACK": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "TQDM_DISABLE": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}


def state_folder() -> Path:
    """The folder of everything a run produces: HEALTH_PREDICT_STATE, else `.state` in the project; absolute."""
    chosen = os.environ.get("HEALTH_PREDICT_STATE")
    return Path(chosen).expanduser().resolve() if chosen else PROJECT / ".state"


def zenml_folder() -> Path:
    """The configuration folder of the project's own ZenML store."""
    return state_folder() / "zenml"


def mlflow_database() -> Path:
    """The SQLite file of the local MLflow tracking store and registry."""
    return state_folder() / "mlflow" / "mlflow.db"


def mlflow_tracking_uri() -> str:
    """The tracking URI of the local MLflow store."""
    return f"sqlite:///{mlflow_database()}"


def mlflow_artifact_folder() -> Path:
    """Below it, one folder of artifacts per MLflow experiment."""
    return state_folder() / "mlflow" / "artifacts"


def cache_folder() -> Path:
    """What may be deleted at any time: downloads, fonts, compiled things."""
    return state_folder() / "cache"


def ray_results_folder() -> Path:
    """Where Ray Tune writes trials (its `storage_path`), instead of the home folder."""
    return state_folder() / "ray"


def prepare() -> None:
    """Set the variables that keep libraries silent, off the network and inside the state folder.

    A user's own choice wins, except for analytics. The ZenML store is the project's, unless ZENML_CONFIG_PATH or
    (a server) ZENML_STORE_URL is given. Calling it again after one of these changed follows the change.
    """
    environ = os.environ
    _forget_previous(environ)
    if "HEALTH_PREDICT_STATE" in environ:
        environ["HEALTH_PREDICT_STATE"] = str(state_folder())  # absolute, for children in another directory
    environ.update(NO_ANALYTICS)
    environ.update(_fixed())
    for name, value in {**QUIET, **_chosen_by_default(environ)}.items():
        environ.setdefault(name, value)
    if environ["ZENML_CONFIG_PATH"] == str(zenml_folder()):
        # a value left over from another project would lead into that project's store
        environ["ZENML_LOCAL_STORES_PATH"] = str(zenml_folder() / "local_stores")
    environ[PREPARED_FOR] = str(state_folder())
    logging.getLogger("matplotlib.font_manager").setLevel(logging.WARNING)  # tells of its cache on first use
    _use_project_as_source_root()


def _fixed() -> dict[str, str]:
    """Where ZenML looks for the code: never in another project, whatever directory or main module is current."""
    return {"ZENML_REPOSITORY_PATH": str(PROJECT), "ZENML_CUSTOM_SOURCE_ROOT": str(PROJECT)}


def _chosen_by_default(environ: Mapping[str, str]) -> dict[str, str]:
    """Locations in the state folder that a user may set otherwise."""
    # ZenML saves the address of a server in its configuration, so a server gets a folder beside that of the own store
    config = zenml_folder().with_name("zenml-server") if environ.get("ZENML_STORE_URL") else zenml_folder()
    return {
        "ZENML_CONFIG_PATH": str(config),
        "MLFLOW_TRACKING_URI": mlflow_tracking_uri(),
        "MPLCONFIGDIR": str(cache_folder() / "matplotlib"),
        "NLTK_DATA": str(cache_folder() / "nltk"),
    }


def _forget_previous(environ: MutableMapping[str, str]) -> None:
    """Drop the locations that an earlier `prepare()`, perhaps of a parent process or shell, derived."""
    previous = environ.get(PREPARED_FOR)
    if previous is None:
        return
    inside = (f"{previous}/", f"sqlite:///{previous}/")
    for name in (*_chosen_by_default(environ), "ZENML_LOCAL_STORES_PATH"):
        if environ.get(name, "").startswith(inside):
            del environ[name]


def _use_project_as_source_root() -> None:
    """ZenML reads ZENML_CUSTOM_SOURCE_ROOT on import only: tell an already imported one."""
    source_utils = sys.modules.get("zenml.utils.source_utils")
    if source_utils is not None:
        source_utils.set_custom_source_root(str(PROJECT))


def quiet_console() -> None:
    """Silence ZenML's console after `import zenml`; the step logs it stores, and the dashboard shows, keep all."""
    for handler in logging.getLogger().handlers:
        if type(handler).__name__ == "ZenMLConsoleHandler":
            handler.setLevel(logging.CRITICAL + 1)


def shell_lines() -> list[str]:
    """The shell commands that do to a shell what `prepare()` does to a process."""
    before = dict(os.environ)
    prepare()
    dropped = [f"unset {name}" for name in before if name not in os.environ]
    changed = [name for name in os.environ if os.environ[name] != before.get(name) or name == "HEALTH_PREDICT_STATE"]
    return dropped + [f"export {name}={shlex.quote(os.environ[name])}" for name in changed]


if __name__ == "__main__":
    if sys.argv[1:] != ["--shell"]:
        sys.exit("usage: python -m stacks.environment --shell")
    sys.stdout.write("\n".join(shell_lines()) + "\n")
