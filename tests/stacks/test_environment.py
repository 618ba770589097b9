import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stacks import environment
from stacks.environment import PROJECT, prepare


def test_own_store_inside_the_state_folder(clean_environ: Path) -> None:
    os.environ["ZENML_LOCAL_STORES_PATH"] = "/home/me/other-project"  # left over in the user's shell
    prepare()
    assert os.environ["ZENML_CONFIG_PATH"] == f"{clean_environ}/zenml"
    assert os.environ["ZENML_LOCAL_STORES_PATH"] == f"{clean_environ}/zenml/local_stores"
    assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{clean_environ}/mlflow/mlflow.db"
    assert not clean_environ.exists()


def test_default_state_folder_is_in_the_project(clean_environ: Path) -> None:
    del os.environ["HEALTH_PREDICT_STATE"]
    assert environment.state_folder() == PROJECT / ".state"


def test_a_relative_state_folder_becomes_absolute(clean_environ: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.environ["HEALTH_PREDICT_STATE"] = "here"
    prepare()
    monkeypatch.chdir("/")
    assert environment.state_folder() == tmp_path / "here"


@pytest.mark.parametrize("name", ["ZENML_CONFIG_PATH", "MLFLOW_TRACKING_URI", "TQDM_DISABLE"])
def test_the_users_choice_wins(clean_environ: Path, name: str) -> None:
    os.environ[name] = "mine"
    prepare()
    prepare()
    assert os.environ[name] == "mine"


def test_analytics_are_off_whatever_the_user_set(clean_environ: Path) -> None:
    os.environ.update(ZENML_ANALYTICS_OPT_IN="true", RAY_USAGE_STATS_ENABLED="1")
    prepare()
    assert (os.environ["ZENML_ANALYTICS_OPT_IN"], os.environ["RAY_USAGE_STATS_ENABLED"]) == ("false", "0")
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == os.environ["DO_NOT_TRACK"] == "true"


def test_another_state_folder_moves_everything(clean_environ: Path, tmp_path: Path) -> None:
    prepare()
    before = dict(os.environ)
    os.environ["HEALTH_PREDICT_STATE"] = str(tmp_path / "second")
    prepare()
    left = [name for name, value in os.environ.items() if str(clean_environ) in value]
    assert left == []
    assert before.keys() == os.environ.keys()


def test_a_server_gets_its_own_configuration_folder(clean_environ: Path) -> None:
    prepare()  # a shell that sourced env.sh
    os.environ["ZENML_STORE_URL"] = "https://zenml.example"
    prepare()
    assert os.environ["ZENML_CONFIG_PATH"] == f"{clean_environ}/zenml-server"
    assert "ZENML_LOCAL_STORES_PATH" not in os.environ
    del os.environ["ZENML_STORE_URL"]
    prepare()
    assert os.environ["ZENML_CONFIG_PATH"] == f"{clean_environ}/zenml"


def test_no_library_is_imported() -> None:
    heavy = "{'zenml', 'mlflow', 'ray', 'evidently', 'pandas', 'matplotlib'}"
    code = f"import sys, stacks.environment as e; e.prepare(); import stacks.apply; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_env_sh_prepares_a_fresh_shell(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None or not (PROJECT / ".venv" / "bin" / "python").exists():
        pytest.skip(f"needs {shell} and .venv")
    state = tmp_path / "a state"
    script = f'cd / && . "{PROJECT}/env.sh" && command -v zenml && echo "$ZENML_CONFIG_PATH" && pwd'
    plain = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "HEALTH_PREDICT_STATE": str(state)}
    run = subprocess.run([shell, "-c", script], env=plain, capture_output=True, text=True)
    assert run.stdout.splitlines() == [f"{PROJECT}/.venv/bin/zenml", f"{state}/zenml", "/"], run.stderr


def test_env_sh_without_environment_says_what_to_do(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "env.sh", tmp_path)
    run = subprocess.run(["bash", "-c", f"set -u; . {tmp_path}/env.sh"], capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr == f"env.sh: no environment in {tmp_path}/.venv yet; run: make -C {tmp_path} setup\n"


def test_the_project_is_the_source_root_whatever_module_is_main(clean_environ: Path) -> None:
    from zenml.utils import source_utils

    source_utils.set_custom_source_root(None)
    prepare()
    assert source_utils.get_source_root() == str(PROJECT)


def test_quiet_console_keeps_the_stored_logs(clean_environ: Path) -> None:
    import zenml.logger

    console, stored = zenml.logger.ZenMLConsoleHandler(), zenml.logger.ZenMLLoggingHandler()
    root = logging.getLogger()
    for handler in (console, stored):
        root.addHandler(handler)
    others = {handler: handler.level for handler in root.handlers}
    environment.quiet_console()
    assert (console.level, stored.level) == (logging.CRITICAL + 1, logging.NOTSET)
    for handler, level in others.items():
        handler.setLevel(level)
    for handler in (console, stored):
        root.removeHandler(handler)
