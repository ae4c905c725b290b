import os
import signal
import subprocess
import sys

import pytest

from controlplane.embedded.folders import REPOSITORY
from controlplane.embedded.processes import Program, end, launch, read_note, started_at
from tests.embedded.conftest import eventually

PARENT = """
import sys, time
from pathlib import Path
from controlplane.embedded.processes import Program, launch
program = Program("sleeper", (sys.executable, "-c", "import time; time.sleep(600)"), Path.cwd())
print(launch(program, Path(sys.argv[1])).pid, flush=True)
time.sleep(600)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot tie a child to its parent")
def test_a_child_dies_when_its_parent_is_killed(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    assert started_at(child)
    parent.kill()
    parent.communicate()
    assert eventually(lambda: not started_at(child))


def test_a_child_that_will_not_end_is_killed(tmp_path):
    program = Program("stubborn", (sys.executable, "-c", STUBBORN), tmp_path, patience=0.2)
    process = launch(program, tmp_path / "run", subprocess.PIPE)
    process.stdout.readline()
    end(process, program)
    assert process.returncode == -signal.SIGKILL


def test_what_a_child_started_ends_with_it(tmp_path):
    script = r"import os, time; os.fork(); os.write(1, b'%d\n' % os.getpid()); time.sleep(600)"
    program = Program("family", (sys.executable, "-c", script), tmp_path)
    process = launch(program, tmp_path / "run", subprocess.PIPE)
    family = {int(process.stdout.readline()), int(process.stdout.readline())}
    end(process, program)
    assert process.pid in family
    assert eventually(lambda: not any(map(started_at, family)))


def test_a_record_cut_off_in_the_writing_is_no_record(tmp_path):
    (tmp_path / "web.json").write_text('{"pid": 1')
    assert read_note(tmp_path / "web.json") is None


def test_a_process_is_known_by_its_start_not_by_its_pid_alone():
    assert started_at(os.getpid()) == started_at(os.getpid()) != ""
    assert started_at(2**22 + 1) == ""
