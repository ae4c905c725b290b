import os

import pytest

from controlplane.embedded import environment
from controlplane.embedded.problems import CannotStart

KEYS = ("SECRET_KEY", "SPARKOPS_SECRETS_KEYS")


@pytest.fixture
def nothing_given(monkeypatch):
    for name in environment.SHARED:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return monkeypatch


def forget(monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(name)


def test_keys_are_made_once_and_only_the_owner_reads_them(nothing_given, tmp_path):
    environment.load_keys(tmp_path)
    first = [os.environ[name] for name in KEYS]
    forget(nothing_given)
    environment.load_keys(tmp_path)
    assert [os.environ[name] for name in KEYS] == first
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_given_key_is_not_written_down(nothing_given, tmp_path):
    nothing_given.setenv("SECRET_KEY", "given")
    environment.load_keys(tmp_path)
    assert os.environ["SECRET_KEY"] == "given"
    assert not (tmp_path / "secret_key").exists()


def test_an_emptied_key_file_is_refused_rather_than_replaced(nothing_given, tmp_path):
    (tmp_path / "sparkops_secrets_keys").write_text("")
    with pytest.raises(CannotStart, match="Restore it from a backup"):
        environment.load_keys(tmp_path)


def test_a_command_beside_it_finds_the_servers(nothing_given, tmp_path):
    nothing_given.setenv("SPARKOPS_DATA_DIR", str(tmp_path))
    nothing_given.setenv("DATABASE_URL", "postgresql:///published")
    environment.publish(tmp_path)
    nothing_given.delenv("DATABASE_URL")
    environment.join()
    assert os.environ["DATABASE_URL"] == "postgresql:///published"


def test_a_command_with_its_own_database_is_left_alone(nothing_given, tmp_path):
    nothing_given.setenv("SPARKOPS_DATA_DIR", str(tmp_path))
    nothing_given.setenv("REDIS_URL", "redis://published")
    environment.publish(tmp_path)
    nothing_given.delenv("REDIS_URL")
    nothing_given.setenv("DATABASE_URL", "postgresql:///mine")
    environment.join()
    assert "REDIS_URL" not in os.environ


def test_the_portal_may_call_itself_beside_what_is_allowed_already(nothing_given):
    nothing_given.setenv("SPARKOPS_OUTBOUND_ALLOW", "10.0.0.0/8, ")
    for _ in range(2):
        environment.allow_own_address("127.0.0.1:8000")
    assert os.environ["SPARKOPS_OUTBOUND_ALLOW"] == "10.0.0.0/8,127.0.0.1:8000"
