"""Several processes, which on the loopback are what hosts are on a network: they agree with one, and end together."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import eight
import jax
import pytest
import several

import jnndl
from experiments import __main__ as command
from experiments import hosts, last_words

HERE = pathlib.Path(__file__).parent
QUESTION = ("ch1-baseline", "--data", "digits", "--quick", "--seeds", "3")


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def begin(arguments, **environment):
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def command_in_two(*arguments):
    """The command, begun in two processes."""
    meeting = "--coordinator", f"127.0.0.1:{free_port()}", "--processes", 2
    return [
        begin(["-m", "experiments", *QUESTION, *arguments, *meeting, "--process-id", number, "--devices", 1])
        for number in range(2)
    ]


def command_under_slurm(*arguments):
    """The same, begun as Slurm's srun begins two tasks on this host."""
    port = str(free_port())
    slurm = {"SLURM_JOB_ID": port, "JAX_COORDINATOR_PORT": port, "SLURM_STEP_NODELIST": "localhost"}
    return [
        begin(
            ["-m", "experiments", *QUESTION, *arguments, "--processes", "auto", "--devices", 1],
            **slurm,
            SLURM_NTASKS="2",
            SLURM_PROCID=str(number),
            SLURM_LOCALID=str(number),
        )
        for number in range(2)
    ]


def ends(processes):
    """The exit status, the output and the errors of each."""
    found = []
    for process in processes:
        out, err = process.communicate(timeout=300)
        found.append((process.returncode, out, err))
    return found


def measured(folder):
    return json.loads((folder / "ch1-baseline" / "result.json").read_text())["measured"]


@pytest.fixture(scope="module")
def bits():
    """Of the networks of ``several.py`` that one device trains, alone in its process."""
    with jax.enable_x64(True):
        return eight.bits(several.networks(jnndl.load_digits(), 2, devices=jax.devices()[:1]))


@pytest.mark.filterwarnings("ignore:.*stayed at chance")
@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_processes_agree_with_one_and_each_can_read_the_results(count, bits, tmp_path):
    port = free_port()
    done = ends([begin([HERE / "several.py", number, count, port, tmp_path]) for number in range(count)])
    assert [status for status, _, _ in done] == count * [0], done
    first, *others = (json.loads(out.splitlines()[-1]) for _, out, _ in done)
    assert first["devices"] == 4
    assert first["bits"] == bits
    assert 0 < first["off"] < 1e-9
    assert first["accuracy"] == first["wanted"]
    assert others == (count - 1) * [first]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.previous.safetensors", "run.safetensors"]


def test_the_command_in_two_processes_that_slurm_starts_measures_what_it_measures_in_one(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "prepare", lambda devices: None)
    assert command.main([*QUESTION, "--out", str(tmp_path / "one")]) == 0
    (status, out, err), (other, nothing, _) = ends(command_under_slurm("--out", tmp_path / "two"))
    assert (status, other) == (0, 0), err
    assert measured(tmp_path / "two") == measured(tmp_path / "one")
    assert "written to" in out
    assert not [line for line in nothing.splitlines() if "[Gloo]" not in line]


@pytest.mark.parametrize("killed", [1, pytest.param(0, marks=pytest.mark.slow)])
def test_where_one_is_killed_the_other_ends_in_a_sentence_and_one_process_goes_on(killed, tmp_path, monkeypatch):
    length = "--epochs", "150", "--out"
    processes = command_in_two(*length, tmp_path / "two")
    checkpoint = tmp_path / "two" / "ch1-baseline" / "checkpoints" / "0.safetensors"
    while not checkpoint.exists():
        assert [process.poll() for process in processes] == [None, None], ends(processes)
        time.sleep(0.05)
    processes[killed].send_signal(signal.SIGKILL)
    at = time.monotonic()
    status, _, err = ends([processes[1 - killed]])[0]
    assert status != 0
    assert time.monotonic() - at < 3 * hosts.HEARTBEAT
    assert err.splitlines() == [last_words.LOST]
    ends([processes[killed]])
    monkeypatch.setattr(command, "prepare", lambda devices: None)
    assert command.main([*QUESTION, *length, str(tmp_path / "two"), "--resume"]) == 0
    assert command.main([*QUESTION, *length, str(tmp_path / "one")]) == 0
    assert measured(tmp_path / "two") == measured(tmp_path / "one")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--processes", "2"], "--coordinator is None; give the host of process 0 and a port, as in node1:1234"),
        (
            ["--processes", "2", "--coordinator", "node1"],
            "--coordinator is node1; give the host of process 0 and a port",
        ),
        (
            ["--processes", "2", "--coordinator", "node1:1234", "--process-id", "2"],
            "--process-id is 2; give a number from 0 to 1, another in each process",
        ),
        (["--coordinator", "node1:1234"], "--processes is None; give how many there are, or auto"),
        (["--processes", "many"], "--processes is many; give how many there are, or auto"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(arguments, sentence, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(command, "prepare", lambda devices: None)
    assert command.main([*QUESTION, "--out", str(tmp_path), *arguments]) == command.REFUSED
    assert capsys.readouterr().err.startswith(f"error: {sentence}")


def test_standard_error_passes_until_jax_ends_the_process():
    page = (
        "a warning\n"
        "E1130 21:01:10.101100   20372 coordination_service_agent.cc:289] Polled an error from coordination service.\n"
        "F1130 21:01:10.101168   20372 client.h:80] Terminating process because the JAX distributed service detected\n"
        "*** Check failure stack trace: ***\n"
    )
    done = subprocess.run(
        [sys.executable, last_words.__file__], input=page, capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stderr.splitlines() == ["a warning", last_words.LOST]
