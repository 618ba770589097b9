"""The versions of one registered model in MLflow, read and written piece by piece; mlflow_registry has the rules."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion, RegisteredModel

from adapters.mlflow_connection import MlflowConnection, NotThereError
from health_predict.champions import ChampionChange
from health_predict.errors import InputError

CHAMPION, CHALLENGER = "champion", "challenger"
TRIGGER = "trigger"  # tag of a version that monitoring asked for
PENDING, ENTRY = "promotion.pending", re.compile(r"promotion\.\d{6}")


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of the registered model; `source` is the model URI it was registered from."""

    name: str
    version: str
    run_id: str
    source: str
    tags: Mapping[str, str] = field(hash=False)

    @property
    def status(self) -> str | None:
        """What the tags say: registered, champion, archived or refused."""
        return self.tags.get("status")


@dataclass(frozen=True)
class ModelState:
    """Who holds the aliases, the log of champions, and a change that was begun; all of it from one request."""

    champion: str | None = None
    challenger: str | None = None
    log: tuple[ChampionChange, ...] = ()
    pending: ChampionChange | None = None


@dataclass(frozen=True)
class ModelVersions:
    """The versions of the registered model `name`, which need not exist yet."""

    name: str
    mlflow: MlflowConnection

    def state(self) -> ModelState | None:
        """Return aliases and log, or None if there is no such model."""
        try:
            return _state(self.mlflow.ask(self.mlflow.client.get_registered_model, self.name))
        except NotThereError:
            return None

    def lookup(self, version: str) -> RegisteredVersion | None:
        """Return a version, or None if it does not exist (any more)."""
        try:
            return _version(self.mlflow.ask(self.mlflow.client.get_model_version, self.name, version))
        except NotThereError:
            return None

    def of_status(self, status: str) -> list[RegisteredVersion]:
        """Return the versions with this status."""
        return self._search(f"name = '{self.name}' and tag.status = '{status}'")

    def of_trigger(self, trigger: str) -> RegisteredVersion | None:
        """Return the version with this tag `trigger`, or None."""
        return next(iter(self._search(f"name = '{self.name}' and tag.{TRIGGER} = '{trigger}'")), None)

    def of_run(self, run_id: str) -> RegisteredVersion | None:
        """Return the version registered from a run, or None."""
        try:
            return next(iter(self._search(self._from_run(run_id))), None)
        except NotThereError:  # the id cannot even be searched for
            return None

    def create(self, run_id: str, model_uri: str, tags: Mapping[str, str]) -> RegisteredVersion:
        """Return the version of this run, made if it is not there; NotThereError if the model is not."""
        client = self.mlflow.client
        model_id = model_uri.removeprefix("models:/") if model_uri.startswith("models:/m-") else None
        if model_id is not None:
            self.mlflow.ask(client.get_logged_model, model_id)
        if self.state() is None:
            self.mlflow.ask(client.create_registered_model, self.name)

        def create_unless_there() -> ModelVersion:
            # a create whose answer was lost is asked again, and must not give a second version
            there = client.search_model_versions(self._from_run(run_id))
            if there:
                return there[0]
            return client.create_model_version(self.name, model_uri, run_id, dict(tags), model_id=model_id)

        return _version(self.mlflow.ask(create_unless_there))

    def tag(self, version: str, **tags: str) -> None:
        """Set tags of a version, one after the other in this order."""
        for key, value in tags.items():
            self.mlflow.ask(self.mlflow.client.set_model_version_tag, self.name, version, key, value)

    def untag(self, version: str, key: str) -> None:
        """Remove a tag of a version, if it has it."""
        self.mlflow.ask(self.mlflow.client.delete_model_version_tag, self.name, version, key)

    def point(self, alias: str, version: str | None) -> None:
        """Move an alias to a version, or take it away (None)."""
        if version is None:
            self.mlflow.ask(self.mlflow.client.delete_registered_model_alias, self.name, alias)
        else:
            self.mlflow.ask(self.mlflow.client.set_registered_model_alias, self.name, alias, version)

    def begin(self, change: ChampionChange) -> None:
        """Write down a change of champion that is about to be made."""
        self.mlflow.ask(self.mlflow.client.set_registered_model_tag, self.name, PENDING, change.as_json())

    def append(self, change: ChampionChange) -> None:
        """Add a change of champion to the log; writing the same entry again changes nothing."""
        key = f"promotion.{change.number:06d}"
        self.mlflow.ask(self.mlflow.client.set_registered_model_tag, self.name, key, change.as_json())

    def forget_pending(self) -> None:
        """Remove the note of a change that was begun."""
        self.mlflow.ask(self.mlflow.client.delete_registered_model_tag, self.name, PENDING)

    def artifacts(self, run_id: str, folder: str) -> set[str]:
        """Return the paths of the files in an artifact folder that are not empty; NotThereError without such a run."""
        files = self.mlflow.ask(self.mlflow.client.list_artifacts, run_id, folder)
        return {file.path for file in files if file.file_size}

    def download(self, run_id: str, artifact: str, folder: Path) -> Path:
        """Download an artifact of a run (file or folder) and return its path; InputError if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return Path(self.mlflow.ask(self.mlflow.client.download_artifacts, run_id, artifact, str(folder)))
        except NotThereError:
            raise InputError(
                f"run {run_id} has no artifact {artifact}; choose another version or train again"
            ) from None

    def _from_run(self, run_id: str) -> str:
        return f"name = '{self.name}' and run_id = '{run_id}'"

    def _search(self, query: str) -> list[RegisteredVersion]:
        return [_version(found) for found in self.mlflow.ask(self.mlflow.client.search_model_versions, query)]


def _state(model: RegisteredModel) -> ModelState:
    holders = {alias: str(version) for alias, version in model.aliases.items()}
    entries = {key: ChampionChange.from_json(text) for key, text in model.tags.items() if ENTRY.fullmatch(key)}
    return ModelState(
        champion=holders.get(CHAMPION),
        challenger=holders.get(CHALLENGER),
        log=tuple(entries[key] for key in sorted(entries)),
        pending=ChampionChange.from_json(model.tags[PENDING]) if PENDING in model.tags else None,
    )


def _version(found: ModelVersion) -> RegisteredVersion:
    return RegisteredVersion(found.name, str(found.version), str(found.run_id), str(found.source), dict(found.tags))
