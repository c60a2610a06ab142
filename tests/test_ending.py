"""A long command that is told to end, is started twice, or whose reader is gone; and what it refuses at once."""

import json
import os
import re
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest
from samples import blobs

import jnndl
from experiments import __main__ as command
from experiments import guard, photos
from experiments.__main__ import main
from jnndl import __main__ as library
from jnndl import chunks

QUICK = ["ch1-darkness", "--quick", "--data", "digits", "--seeds", "1"]


def start(*arguments, **settings):
    """The command in a process of its own."""
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONUNBUFFERED": "1"} | settings.pop("env", {})
    words = [sys.executable, "-W", "ignore", "-m", "experiments", *map(str, arguments)]
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment} | settings
    # As in a terminal: where the tests run in the background, Ctrl-C is ignored, and what they start would ignore it.
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(words, **settings)
    finally:
        signal.signal(signal.SIGINT, old)


def long_run(out, *more):
    """Many epochs of small networks, in the middle of which somebody does something."""
    words = ["ch1-baseline", "--data", "digits", "--seeds", "2", "--epochs", "2000", "--out", out, *more]
    process = start(*words)
    for line in process.stdout:
        if re.search("Epoch [1-9]", line):
            return process
    raise AssertionError(process.communicate())


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_told_to_end_keeps_what_it_has_and_says_how_to_go_on(tmp_path, number, status):
    process = long_run(tmp_path)
    process.send_signal(number)
    told = process.communicate(timeout=600)[1]
    assert process.returncode == status, told
    assert "stopped; no question is finished; to go on from the last checkpoint: python -m experiments ch1-base" in told
    assert told.rstrip().endswith("--resume")
    assert "Traceback" not in told
    kept = list(tmp_path.glob("*/checkpoints/*.safetensors"))
    if number == signal.SIGTERM:
        assert "SIGTERM: the epoch is finished and kept, then this ends" in told
        assert "0.safetensors" in [path.name for path in kept]
        process = long_run(tmp_path, "--resume")
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_the_second_process_on_a_folder_is_told_who_has_it(tmp_path):
    first = long_run(tmp_path)
    try:
        second = start(*QUICK, "--out", tmp_path)
        told = second.communicate(timeout=600)[1]
        assert second.returncode == 2
        assert f"error: {tmp_path}: process {first.pid} on " in told
        assert "writes there; wait for it, or give another folder with --out" in told
    finally:
        first.kill()
        first.communicate()
    with guard.alone(tmp_path):  # the lock of a killed process is nobody's
        pass


def test_a_reader_that_is_gone_ends_the_command_quietly(tmp_path):
    with start() as process:
        process.stdout.close()
        told = process.stderr.read()
    assert (process.returncode, told) == (141, "")


def test_a_closed_standard_output_is_nobody_who_watches(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert not jnndl.progress.is_watched()


def test_a_platform_that_is_not_there_is_refused_in_a_sentence(tmp_path):
    process = start(*QUICK, "--out", tmp_path, env={"JAX_PLATFORMS": "cuda"})
    told = process.communicate(timeout=600)[1]
    assert process.returncode == 2
    assert told == "error: JAX finds no device (JAX_PLATFORMS is 'cuda'); unset it, or set it to cpu\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seeds", "1000000000"], "argument --seeds: 1000000000 is too many; give at most 100000"),
        (["--devices", "99999"], "argument --devices: 99999 is too many; give at most 256"),
    ],
)
def test_what_no_machine_can_do_is_refused_at_once(capsys, arguments, sentence):
    with pytest.raises(SystemExit) as stop:
        main([*QUICK, *arguments])
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.fixture
def quietly(monkeypatch):
    """JAX is left as it is."""
    monkeypatch.setattr(command, "prepare", lambda devices: None)


@pytest.mark.usefixtures("quietly")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--devices", "3"], "error: --devices is 3, but JAX has 2; give at most 2"),
        (["--only", "growth"], "error: --only is for benchmark, which runs alone"),
        (["--accelerator"], "error: --accelerator is for benchmark, which runs alone"),
        (["--repeats", "3"], "error: --repeats is for benchmark, which runs alone"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(tmp_path, capsys, arguments, sentence):
    assert main([*QUICK, "--out", str(tmp_path), *arguments]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.usefixtures("quietly")
def test_results_of_other_data_are_not_mixed_with_these(tmp_path, capsys):
    for name, content in (("broken", "{"), ("other", json.dumps({"data": {"sha256": {"digits": "another"}}}))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(content)
    assert main([*QUICK, "--out", str(tmp_path)]) == 2
    assert f"error: {tmp_path} holds results of other data ({tmp_path / 'other'}" in capsys.readouterr().err


@pytest.mark.usefixtures("quietly")
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_trained(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([*QUICK, "--out", str(tmp_path / "file")]) == 2
    assert str(tmp_path / "file") in capsys.readouterr().err


# Memory.

MANY_BYTES = "out of memory, asked for 400000000000000 bytes; "


@pytest.mark.parametrize(
    ("train", "remedy"),
    [
        (lambda network, data: jnndl.fit(network, data, key=0, epochs=1, learning_rate=1.0), "train a smaller network"),
        (
            lambda network, data: jnndl.fit_many(
                network, data, keys=jax.random.split(jax.random.key(0), 2), at_once=2, epochs=1, learning_rate=1.0
            ),
            r"train fewer networks at once \(at_once is 2\), or give a smaller batch_size",
        ),
    ],
    ids=["fit", "fit_many"],
)
def test_a_network_that_no_memory_holds_is_told_in_a_sentence(train, remedy):
    with pytest.raises(MemoryError, match=f"^{MANY_BYTES}{remedy}"):
        train(jnndl.mlp([2, 10**7, 10**7, 3]), blobs(12))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "^out of memory; buy some$"),
        (MemoryError("Unable to allocate 7.11 PiB for an array"), r"^out of memory, asked for 7\.11 PiB; buy some$"),
        (
            jax.errors.JaxRuntimeError(
                "RESOURCE_EXHAUSTED: Failed to allocate request for 12.5GiB on device ordinal 0"
            ),
            "^out of memory; buy some$",
        ),
    ],
)
def test_memory_that_ran_out_by_any_of_its_names(error, sentence):
    with pytest.raises(MemoryError, match=sentence), chunks.told_of_memory("buy some"):
        raise error


def test_another_error_of_a_program_stays_as_it_is():
    with pytest.raises(jax.errors.JaxRuntimeError, match="a broken cable"), chunks.told_of_memory("buy some"):
        raise jax.errors.JaxRuntimeError("INTERNAL: a broken cable")


@pytest.mark.usefixtures("quietly")
def test_memory_that_ran_out_in_an_experiment_is_a_sentence_and_the_others_still_run(monkeypatch, tmp_path, capsys):
    def run(experiment, job, folder):
        if experiment.name == "ch1-darkness":
            raise MemoryError("out of memory, asked for 7 PiB; train fewer networks at once")
        print("the other one ran")

    monkeypatch.setattr(command, "run", run)
    assert main([*QUICK, "ch1-baseline", "--out", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert "the other one ran" in told.out
    assert "error: ch1-darkness: out of memory, asked for 7 PiB; give fewer --seeds, fewer --devices, or --quick\n" in (
        told.err
    )
    assert "Traceback" not in told.err


# Options and data.


@pytest.mark.usefixtures("quietly")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["benchmark", "--seeds", "3"], "--seeds is for experiments, but benchmark has its own; leave it out"),
        (["benchmark", "--epochs", "3"], "--epochs is for experiments"),
        (["benchmark", "--resume"], "--resume is for experiments"),
        (["benchmark", "--devices", "1"], "--devices is for experiments"),
        (["benchmark", "--scale", "book"], "--scale is for experiments"),
        (["benchmark", "ch3"], "benchmark runs alone; leave out ch3"),
        (["benchmark", "--accelerator", "--only", "growth"], "--only is for the benchmark on a CPU; leave out"),
        (["--quick"], "--quick is for an experiment; name one, a chapter such as ch3, or all"),
        (["--repeats", "6"], "--repeats is for an experiment; name one"),
        ([*QUICK, "--repeats", "6"], "--repeats is for benchmark, which runs alone"),
    ],
)
def test_an_option_that_nothing_would_look_at_is_refused(capsys, arguments, sentence):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error: {sentence}")


def splits_of(shape, labels, name="mine"):
    part = jnndl.Dataset(np.zeros((len(labels), *shape), np.uint8), np.array(labels, np.uint8))
    return jnndl.Splits(part, part, part, name, {"all": "mine"}, max(labels) + 1)


@pytest.mark.usefixtures("quietly")
@pytest.mark.parametrize("program", [QUICK[:1], ["benchmark"], ["photos"]], ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("shape", "labels", "sentence"),
    [
        ((0, 4), [0, 1] * 10, "an example has shape (0, 4), no numbers at all; give other data"),
        ((3,), [0] * 20, "all labels are the same, but there has to be a choice; give other data"),
        ((3,), [0, 1, 2], "there are 3 training examples, fewer than 10, a mini-batch; give more"),
    ],
)
def test_data_on_which_nothing_can_train_are_refused_by_their_option(
    monkeypatch, tmp_path, capsys, program, shape, labels, sentence
):
    for module in (command, photos):
        monkeypatch.setattr(module, "open_data", lambda name: splits_of(shape, labels))
    assert main([*program, "--data", "mine", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: --data mine: {sentence}\n"


@pytest.mark.usefixtures("quietly")
def test_data_that_an_experiment_does_not_take_are_told_without_a_traceback(monkeypatch, tmp_path, capsys):
    def run(experiment, job, folder):
        raise ValueError("chapter 6 needs images, but an example of these data is 3 numbers")

    monkeypatch.setattr(command, "open_data", lambda name: splits_of((3,), [0, 1] * 10))
    monkeypatch.setattr(command, "run", run)
    assert main(["ch6-conv1", "--data", "mine", "--out", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: ch6-conv1 does not take the data of --data: chapter 6 needs images, but an example")
    assert "Traceback" not in told


@pytest.mark.usefixtures("quietly")
@pytest.mark.parametrize("program", ["benchmark", "photos"])
def test_a_folder_of_results_of_other_data_is_refused_by_the_others_too(monkeypatch, tmp_path, capsys, program):
    (tmp_path / program).mkdir()
    (tmp_path / program / "result.json").write_text(json.dumps({"data": {"sha256": {"all": "theirs"}}}))
    for module in (command, photos):
        monkeypatch.setattr(module, "open_data", lambda name: splits_of((3,), [0, 1] * 10))
    out = tmp_path if program == "benchmark" else tmp_path / program
    assert main([program, "--data", "mine", "--out", str(out)]) == 2
    assert "holds results of other data" in capsys.readouterr().err


@pytest.mark.usefixtures("quietly")
@pytest.mark.parametrize("program", [QUICK[:1], ["photos"], ["benchmark", "--accelerator"]])
def test_where_jax_finds_no_device_every_command_says_so(monkeypatch, tmp_path, capsys, program):
    def none():
        raise RuntimeError("Unable to initialize backend 'cuda'")

    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    for name in ("devices", "local_devices"):
        monkeypatch.setattr(jax, name, none)
    told = "error: JAX finds no device (JAX_PLATFORMS is 'cuda'); unset it, or set it to cpu\n"
    assert main([*program, "--data", "digits", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == told
    assert library.main(["predict", "network", "picture"]) == 2
    assert capsys.readouterr().err == told


def test_names_stand_before_and_after_options():
    assert command.arguments_of(["ch1", "--quick", "ch3"]).names == ["ch1", "ch3"]


def test_without_a_standard_output_the_command_ends_well():
    program = f"exec {sys.executable} -m experiments >&-"
    done = subprocess.run(["sh", "-c", program], stderr=subprocess.PIPE, text=True, env=os.environ)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("quietly")
def test_a_question_without_epochs_says_that_the_epochs_do_not_matter(tmp_path, capsys):
    assert main([*QUICK, "--epochs", "3", "--out", str(tmp_path)]) == 0
    told = "note: this question has no epochs that could be chosen; --epochs made no difference to it\n"
    assert told in capsys.readouterr().out
    assert main([*QUICK, "--out", str(tmp_path)]) == 0
    assert "note: " not in capsys.readouterr().out
