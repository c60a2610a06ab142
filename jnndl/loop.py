"""The loop over epochs on the host, which ``fit`` and ``fit_many`` share."""

import json
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key

from jnndl import functions, identity
from jnndl.checkpoints import Checkpoint
from jnndl.data import Dataset
from jnndl.measures import History, Scores
from jnndl.options import Run
from jnndl.processes import everyones, is_shared, on_host
from jnndl.progress import speaking
from jnndl.settings import State


def train_loop(
    step: Callable[..., tuple[State, Scores]],
    state: State,
    data: tuple[Dataset, Dataset | None],
    run: Run,
    after_epoch: Callable[[int, Scores, State], Any],
    checkpoint: Checkpoint | None,
    before: History | None = None,
    networks: int | None = None,
) -> tuple[State, History]:
    """The loop over epochs on the host: to the last, or until all networks have stopped, or ``after_epoch`` says True.

    Args:
        step: ``(state, training, evaluation, with_training) -> (state, scores)``, one epoch of all networks.
        state: where to start; its memory is reused.
        data: training and evaluation data, on the devices.
        run: the settings.
        after_epoch: called with the number of the epoch, its scores and the flags of the state, all on the host.
        checkpoint: where to keep the state, or None.
        before: the history of the epochs that are behind ``state``; None where there are none.
        networks: how many networks there are, the first rows of ``state``; None for one network.
    """
    history, loop, every = [] if before is None else before.epochs(), run.loop, run.config.measure_training
    shared = is_shared(state)
    if checkpoint is not None and loop.resume and checkpoint.exists():
        _, scores = jax.eval_shape(step, state, *data)
        found, saved = checkpoint.read(state, History(*scores))
        state = found._replace(stopped=found.stopped | state.stopped)  # the rows that only fill up the devices are
        history = saved.epochs()
        if len(history) > loop.epochs:
            raise ValueError(
                f"epochs is {loop.epochs}, but {checkpoint.path} has {len(history)} of them done; give at least "
                f"{len(history)}"
            )
    done, rows = len(history), ... if networks is None else slice(networks)
    if shared and len(set(lengths := everyones(done).tolist())) > 1:
        raise ValueError(
            f"checkpoint is {loop.checkpoint}, of which the processes see {lengths} epochs; give a file in a folder "
            "that all of them share"
        )
    ended = bool(history) and np.all(on_host(state.stopped))
    size = len(run.training if run.evaluation is None else run.evaluation)
    with speaking(False if shared and jax.process_index() > 0 else loop.progress, done, loop.epochs, size) as tell:
        for number in range(done, done if ended else loop.epochs):
            with_training = bool(every) and (number + 1) % every == 0
            state, scores = step(state, *data, with_training)
            found = on_host((scores, {"stopped": state.stopped, "diverged": state.diverged}))
            scores, flags = jax.tree.map(lambda leaf: leaf[rows], found)
            history.append(scores)
            tell(number, scores)
            ended = np.all(flags["stopped"])
            ended |= functions.says_stop(after_epoch(number, scores, state._replace(**flags)))
            if checkpoint is not None and (ended or (number + 1) % checkpoint.every == 0 or number + 1 == loop.epochs):
                checkpoint.write(state, History.of(history))
            if ended:
                break
    return state, History.of(history)


def make_checkpoint(
    run: Run, keys: Key[Array, "..."], path: str | os.PathLike | None = None, first: State | None = None
) -> Checkpoint | None:
    """Where a run is kept, with all that tells it from another run; None if no checkpoint was asked for.

    Args:
        run, keys: the run.
        path: the file, where it is not ``loop.checkpoint``.
        first: the state to continue from, or None to start from the keys.
    """
    loop = run.loop
    if loop.checkpoint is None:
        return None
    hyper = {name: None if value is None else np.asarray(value).tolist() for name, value in run.hyper._asdict().items()}
    rest: dict[str, Any] = {"keys": keys, "params": loop.params}
    rest |= {"training": run.training, "evaluation": run.evaluation}
    rest |= {"precision": [str(jax.dtypes.canonicalize_dtype(float)), str(run.hyper.learning_rate.dtype)]}
    if first is not None:  # its arrays follow from the rest, but for when it began and what had been stopped
        rest |= {"begun": {"epoch": first.epoch, "stopped": first.stopped}}
    about = identity.describe({"config": run.config, "hyper": hyper, **rest})
    networks = len(keys) if keys.ndim else None
    checkpoint = Checkpoint(path or loop.checkpoint, loop.checkpoint_every, json.loads(json.dumps(about)), networks)
    checkpoint.prepare()
    return checkpoint
