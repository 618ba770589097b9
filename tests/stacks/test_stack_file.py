import os
import re
from pathlib import Path

import pytest

from health_predict.errors import InfrastructureError, InputError
from stacks import environment
from stacks.stack_file import PROJECT, STACKS, read_stack, stack_names


def _write(folder: Path, text: str) -> Path:
    (folder / "mine.yaml").write_text(text)
    return folder


def test_every_stack_file_of_the_project_can_be_read(monkeypatch) -> None:
    assert "local" in stack_names()
    for name in stack_names():
        for variable in set(re.findall(r"\$\{(\w+)\}", (STACKS / f"{name}.yaml").read_text())):
            monkeypatch.setenv(variable, "x")
        assert read_stack(name).components


def test_local_uses_the_tracking_store_of_the_environment() -> None:
    stack = read_stack("local")
    tracker = next(component for component in stack.components if component.type == "experiment_tracker")
    assert tracker.configuration["tracking_uri"] == environment.mlflow_tracking_uri()
    assert set(stack.experiments) == {f"HealthPredict_{name}" for name in ("Training", "Deployment", "Monitoring")}
    for folder in stack.experiments.values():
        assert Path(folder).parent == environment.mlflow_artifact_folder()


def test_variables_are_expanded_at_every_depth(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("BUCKET", "b1")
    text = "components: {artifact_store: {name: a, flavor: s3, configuration: {path: 's3://${BUCKET}/x', "
    text += "nested: {list: ['${PROJECT}', 3, null]}, key: '{{minio.key}}'}}}"
    configuration = read_stack("mine", _write(tmp_path, text)).components[0].configuration
    assert configuration == {"path": "s3://b1/x", "nested": {"list": [str(PROJECT), 3, None]}, "key": "{{minio.key}}"}


@pytest.mark.parametrize(("value", "expanded"), [("given", "http://given:1/x"), ("", "http://d-1.e:1/x")])
def test_a_variable_that_is_unset_or_empty_takes_its_default(tmp_path: Path, monkeypatch, value, expanded) -> None:
    monkeypatch.delenv("UNSET", raising=False)
    monkeypatch.setenv("GIVEN", value)
    text = "components: {model_deployer: {name: a, flavor: b, configuration: "
    text += "{one: 'http://${GIVEN:-d-1.e}:1/x', two: '${UNSET:-http://h:2}', three: '${UNSET:-}'}}}"
    configuration = read_stack("mine", _write(tmp_path, text)).components[0].configuration
    assert configuration == {"one": expanded, "two": "http://h:2", "three": ""}


FOLLOWED = "components: {artifact_store: {name: a, flavor: s3, configuration: {path: '${HP_TEST_BUCKET}'}}}\n"


def test_a_file_of_variables_defines_what_the_environment_does_not(clean_environ: Path, tmp_path: Path) -> None:
    clean_environ.mkdir()
    (clean_environ / "services.env").write_text("# made\nHP_TEST_BUCKET=no\n")
    folder = _write(tmp_path, FOLLOWED + "variables: ${STATE}/services.env")
    assert read_stack("mine", folder).components[0].configuration == {"path": "no"}
    os.environ["HP_TEST_BUCKET"] = "mine"
    assert read_stack("mine", folder).components[0].configuration == {"path": "mine"}


def test_a_file_of_variables_that_is_missing_names_the_command_that_writes_it(
    clean_environ: Path, tmp_path: Path
) -> None:
    folder = _write(tmp_path, FOLLOWED + "variables: ${STATE}/services/services.env")
    with pytest.raises(InfrastructureError) as caught:
        read_stack("mine", folder)
    file = clean_environ / "services" / "services.env"
    assert str(caught.value) == f"{file}: the stack's file of variables is not there; run: make services-up"
    (tmp_path / "mine.yaml").write_text(FOLLOWED.replace("}'", ":-d}'") + "variables: ${STATE}/services/services.env")
    assert read_stack("mine", folder).components[0].configuration == {"path": "d"}


def test_a_variable_that_is_nowhere_names_both_places(clean_environ: Path, tmp_path: Path) -> None:
    (tmp_path / "some.env").write_text("OTHER=1\n")
    folder = _write(tmp_path, FOLLOWED + f"variables: {tmp_path}/some.env")
    with pytest.raises(InputError, match=r"HP_TEST_BUCKET is not set and .*/some\.env has no line for it$"):
        read_stack("mine", folder)


def test_secrets_are_named_with_their_files_and_not_read(clean_environ: Path, tmp_path: Path) -> None:
    folder = _write(tmp_path, "components: {}\nsecrets: {mine: '${STATE}/s.env', yours: relative.env}")
    assert read_stack("mine", folder).secrets == {"mine": clean_environ / "s.env", "yours": PROJECT / "relative.env"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("components: {}\nvariables: [a]", "mine.yaml: variables: expected a text"),
        ("components: {}\nsecrets: [a]", "mine.yaml: secrets: expected `key: value` lines"),
        ("components: {}\nsecrets: {a: 3}", "mine.yaml: secrets.a: expected a text"),
        ("components: [", "mine.yaml line 1: not valid YAML: "),
        ("", "mine.yaml: expected `key: value` lines"),
        ("component: {}", "mine.yaml: unknown key 'component'; did you mean 'components'?"),
        ("flavors: []", "mine.yaml: components: expected `key: value` lines"),
        ("components: {orchestrator: local}", "mine.yaml: components.orchestrator: expected `key: value` lines"),
        ("components: {orchestrator: {name: a}}", "mine.yaml: components.orchestrator.flavor: expected a text"),
        (
            "components: {orchestrator: {name: 3, flavor: a}}",
            "mine.yaml: components.orchestrator.name: expected a text",
        ),
        (
            "components: {orchestrator: {name: a, flavour: b}}",
            "mine.yaml: components.orchestrator: unknown key 'flavour'; did you mean 'flavor'?",
        ),
        (
            "components: {orchestrator: {name: a, flavor: b, configuration: {c: ['${NO_SUCH}']}}}",
            "mine.yaml: components.orchestrator.configuration.c[0]: the environment variable NO_SUCH is not set",
        ),
        ("components: {}\nflavors: a.B", "mine.yaml: flavors: expected a list"),
        ("components: {}\nmlflow_experiments: {a: 3}", "mine.yaml: mlflow_experiments.a: expected a text"),
    ],
)
def test_a_fault_is_one_line_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_stack("mine", _write(tmp_path, text))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_an_unknown_stack_lists_those_there_are(tmp_path: Path) -> None:
    _write(tmp_path, "")
    with pytest.raises(InputError, match="there is no stack 'production'; known: mine"):
        read_stack("production", tmp_path)
    with pytest.raises(InputError, match="there is no stack 'mime'; did you mean 'mine'"):
        read_stack("mime", tmp_path)
