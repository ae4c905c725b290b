import socket
import subprocess
import sys

import pytest

from controlplane.embedded import up
from controlplane.embedded.folders import REPOSITORY
from tests.embedded.conftest import bare_environment, manage


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


def test_a_taken_port_is_one_sentence_and_nothing_is_started(taken_port, data):
    answer = manage("up", PORT=taken_port, SPARKOPS_DATA_DIR=str(data))
    assert answer.returncode == 1
    assert f"Port {taken_port} on 127.0.0.1 is taken" in answer.stderr
    assert "PORT=" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert not (data / "postgres").exists()


def test_a_port_that_is_no_number_is_named(data):
    answer = manage("up", PORT="http", SPARKOPS_DATA_DIR=str(data))
    assert answer.returncode == 1
    assert "PORT is 'http'" in answer.stderr


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    answer = manage("up", SPARKOPS_DATA_DIR=str(tmp_path / "file" / "var"))
    assert answer.returncode == 1
    assert "Set SPARKOPS_DATA_DIR" in answer.stderr


def test_a_second_start_on_the_same_data_is_told_who_has_it(data):
    with up.only_one(data):
        answer = manage("up", SPARKOPS_DATA_DIR=str(data))
    assert answer.returncode == 1
    assert "already runs" in answer.stderr
    assert up.address() in answer.stderr


def test_the_supervisor_stays_small_by_never_loading_django():
    script = "import sys, controlplane.embedded.up; print('django' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, env=bare_environment(), capture_output=True, text=True
    )
    assert answer.stdout.strip() == "False"
