"""What a beginner types: each call is answered with the argument, its value and what to give instead."""

import jax
import jaxtyping
import numpy as np
import optax
import pytest

import jnndl

# Names in the calls: n and p are a network and its parameters, f and fm results of fit and fit_many; d, T and V digits,
# x and y their arrays, k what fit needs.
CALLS = [
    ("jnndl.mlp('784-30-10')", "mlp: sizes is '784-30-10'; give a list, as in [784, 30, 10]"),
    ("jnndl.mlp([784, 0, 10])", "mlp: sizes holds 0; give whole numbers of at least 1"),
    ("jnndl.mlp([784, 30.5, 10])", "mlp: sizes holds 30.5; give whole numbers of at least 1"),
    ("jnndl.mlp([10])", "mlp: sizes is [10]; give at least two, the inputs and the outputs, as in [784, 10]"),
    ("jnndl.mlp([4, 3, 2], hidden='rely')", "mlp: hidden is 'rely'; did you mean 'relu'?"),
    ("jnndl.mlp([4, 3, 2], hidden=jax.nn.relu)", "mlp: hidden is a custom_jvp; give 'relu'"),
    ("jnndl.mlp([4, 3, 2], hidden=np.tanh)", "mlp: hidden is <ufunc 'tanh'>; give 'tanh'"),
    ("jnndl.mlp([4, 3, 2], output='SoftMax')", "mlp: output is 'SoftMax'; did you mean 'softmax'?"),
    ("jnndl.mlp([4, 3, 2], weight_init='he')", "mlp: weight_init is 'he'; give 'default', 'large', 'zeros'"),
    (
        "jnndl.mlp([4, 3, 2], weight_init=0.1)",
        "Dense: weight_init is 0.1; give a function of a key and a shape, such as initializers.default",
    ),
    ("n.init()", "key is missing; give a seed, such as 0, or jax.random.key(0)"),
    ("n.init('a')", "key is 'a', not a random key; give a seed, such as 0, or jax.random.key(0)"),
    ("n.init(-1)", "key is -1, not a random key; give a seed, such as 0, or jax.random.key(0)"),
    ("n.init(0.5)", "key is 0.5, not a random key; give a seed, such as 0, or jax.random.key(0)"),
    ("jnndl.fit(n, T, V, epochs=1, learning_rate=.5)", "key is missing; give a seed, such as 0, or jax.random.key(0)"),
    ("jnndl.fit(n, T, V, key=0, learning_rate=.5)", "epochs is missing; give a whole number of at least 1"),
    ("jnndl.fit(n, T, V, key=0, epochs=1)", "learning_rate is missing; give a number above 0"),
    ("jnndl.fit(n, T, V, key=0, epochs=1, eta=.5)", "there is no setting 'eta'; did you mean learning_rate?"),
    ("jnndl.fit(n, T, V, lmbda=5.0, **k)", "there is no setting 'lmbda'; did you mean l2?"),
    ("jnndl.fit(n, T, V, mini_batch_size=10, **k)", "there is no setting 'mini_batch_size'; did you mean batch_size?"),
    ("jnndl.fit(n, T, V, batchsize=10, **k)", "there is no setting 'batchsize'; did you mean batch_size?"),
    (
        "jnndl.fit(n, T, V, batch_size=0, **k)",
        "batch_size is 0; give a whole number from 1 to 1197, the number of training examples (1197 is",
    ),
    (
        "jnndl.fit(n, T, V, batch_size=10**6, **k)",
        "batch_size is 1000000; give a whole number from 1 to 1197, the number of training examples (1197 is",
    ),
    ("jnndl.fit(n, T, V, **(k|{'epochs':-1}))", "epochs is -1; give a whole number of at least 1"),
    ("jnndl.fit(n, T, V, **(k|{'epochs':2.5}))", "epochs is 2.5; give a whole number of at least 1"),
    ("jnndl.fit(n, T, V, **(k|{'learning_rate':-1}))", "learning_rate is -1; give a number above 0"),
    ("jnndl.fit(n, T, V, **(k|{'learning_rate':'0.5'}))", "learning_rate is '0.5'; give a number above 0"),
    (
        "jnndl.fit(n, T, V, **(k|{'learning_rate':[.5, 1]}))",
        "learning_rate has shape (2,); give one number; fit_many takes many",
    ),
    ("jnndl.fit(n, x, y, **k)", "training data is a ndarray; give a Dataset(inputs, targets)"),
    ("jnndl.fit(n, (x, y), V, **k)", "training data is a tuple; give a Dataset(inputs, targets)"),
    ("jnndl.fit(n, d, **k)", "training data is a Splits; give a Dataset, such as splits.training"),
    ("jnndl.fit(T, n, V, **k)", "network is a Dataset; give the network first and the data after it"),
    ("jnndl.fit(n, V, 'test', **k)", "evaluation data is 'test'; give a Dataset(inputs, targets)"),
    ("jnndl.fit(n, T, V, cost='mse', **k)", "cost is 'mse'; give 'quadratic', 'cross_entropy', 'log_likelihood'"),
    ("jnndl.fit(n, T, V, cost=lambda a, y:(a-y)**2, **k)", "; give one of jnndl.costs, such as costs.cross_entropy"),
    (
        "jnndl.fit(jnndl.mlp([64, 30, 10], output='softmax'), T, V, **k)",
        "cost cross_entropy fits the output neurons sigmoid, but the network's is softmax; change the",
    ),
    (
        "jnndl.fit(n, T, V, optimizer='adam', **k)",
        "optimizer is 'adam'; give a function of the learning rate: optax.adam, not optax.adam(0.1)",
    ),
    (
        "jnndl.fit(n, T, V, optimizer=optax.adam(0.1), **k)",
        "optimizer is a GradientTransformationExtraArgs; give a function of the learning rate: optax.adam,",
    ),
    ("jnndl.fit(n, T, V, gradient='bp', **k)", "gradient is 'bp'; give 'autodiff', 'backprop'"),
    (
        "jnndl.fit(n, T, V, **(k|{'progress':'loud'}))",
        "progress is 'loud'; give 'lines' for a line per epoch, 'bar' for a bar, False for silence, or None",
    ),
    (
        "jnndl.fit(jnndl.mlp([784, 30, 10]), T, V, **k)",
        "training data: inputs have 64 numbers per example (shape (8, 8)), but the network takes 784; make",
    ),
    (
        "jnndl.fit(jnndl.mlp([64, 30, 5]), T, V, **k)",
        "training data: labels go from 0 to 9, but the network has 5 outputs, for labels 0 to 4; give it 10",
    ),
    (
        "jnndl.fit_many(n, T, key=0, epochs=1, learning_rate=.5)",
        "keys is missing; give jax.random.split(jax.random.key(0), 10), for instance",
    ),
    (
        "jnndl.fit_many(n, T, keys=3, epochs=1, learning_rate=.5)",
        "keys is 3, not a random key; give jax.random.split(jax.random.key(0), 10), for instance",
    ),
    (
        "jnndl.fit_many(n, T, keys=jax.random.split(jax.random.key(0), 3), epochs=1, learning_rate=[.1, .2])",
        "learning_rate has shape (2,); give one number, or 3, one per key",
    ),
    ("list(jnndl.fit(n, T[:50], **k))", "this is one network, from fit; take fit.network, fit.params, fit.history"),
    ("f[0]", "this is one network, from fit; take fit.network, fit.params, fit.history"),
    ("f.accuracy", "the result of fit has no 'accuracy'; it has network, params, best_params, best_epoch, state, and"),
    ("f.history.validation_accuracy", "the history has no 'validation_accuracy'; did you mean evaluation_accuracy?"),
    ("f.best()", "best: this is one network, from fit; take its params or best_params"),
    ("jnndl.predict(p, n, V.inputs)", "network is a tuple; give the network first and its parameters after it"),
    ("jnndl.predict(f.network, f.params, V.inputs[0])", "inputs have shape (8, 8); give n examples, of shape (n, 64)"),
    (
        "jnndl.predict(f.network, f.params, np.ones((3, 7)))",
        "inputs have shape (3, 7); give n examples, of shape (n, 64)",
    ),
    (
        "jnndl.predict(fm.network, fm.params, V.inputs)",
        "params are those of 2 networks; give those of one: fit.one(0).params, fit.best().best_params, or",
    ),
    ("jnndl.predict(f.network, f.params, 'seven.png')", "inputs are str; give a Dataset, or an array of n examples"),
    ("n(p, np.ones((8, 8)))", "x has shape (8, 8); give one example, of shape (64,); for many of any shape there is"),
    ("n(p, np.ones((5, 64)))", "x has shape (5, 64); give one example, of shape (64,); for many of any shape there is"),
    ("jnndl.evaluate(n, p, x)", "evaluated data is a ndarray; give a Dataset(inputs, targets)"),
    ("jnndl.save(n, p, 'a.safetensors')", "network is a tuple; give the network first and its parameters after it"),
    ("jnndl.save(str(tmp), n, p)", "is a folder; give the path of a file"),
    (
        "jnndl.save('no/such/dir/a.safetensors', n, p)",
        "no/such/dir; make it first",
    ),
    (
        "jnndl.load('nothing.safetensors')",
        "nothing.safetensors: there is no such file; give the path of a network saved by jnndl.save",
    ),
    (
        "jnndl.load('notes.txt')",
        "notes.txt: not a whole safetensors file (Error while deserializing header: header too small); give",
    ),
    (
        "jnndl.load('bad.png')",
        "bad.png: not a whole safetensors file (Error while deserializing header: header too large); give a",
    ),
    (
        "jnndl.load_mnist('pics')",
        "data folder pics lacks train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte,",
    ),
    (
        "jnndl.load_idx('nowhere')",
        "data folder nowhere does not exist, so it lacks train-images-idx3-ubyte, train-labels-idx1-ubyte,",
    ),
    (
        "jnndl.load_images('pics')",
        "pics: holds 0 folders; give one that holds a folder of images for each class, 2 at least",
    ),
    (
        "jnndl.load_csv('t.csv', target='Label')",
        "target is 'Label', but t.csv has no such column; did you mean 'label'?",
    ),
    (
        "jnndl.load_csv('t.csv', target='label')",
        "t.csv, line 3: column 'b' is missing (''); fill it in, or leave the row out",
    ),
    ("jnndl.load_csv('u.csv', target='a')", "u.csv: there is no such file; give the path of a CSV file"),
    ("jnndl.from_arrays(x, y[:5])", "there are 1197 inputs, but targets of shape (5,); give one per input"),
    (
        "jnndl.from_arrays([[1, float('nan')]]*9, [0, 1, 0]*3)",
        "inputs: row 0: column 1 is missing (nan); fill it in, or leave the row out",
    ),
    (
        "jnndl.from_arrays([['a', 'b']]*9, [0, 1, 0]*3)",
        "inputs: row 0: column 0 holds a text, 'a'; leave the column out, or make a column of 0 and 1 for",
    ),
    ("jnndl.read_digits('bad.png')", "bad.png: not a picture; give a whole PNG, JPEG, GIF, BMP or WebP file"),
    ("jnndl.read_digits('none.png')", "none.png: there is no such file; give the path of a picture"),
    ("jnndl.Dropout(50)", "Dropout: rate is 50; give the fraction to drop, from 0 to below 1"),
    ("jnndl.Dense('64', 10)", "Dense: n_in is '64'; give a whole number of at least 1"),
    (
        "jnndl.Network((jnndl.Dense(64, 10, 'linear'), ), 'sigmoid', 64)",
        "Network: input_shape is 64; give a tuple of whole numbers, such as (784,)",
    ),
    (
        "jnndl.Network((jnndl.Dense(64, 30), jnndl.Dense(20, 10, 'linear')), 'sigmoid', (64, ))",
        "Network: layer 1, Dense(20, 10, linear), cannot take an input of shape (30,); make its size that of",
    ),
    (
        "jnndl.Network((jnndl.Dense(64, 10), ), 'sigmoid', (64, ))",
        "Network: the last layer's neuron is sigmoid; make it linear, and give the output neuron to the",
    ),
    (
        "jnndl.Network((jnndl.Conv(1, 4, 3), jnndl.Flatten(), jnndl.Dense(144, 10, 'linear')), 'sigmoid', (8, 8))",
        "Network: layer 0, Conv(1, 4, 3, sigmoid), cannot take an input of shape (8, 8); make its size that",
    ),
    (
        "jnndl.Network((jnndl.Conv(1, 4, 3), jnndl.Dense(144, 10, 'linear')), 'sigmoid', (8, 8, 1))",
        "Network: layer 1, Dense(144, 10, linear), cannot take an input of shape (6, 6, 4); put Flatten() before it",
    ),
    ("jnndl.Conv(1, 4, 3, pool=2)", "Conv: pool is 2; give MaxPool(2), AvgPool(2), L2Pool(2) or None"),
    ("jnndl.Conv(1, 4, 3, padding='full')", "Conv: padding is 'full'; give 'valid' or 'same'"),
    ("jnndl.check_gradients(n, p, T[:3], key=0)", "objective is a Network; give Objective(network, cost)"),
    (
        "jnndl.save_page('a.html', jnndl.mlp([3, 2]), jnndl.mlp([3, 2]).init(0))",
        "the network's input_shape is (3,), which is no image of one value per pixel; give a network trained",
    ),
]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the calls may use, in a folder with some files that are not what they seem."""
    folder = tmp_path_factory.mktemp("beginner")
    (folder / "notes.txt").write_text("hello")
    (folder / "bad.png").write_bytes(b"not a picture")
    (folder / "pics").mkdir()
    (folder / "t.csv").write_text("a,b,label\n1,2,x\n3,,y\n")
    d, n = jnndl.load_digits(), jnndl.mlp([64, 30, 10])
    few, k = d.training[:200], {"key": 0, "epochs": 1, "learning_rate": 0.5, "progress": False}
    keys = jax.random.split(jax.random.key(0), 2)
    many = {"keys": keys, "epochs": 1, "learning_rate": 0.5, "progress": False}
    return {
        **{"jnndl": jnndl, "jax": jax, "np": np, "optax": optax, "tmp": folder, "d": d, "n": n, "k": k},
        **{"T": d.training, "V": d.validation, "p": n.init(0), "f": jnndl.fit(n, few, **k)},
        **{"fm": jnndl.fit_many(n, few, **many), "x": d.training.inputs, "y": d.training.targets},
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("call", "sentence"), CALLS, ids=[call for call, _ in CALLS])
def test_a_beginners_call_is_answered(names, call, sentence, monkeypatch):
    monkeypatch.chdir(names["tmp"])
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as a user meets it
    with pytest.raises((TypeError, ValueError, AttributeError, OSError)) as caught:
        eval(call, names)
    assert sentence in str(caught.value)
