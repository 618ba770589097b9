"""The model registry: what may be registered, which version is champion, and how that changes.

The alias `champion` is the truth. Around it stand tags for people (`status`, `champion_since`, `promotion_reason`)
and a log in tags of the registered model (`promotion.000001`, ...). A change is first written as `promotion.pending`,
then the alias moves, then tags and log follow; whatever a crash leaves undone, the next change finishes or drops.
Changes are made under a lock file, so there is one champion whatever runs at the same time on this machine.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from adapters.mlflow_connection import MlflowConnection, NotThereError
from adapters.mlflow_versions import CHALLENGER, CHAMPION, TRIGGER, ModelState, ModelVersions, RegisteredVersion
from health_predict.champions import ChampionChange, earlier_champions, next_change
from health_predict.errors import HealthPredictError, InfrastructureError, InputError
from health_predict.monitoring import REFERENCE_FILES
from health_predict.promotion import PromotionDecision
from health_predict.scorer import BUNDLE_FILES

MODEL_NAME = "HealthPredict"
# below the artifacts of a training run
PREPROCESSOR, BUNDLE, REFERENCE = "preprocessor/preprocessor.joblib", "bundle", "reference"
REQUIRED_ARTIFACTS = {
    PREPROCESSOR,
    *(f"{BUNDLE}/{name}" for name in BUNDLE_FILES),
    *(f"{REFERENCE}/{name}" for name in REFERENCE_FILES),
}
LOCK_SECONDS = 60.0
TAGS_OF_THE_PAST = {"archived_at", "rolled_back_at", "rollback_reason", "refused_at"}


@dataclass(frozen=True)
class Promotion:
    """Whether the version became champion; `champion` is who is champion now, `replaced` who was before."""

    promoted: bool
    reason: str
    champion: str | None
    replaced: str | None


@dataclass(frozen=True)
class RollbackResult:
    """Who is champion after the roll-back, whom it replaced, and which versions were skipped as deleted."""

    champion: str
    replaced: str | None
    skipped: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Registry:
    """The registered model `name` at `tracking_uri` (None: where MLflow is configured to look).

    `folder` holds the lock file. `patience` is how many seconds a failing connection is retried.
    """

    folder: Path
    tracking_uri: str | None = None
    name: str = MODEL_NAME
    patience: float = 20.0

    def register(
        self, run_id: str, model_uri: str, *, replay: Callable[[Path], object], tags: Mapping[str, str]
    ) -> RegisteredVersion:
        """Register the model of a run, once: the same run gives the same version again.

        A tag `trigger` says what the version was made for: another run for the same trigger gives that version, too.
        `replay` is given the downloaded bundle folder and raises if it does not reproduce its golden records.
        InputError, and nothing registered, if the run lacks a required artifact or its bundle does not replay.
        """
        trigger = tags.get(TRIGGER)
        known = self._versions.of_run(run_id) or (self.find_by_trigger(trigger) if trigger else None)
        if known is not None:
            return known
        self._check_artifacts(run_id)
        self._check_replay(run_id, replay)
        try:
            with self._locked():
                quicker = self.find_by_trigger(trigger) if trigger else None
                return quicker or self._versions.create(run_id, model_uri, {**tags, "status": "registered"})
        except NotThereError:
            raise InputError(f"run {run_id}: MLflow does not know its model {model_uri}; train again") from None

    def find(self, version: str) -> RegisteredVersion:
        """Return a version; InputError if there is none of this number."""
        found = self._versions.lookup(version)
        if found is None:
            raise InputError(f"{self.name} has no version {version}; see the versions with `make mlflow-ui`")
        return found

    def find_by_trigger(self, trigger: str) -> RegisteredVersion | None:
        """Return the version that was made for a trigger (retrain:<batch> or recalibrate:<batch>), None if none was."""
        return self._versions.of_trigger(trigger)

    def settle(self, now: datetime) -> None:
        """Finish or drop a change of champion that an earlier process left undone: the tags can be relied on then."""
        with self._locked():
            self._settle(now)

    def champion(self) -> RegisteredVersion | None:
        """Return the champion, or None if there is none or no such model."""
        state = self._versions.state()
        return self._versions.lookup(state.champion) if state and state.champion else None

    def history(self) -> tuple[ChampionChange, ...]:
        """Return who was champion when, oldest first."""
        state = self._versions.state() or ModelState()
        committed = state.pending is not None and state.pending.version == state.champion
        return _with(state.log, state.pending) if state.pending and committed else state.log

    def download_bundle(self, version: str, folder: Path) -> Path:
        """Download the serving bundle of a version into a folder and return its path."""
        return self.download_artifact(version, BUNDLE, folder)

    def download_artifact(self, version: str, artifact: str, folder: Path) -> Path:
        """Download an artifact (file or folder) of the run behind a version; InputError if it is not there."""
        return self._versions.download(self.find(version).run_id, artifact, folder)

    def set_challenger(self, version: str) -> None:
        """Give a version the alias `challenger`; InputError if it does not exist."""
        self._versions.point(CHALLENGER, self.find(version).version)

    def promote(
        self, version: str, expected_champion: str | None, decision: PromotionDecision, now: datetime
    ) -> Promotion:
        """Make a version champion if the decision says so and the champion is still the one it was compared with.

        InputError if the version does not exist.
        """
        with self._locked():
            version = self.find(version).version
            log, champion = self._settle(now)
            refusal = _refusal(version, expected_champion, champion, decision)
            if refusal:
                return Promotion(promoted=False, reason=refusal, champion=champion, replaced=None)
            self._versions.tag(version, promotion_decision=_json(decision))
            change = next_change(
                log, kind="promotion", version=version, replaced=champion, reason=decision.reason, now=now
            )
            self._change(change, log)
        return Promotion(promoted=True, reason=decision.reason, champion=version, replaced=champion)

    def record_refusal(self, version: str, decision: PromotionDecision, now: datetime) -> None:
        """Tag a version as refused, with the reason, and take the alias `challenger` from it.

        A version that is champion keeps its tags: it was compared with itself. InputError if it does not exist.
        """
        with self._locked():
            version = self.find(version).version
            _, champion = self._settle(now)
            if champion != version:
                at = now.isoformat(timespec="seconds")
                self._versions.tag(version, promotion_decision=_json(decision), promotion_reason=decision.reason)
                self._versions.tag(version, refused_at=at, status="refused")
            self._end_test(version)

    def record_rollout(self, version: str, rollout: str, now: datetime) -> None:
        """Tag a version with what came of its last deployment (JSON) and when; InputError if it does not exist."""
        at = now.isoformat(timespec="seconds")
        self._versions.tag(self.find(version).version, rollout=rollout, rollout_at=at)

    def rollback(self, now: datetime, reason: str) -> RollbackResult:
        """Return to the champion before this one, over versions that were deleted since.

        A second roll-back goes one further back. InputError if there is no earlier champion.
        """
        with self._locked():
            log, champion = self._settle(now)
            earlier = earlier_champions(log, champion)
            target = next((version for version in earlier if self._versions.lookup(version)), None)
            if target is None:
                raise InputError(f"{self.name} has no earlier champion to roll back to; train and promote another one")
            self._change(
                next_change(log, kind="rollback", version=target, replaced=champion, reason=reason, now=now), log
            )
        return RollbackResult(target, champion, skipped=earlier[: earlier.index(target)], reason=reason)

    @cached_property
    def _versions(self) -> ModelVersions:
        return ModelVersions(self.name, MlflowConnection(self.tracking_uri, self.patience))

    def _change(self, change: ChampionChange, log: tuple[ChampionChange, ...]) -> None:
        self._versions.begin(change)
        self._versions.point(CHAMPION, change.version)
        self._follow(change, log)

    def _settle(self, now: datetime) -> tuple[tuple[ChampionChange, ...], str | None]:
        """Finish or drop what an earlier process left undone; return the log and the champion."""
        state = self._versions.state() or ModelState()
        log, champion = state.log, state.champion
        if state.pending is not None and state.pending.version == champion:
            log = self._follow(state.pending, log)
        elif state.pending is not None:
            self._versions.forget_pending()
        last = log[-1].version if log else None
        if champion != last:
            reason = f"the alias {CHAMPION} was moved in MLflow"
            moved = next_change(log, kind="by hand", version=champion, replaced=last, reason=reason, now=now)
            log = self._follow(moved, log)
        return log, champion

    def _follow(self, change: ChampionChange, log: tuple[ChampionChange, ...]) -> tuple[ChampionChange, ...]:
        """Bring tags and log in line with an alias that has moved; doing it twice changes nothing."""
        log = _with(log, change)
        for former in self._versions.of_status(CHAMPION):
            if former.version != change.version:
                self._archive(former.version, change)
        if change.version is not None:
            self._crown(change.version, change, earlier_champions(log, change.version))
        self._versions.append(change)
        self._versions.forget_pending()
        return log

    def _archive(self, version: str, change: ChampionChange) -> None:
        if change.kind == "rollback":
            self._versions.tag(version, rolled_back_at=change.at, rollback_reason=change.reason)
        self._versions.tag(version, archived_at=change.at, status="archived")

    def _crown(self, version: str, change: ChampionChange, earlier: tuple[str, ...]) -> None:
        if change.kind == "promotion":
            self._versions.tag(version, promotion_reason=change.reason)
        previous = earlier[0] if earlier else "none"
        self._versions.tag(version, champion_since=change.at, previous_champion=previous, status=CHAMPION)
        for key in TAGS_OF_THE_PAST & set(self.find(version).tags):
            self._versions.untag(version, key)
        self._end_test(version)

    def _end_test(self, version: str) -> None:
        state = self._versions.state()
        if state is not None and state.challenger == version:
            self._versions.point(CHALLENGER, None)

    def _check_artifacts(self, run_id: str) -> None:
        folders = sorted({path.partition("/")[0] for path in REQUIRED_ARTIFACTS})
        try:
            there = set().union(*(self._versions.artifacts(run_id, folder) for folder in folders))
        except NotThereError:
            raise InputError(f"run {run_id} is not in MLflow; give the id of a training run") from None
        missing = sorted(REQUIRED_ARTIFACTS - there)
        if missing:
            raise InputError(f"run {run_id}: artifact {missing[0]} is missing or empty; not registered, train again")

    def _check_replay(self, run_id: str, replay: Callable[[Path], object]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            bundle = self._versions.download(run_id, BUNDLE, Path(folder))
            try:
                replay(bundle)
            except Exception as error:
                # only our own messages are known to hold no patient's value
                why = str(error) if isinstance(error, HealthPredictError) else type(error).__name__
                raise InputError(
                    f"run {run_id}: bundle does not replay ({why}); not registered, train again"
                ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.folder / "registry.lock"
        lock = FileLock(path, timeout=LOCK_SECONDS)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            held = f"{path} was held by another process for {LOCK_SECONDS:g} s"
            raise InfrastructureError(f"{held}; let it finish, then try again") from None
        except OSError as error:
            raise InfrastructureError(f"{path} cannot be written ({error.strerror}); free or change it") from error
        try:
            yield
        finally:
            lock.release()


def _refusal(version: str, expected: str | None, champion: str | None, decision: PromotionDecision) -> str | None:
    if not decision.promoted:
        return decision.reason
    if champion == version:
        return f"refused: version {version} is champion already"
    if champion != expected:
        now, then = (f"version {name}" if name else "nobody" for name in (champion, expected))
        return f"refused: the champion is {now}, no longer {then} as when it was compared; compare again"
    return None


def _with(log: tuple[ChampionChange, ...], change: ChampionChange) -> tuple[ChampionChange, ...]:
    return (*(entry for entry in log if entry.number != change.number), change)


def _json(decision: PromotionDecision) -> str:
    return json.dumps(decision.as_dict(), sort_keys=True)
