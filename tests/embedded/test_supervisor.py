import signal
import subprocess
import sys

import pytest

from controlplane.embedded.folders import REPOSITORY
from controlplane.embedded.processes import started_at
from tests.embedded.conftest import eventually

# Two children: `steady` says its pid and waits, `stubborn` does the same and does not listen to SIGTERM.
SUPERVISED = """
import sys
from pathlib import Path
from controlplane.embedded.processes import Program
from controlplane.embedded.supervisor import Supervisor
steady = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + steady
folder = Path(sys.argv[1])
supervisor = Supervisor(folder / "run", folder / "logs")
supervisor.add(Program("steady", (sys.executable, "-c", steady), folder))
supervisor.add(Program("stubborn", (sys.executable, "-c", stubborn), folder, patience=60))
supervisor.run()
print("stopping", flush=True)
supervisor.stop()
print("stopped", flush=True)
"""


@pytest.fixture
def supervised(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def next_pid(process, name):
    """The pid in the next line that the child `name` said."""
    for line in process.stdout:
        said_by, _, text = line.partition("|")
        if said_by.strip() == name:
            return int(text)
    raise AssertionError("the supervisor ended")


def both(process):
    said = {line.partition("|")[0].strip(): int(line.partition("|")[2]) for line in lines(process, 2)}
    return said["steady"], said["stubborn"]


def lines(process, count):
    return [process.stdout.readline() for _ in range(count)]


def test_a_killed_child_comes_back(supervised):
    steady, _ = both(supervised)
    subprocess.run(["kill", "-9", str(steady)], check=True)
    assert "SIGKILL" in supervised.stdout.readline()
    assert next_pid(supervised, "steady") != steady


def test_what_children_say_is_kept_in_files(supervised, tmp_path):
    steady, _ = both(supervised)
    assert eventually(lambda: (tmp_path / "logs" / "steady.log").read_text() == f"{steady}\n")


def test_one_request_asks_and_a_second_one_kills(supervised):
    children = both(supervised)
    supervised.send_signal(signal.SIGTERM)
    assert supervised.stdout.readline() == "stopping\n"
    assert all(map(started_at, children[1:]))
    # The same request may come twice; a person who presses again waits at least half a second.
    eventually(lambda: supervised.send_signal(signal.SIGINT) or supervised.poll() is not None)
    assert "stopped" in supervised.stdout.read()
    assert not any(map(started_at, children))


def test_killing_the_supervisor_leaves_nothing_behind(supervised):
    children = both(supervised)
    supervised.kill()
    supervised.wait()
    assert eventually(lambda: not any(map(started_at, children)))
