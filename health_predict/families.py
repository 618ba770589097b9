"""The three candidate families: their search spaces as data, and models that grow by one report's worth at a time."""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, Self, get_args

import numpy as np
import numpy.typing as npt
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

Family = Literal["logistic_regression", "random_forest", "xgboost"]
FAMILIES: tuple[Family, ...] = get_args(Family)

Matrix = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int8]
Scores = npt.NDArray[np.float64]
Value = float | int | str

# 300 trees x (2 x 2,000 - 1) nodes x 15.4 bytes (measured by benchmarks/search.py) make a bundle of 19 MB,
# whatever the number of training rows; 14,000 rows with min_samples_leaf 5 reach about 1,200 leaves a tree.
MOST_LEAVES = 2000


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included, drawn evenly or (log) evenly in the logarithm."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def draw(self, rng: np.random.Generator) -> Value:
        """Draw one value, rounded to four significant digits so that it can be read and written."""
        if self.log:
            value = float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        else:
            value = float(rng.uniform(self.low, self.high))
        if self.whole:
            return round(value)
        return min(max(float(f"{value:.4g}"), self.low), self.high)


@dataclass(frozen=True)
class Choice:
    """One of some values, each as likely."""

    values: tuple[Value, ...]

    def draw(self, rng: np.random.Generator) -> Value:
        """Draw one value."""
        return self.values[int(rng.integers(len(self.values)))]


@dataclass(frozen=True)
class Space:
    """What is searched in one family.

    Attributes:
        default: known-good values, tried first (measured on the real file).
        growth: what one report adds, in `unit`.
        maximum_size: in `unit`; a size that no search exceeds.
    """

    default: Mapping[str, Value]
    searched: Mapping[str, Range | Choice]
    unit: Literal["epochs", "trees", "rounds"]
    growth: int
    maximum_size: int


SPACES: Mapping[Family, Space] = {
    "logistic_regression": Space(
        default={"C": 0.05},
        searched={"C": Range(1e-4, 3.0, log=True)},
        unit="epochs",
        growth=1,
        maximum_size=6,
    ),
    "random_forest": Space(
        default={"min_samples_leaf": 5, "max_features": "sqrt", "max_samples": 1.0, "criterion": "gini"},
        searched={
            "min_samples_leaf": Range(3, 40, log=True, whole=True),
            "max_features": Range(0.04, 0.3, log=True),
            "max_samples": Range(0.5, 1.0),
            "criterion": Choice(("gini", "log_loss")),
        },
        unit="trees",
        growth=25,
        maximum_size=300,
    ),
    "xgboost": Space(
        default={
            "max_depth": 6,
            "min_child_weight": 20.0,
            "colsample_bytree": 0.3,
            "subsample": 1.0,
            "learning_rate": 0.06,
            "reg_lambda": 1.0,
        },
        searched={
            "max_depth": Range(3, 8, whole=True),
            "min_child_weight": Range(5.0, 100.0, log=True),
            "colsample_bytree": Range(0.15, 0.8),
            "subsample": Range(0.6, 1.0),
            "learning_rate": Range(0.02, 0.15, log=True),
            "reg_lambda": Range(0.5, 20.0, log=True),
        },
        unit="rounds",
        growth=1,
        maximum_size=400,
    ),
}


@dataclass(frozen=True)
class Configuration:
    """One point of a family's space; `seed` is that of the fit, `name` is unique within a search."""

    name: str
    family: Family
    parameters: Mapping[str, Value]
    seed: int

    def to_json(self) -> str:
        """Write as one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


def sample_configurations(families: Sequence[Family], trials: int, seed: int) -> tuple[Configuration, ...]:
    """Draw configurations at random, the families in turn; the first of each family is its default.

    The draw of a smaller number of trials is the beginning of the draw of a larger one, and a family's
    configurations do not depend on which other families are searched.
    """
    rngs = {family: np.random.default_rng([seed, FAMILIES.index(family)]) for family in families}
    turns = [(families[i % len(families)], i // len(families)) for i in range(trials)]
    return tuple(_draw(family, index, rngs[family]) for family, index in turns)


def _draw(family: Family, index: int, rng: np.random.Generator) -> Configuration:
    space = SPACES[family]
    drawn = {name: values.draw(rng) for name, values in space.searched.items()}
    seed = int(rng.integers(2**31 - 1))
    return Configuration(f"{family}-{index:03d}", family, drawn if index else dict(space.default), seed)


class Growing(Protocol):
    """A model that is fitted piece by piece.

    Attributes:
        size: rounds, trees or epochs so far.
        estimator: the model so far, a scikit-learn classifier with `predict_proba`.
    """

    size: int

    def grow(self) -> None:
        """Add one report's worth: `Space.growth` rounds, trees or epochs."""

    def predict(self, X: Matrix) -> Scores:
        """Return the (n,) probability of class 1; cheap when it is asked for the same array again and again."""

    @property
    def estimator(self) -> Any:  # noqa: ANN401 - the libraries have no stubs
        """The fitted classifier."""


class GrowingLogistic:
    """Logistic regression, one Newton step (an epoch: one pass over all rows) at a time.

    A Newton step needs nothing from the one before but the coefficients, so that many fits of one step are one fit of
    many. On the real file four steps reach the optimum to 1e-5; SAGA restarted every epoch stays .003 AUROC below it.
    """

    def __init__(self, configuration: Configuration, X: Matrix, y: Labels, threads: int) -> None:  # noqa: ARG002
        self.size, self._X, self._y = 0, X, y
        self.estimator = LogisticRegression(
            **configuration.parameters, solver="newton-cholesky", max_iter=1, warm_start=True
        )

    def grow(self) -> None:
        """Take one step from the coefficients of the last one."""
        with warnings.catch_warnings():
            # one step never converges; the validation score says when to stop
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.estimator.fit(self._X, self._y)
        self._widen()
        self.size += 1

    def _widen(self) -> None:
        """Let scores be summed in float64: in float32 they are off by over 1e-6, more than a bundle may be."""
        for name in ("coef_", "intercept_"):
            setattr(self.estimator, name, getattr(self.estimator, name).astype(np.float64))

    def predict(self, X: Matrix) -> Scores:
        """Return the (n,) probability of class 1."""
        return np.asarray(self.estimator.predict_proba(X)[:, 1], dtype=np.float64)


class GrowingForest:
    """A random forest that grows by 25 trees."""

    def __init__(self, configuration: Configuration, X: Matrix, y: Labels, threads: int) -> None:
        self.size, self._X, self._y = 0, X, y
        self._asked: Matrix | None = None
        self._trees_summed = 0
        self.estimator = RandomForestClassifier(
            **configuration.parameters,
            max_leaf_nodes=MOST_LEAVES,
            n_estimators=0,
            warm_start=True,
            n_jobs=threads,
            random_state=configuration.seed,
        )

    def grow(self) -> None:
        """Add trees; those that are there stay as they are."""
        self.size += SPACES["random_forest"].growth
        self.estimator.set_params(n_estimators=self.size).fit(self._X, self._y)

    def predict(self, X: Matrix) -> Scores:
        """Return the (n,) probability of class 1; asks only the trees that are new since the last call."""
        if X is not self._asked:
            self._asked, self._sum, self._trees_summed = X, np.zeros(len(X)), 0
        for tree in self.estimator.estimators_[self._trees_summed :]:
            self._sum += tree.predict_proba(X)[:, 1]
        self._trees_summed = len(self.estimator.estimators_)
        return self._sum / self._trees_summed


class GrowingBoost:
    """Gradient-boosted trees, one boosting round at a time."""

    def __init__(self, configuration: Configuration, X: Matrix, y: Labels, threads: int) -> None:
        self.size, self._threads = 0, threads
        # seeded per round, so that models grown side by side in one process do not share a random stream
        self._parameters = {**configuration.parameters, "tree_method": "hist", "seed_per_iteration": True}
        self._seed = configuration.seed
        self._train = xgboost.QuantileDMatrix(X, y, nthread=threads)
        self._asked: Matrix | None = None
        native = {"objective": "binary:logistic", "seed": self._seed, "nthread": threads, "verbosity": 0}
        self._booster = xgboost.Booster({**self._parameters, **native}, cache=[self._train])

    def grow(self) -> None:
        """Run one boosting round."""
        self._booster.update(self._train, self.size)
        self.size += 1

    def predict(self, X: Matrix) -> Scores:
        """Return the (n,) probability of class 1; XGBoost adds only new trees to its cached margins of X."""
        if X is not self._asked:
            self._asked = X
            self._binned = xgboost.QuantileDMatrix(X, ref=self._train, nthread=self._threads)
        return np.asarray(self._booster.predict(self._binned), dtype=np.float64)

    @property
    def estimator(self) -> Any:  # noqa: ANN401 - xgboost's stubs are not complete
        """The same trees as a scikit-learn classifier."""
        classifier = xgboost.XGBClassifier(
            **self._parameters, n_estimators=self.size, random_state=self._seed, n_jobs=self._threads
        )
        classifier.load_model(self._booster.save_raw())
        return classifier


_GROWERS: Mapping[Family, type[GrowingLogistic] | type[GrowingForest] | type[GrowingBoost]] = {
    "logistic_regression": GrowingLogistic,
    "random_forest": GrowingForest,
    "xgboost": GrowingBoost,
}


def start(configuration: Configuration, X: Matrix, y: Labels, *, threads: int = 1) -> Growing:
    """Prepare a model of size 0 over (n, d) rows with labels 0 and 1."""
    return _GROWERS[configuration.family](configuration, X, y, threads)


def fit(configuration: Configuration, size: int, X: Matrix, y: Labels, *, threads: int = 1) -> Any:  # noqa: ANN401
    """Fit a classifier of `size` rounds, trees or epochs: the model that a trial had when it had grown to that size.

    Raises:
        ValueError: `size` is not a positive multiple of the family's growth.
    """
    growth = SPACES[configuration.family].growth
    if size < 1 or size % growth:
        raise ValueError(f"size {size} of {configuration.family} is not a positive multiple of {growth}")
    model = start(configuration, X, y, threads=threads)
    while model.size < size:
        model.grow()
    return model.estimator
