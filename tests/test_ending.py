"""A long command that is told to end, is started twice, or whose reader is gone; and what it refuses at once."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

import jnndl
from experiments import __main__ as command
from experiments import guard
from experiments.__main__ import main

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
