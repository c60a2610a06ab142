"""Networks as scikit-learn's estimators, for its pipelines, grid searches and cross-validation.

``import jnndl`` leaves this module alone, because it needs scikit-learn: ``from jnndl.sklearn import MLPClassifier``.
"""

import dataclasses
from typing import Any

import jax
import numpy as np
import optax

from jnndl import costs, neurons
from jnndl.arguments import is_whole, short_repr
from jnndl.costs import Cost
from jnndl.data import Dataset
from jnndl.measures import predict
from jnndl.network import Network, mlp
from jnndl.neurons import Neuron
from jnndl.training import fit

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "jnndl.sklearn: needs scikit-learn, which is not installed; pip install 'jnndl[sklearn]'"
    ) from error


class _MLP(BaseEstimator):
    """What classifier and regressor share; ``MLPClassifier`` describes the arguments.

    As scikit-learn asks, the constructor takes anything, and ``fit`` checks it.
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (30,),
        *,
        hidden: Any = "tanh",
        epochs: Any = 100,
        learning_rate: Any = 0.05,
        batch_size: Any = 10,
        l1: Any = None,
        l2: Any = None,
        momentum: Any = None,
        optimizer: Any = None,
        patience: Any = None,
        validation_fraction: Any = 0.1,
        standardize: Any = True,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.hidden = hidden
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.l1 = l1
        self.l2 = l2
        self.momentum = momentum
        self.optimizer = optimizer
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.standardize = standardize
        self.random_state = random_state

    def _train(self, x: np.ndarray, targets: np.ndarray, cost: Cost, output: Neuron, n_out: int) -> None:
        """Train on rows of X; the targets are labels, or vectors as the network is to give them."""
        self._mean: np.ndarray
        self._std: np.ndarray
        self._mean, self._std = _moments(x) if self.standardize else (np.zeros(x.shape[1]), np.ones(x.shape[1]))
        sizes = [self.hidden_layer_sizes] if is_whole(self.hidden_layer_sizes) else list(self.hidden_layer_sizes)
        network = mlp([x.shape[1], *sizes, n_out], hidden=_neuron(self.hidden), output=output)
        random = check_random_state(self.random_state)
        key = random.randint(2**31 - 1)
        # Scaled here and not by the Dataset, whose scale is compiled in: equal shapes share one program.
        training, evaluation = Dataset(self._scaled(x), targets), None
        if self.patience is not None:
            order, aside = random.permutation(len(x)), self._aside(len(x))
            training, evaluation = training[order[aside:]], training[order[:aside]]
        found = fit(
            network,
            training,
            evaluation,
            key=key,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=min(self.batch_size, len(training)) if is_whole(self.batch_size) else self.batch_size,
            cost=cost,
            l1=self.l1,
            l2=self.l2,
            momentum=self.momentum,
            optimizer=optax.sgd if self.optimizer is None else self.optimizer,
            patience=self.patience,
        )
        self._network = found.network
        self._params = jax.device_get(found.params if self.patience is None else found.best_params)
        self.loss_curve_ = (found.history.training_cost + found.history.penalty).tolist()
        self.n_iter_ = len(self.loss_curve_)

    def _aside(self, n: int) -> int:
        """How many of n examples are set aside for ``patience``."""
        if not 0 < self.validation_fraction < 1:
            raise ValueError(f"validation_fraction is {self.validation_fraction}; give a number between 0 and 1")
        count = max(1, round(self.validation_fraction * n))
        if count == n:
            raise ValueError(f"n_samples = {n}, of which {count} are set aside; give more, or patience=None")
        return count

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        return ((x - self._mean) / self._std).astype(jax.dtypes.canonicalize_dtype(float))

    def _outputs(self, x: Any) -> np.ndarray:
        """The outputs of the network for rows of X."""
        check_is_fitted(self)
        x = validate_data(self, x, reset=False)
        return predict(self._network, self._params, self._scaled(x)).outputs


def _moments(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column; 1 for one that is constant."""
    constant = table.min(axis=0) == table.max(axis=0)
    return table.mean(axis=0, dtype=float), np.where(constant, 1.0, table.std(axis=0, dtype=float))


def _neuron(hidden: Any) -> Neuron:
    neuron = neurons.NEURONS.get(hidden) if isinstance(hidden, str) else hidden
    if not isinstance(neuron, Neuron):
        known = ", ".join(map(repr, neurons.NEURONS))
        raise ValueError(f"hidden is {short_repr(hidden)}; give one of {known}, or a neuron of jnndl.neurons")
    return neuron


class MLPClassifier(ClassifierMixin, _MLP):
    """A network that classifies: softmax outputs, trained by log-likelihood, in scikit-learn's manner.

    Args:
        hidden_layer_sizes: the number of neurons in each hidden layer; () for none.
        hidden: the neuron of the hidden layers, one of ``jnndl.neurons`` or its name.
        epochs: how often to go through the training data, at most.
        learning_rate: above 0; the book's eta.
        batch_size: examples in a mini-batch; all of them where there are fewer.
        l1, l2: strengths of the penalties, the book's lambda.
        momentum: from 0 to below 1, the book's mu; None for none, and for optimisers that take none.
        optimizer: a function of the learning rate that makes an optax optimiser; None for ``optax.sgd``.
        patience: stop after this many epochs without improvement on examples that are set aside, and keep the best
            epoch; None trains for all epochs on all examples.
        validation_fraction: the part of the examples to set aside for ``patience``.
        standardize: whether each column is shifted and scaled so that it has mean 0 and standard deviation 1 in the
            training data (in a regressor the targets too).
        random_state: a seed, for the same result each time; None for another one each time.

    Attributes:
        network_, params_: the trained network, to be saved with ``jnndl.save``. It takes rows of X as they are.
        loss_curve_: the cost on the training data after each epoch, with the penalty.
        n_iter_: how many epochs there were.
        n_features_in_, feature_names_in_: the columns of X, and their names where they are texts.
        classes_: the classes, sorted.

    >>> from sklearn import datasets, model_selection
    >>> X, y = datasets.load_iris(return_X_y=True)
    >>> model_selection.cross_val_score(MLPClassifier(random_state=0), X, y, cv=3).mean().round(1)
    np.float64(1.0)
    """

    def fit(self, X: Any, y: Any) -> "MLPClassifier":  # noqa: N803
        """Train.

        Args:
            X: shape (n, columns).
            y: n classes, whole numbers or texts; at least two different ones.

        Returns:
            This estimator.

        Raises:
            TypeError, ValueError: if an argument, or a value in X or y, is none that can be used.
            DivergenceError: if the cost stops being finite.
        """
        x, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only, {self.classes_[0]}; give examples of at least two classes")
        self._train(x, labels.astype(np.int32), costs.log_likelihood, neurons.softmax, len(self.classes_))
        self.network_ = _for_raw(self._network, self._mean, self._std, tuple(map(str, self.classes_)))
        self.params_ = self._params
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """The probability of each class, shape (n, classes), in the order of ``classes_``."""
        return self._outputs(X)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The most probable class of each row, shape (n,)."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]


class MLPRegressor(RegressorMixin, _MLP):
    """A network that predicts numbers: linear outputs, trained by the quadratic cost, in scikit-learn's manner.

    The arguments and attributes are those of ``MLPClassifier``. With ``standardize`` the targets are standardised too,
    and ``loss_curve_`` is in those units.

    >>> from sklearn import datasets
    >>> X, y = datasets.load_diabetes(return_X_y=True)
    >>> bool(MLPRegressor(random_state=0, learning_rate=0.01).fit(X, y).score(X, y) > 0.5)
    True
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any) -> "MLPRegressor":  # noqa: N803
        """Train.

        Args:
            X: shape (n, columns).
            y: shape (n,) or (n, outputs), finite numbers.

        Returns and raises as ``MLPClassifier.fit`` does.
        """
        x, y = validate_data(self, X, y, multi_output=True, y_numeric=True)
        self._shape = np.shape(y)[1:]
        targets = np.asarray(y, float).reshape(len(x), -1)
        n_out = targets.shape[1]
        self._y_mean: np.ndarray
        self._y_std: np.ndarray
        self._y_mean, self._y_std = _moments(targets) if self.standardize else (np.zeros(n_out), np.ones(n_out))
        targets = ((targets - self._y_mean) / self._y_std).astype(jax.dtypes.canonicalize_dtype(float))
        self._train(x, targets, costs.quadratic, neurons.linear, n_out)
        self.network_ = _for_raw(self._network, self._mean, self._std, None)
        *below, last = self._params  # the last layer is linear: the units of y go into its weights
        last = last._replace(weight=last.weight * self._y_std[:, None], bias=last.bias * self._y_std + self._y_mean)
        self.params_ = jax.tree.map(lambda new, old: np.asarray(new, old.dtype), (*below, last), self._params)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The predicted numbers, of shape (n,) or (n, outputs) as y had."""
        outputs = self._outputs(X) * self._y_std + self._y_mean
        return outputs.reshape(-1, *self._shape)


def _for_raw(network: Network, mean: np.ndarray, std: np.ndarray, classes: Any) -> Network:
    """The network that takes rows as they are, before they are standardised."""
    scale, offset = tuple((1 / std).tolist()), tuple((-mean / std).tolist())
    return dataclasses.replace(network, scale=scale, offset=offset, classes=classes)
