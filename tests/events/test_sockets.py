"""Live sockets, against a real web process: who may open them, what they carry, and when they end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.sessions.models import Session
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken
from websockets.exceptions import InvalidStatus

from controlplane.domain.recording import record
from controlplane.events.models import Event
from controlplane.projects import actions
from controlplane.projects.models import ApiToken, Member, SignIn
from controlplane.projects.tenants.actors import SYSTEM
from controlplane.projects.tokens.authentication import SIGN_IN_CLAIM
from tests.events.conftest import closing_code, frames, until_caught_up
from tests.events.probe import Probe

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_socket_replays_everything_then_says_so_then_goes_on(server, world, probe):
    probe.write(3)
    with server.script(probe.path, world.token("bob")) as live:
        assert [frame["seq"] for frame in until_caught_up(live)] == [1, 2, 3]
        probe.write(2)
        assert [frame["seq"] for frame in frames(live, 2)] == [4, 5]


def test_a_frame_has_seq_type_time_and_data(server, world, probe):
    probe.write(1, word="grün")
    with server.script(probe.path, world.token("bob")) as live:
        frame, caught_up = frames(live, 2)
    assert frame.keys() == {"seq", "type", "at", "data"}
    assert (frame["type"], frame["data"]) == ("probe.moved", {"n": 1, "word": "grün"})
    assert frame["at"].endswith("Z")
    assert caught_up == {"type": "caught_up", "seq": 1}


def test_a_socket_resumes_after_the_given_place(server, world, probe):
    probe.write(700)
    with server.script(f"{probe.path}?after=690", world.token("bob")) as live:
        assert [frame["seq"] for frame in until_caught_up(live)] == list(range(691, 701))


def test_a_replay_longer_than_a_page_has_no_gap(server, world, probe):
    probe.write(1777)
    with server.script(probe.path, world.token("bob")) as live:
        assert [frame["seq"] for frame in until_caught_up(live)] == list(range(1, 1778))


def test_a_latecomer_gets_what_the_shared_reader_holds_no_more(server, world, probe):
    token = world.token("bob")
    with server.script(probe.path, token) as early:
        until_caught_up(early)
        probe.write(1500)
        assert [frame["seq"] for frame in frames(early, 1500)] == list(range(1, 1501))
        with server.script(f"{probe.path}?after=100", token) as late:
            assert [frame["seq"] for frame in until_caught_up(late)] == list(range(101, 1501))


def test_a_browser_is_let_in_by_its_session(server, world, probe):
    probe.write()
    with server.browser(probe.path, world.client("vera")) as live:
        assert len(until_caught_up(live)) == 1


def access_of(user) -> AccessToken:
    """What POST /auth/token would give, without the time that a password takes."""
    now = timezone.now()
    row = SignIn.objects.create(user=user, created_at=now, expires_at=now + timedelta(days=1), ip="127.0.0.1")
    token = AccessToken.for_user(user)
    token[SIGN_IN_CLAIM] = row.pk
    return token


def test_a_script_is_let_in_by_a_jwt(server, world, probe):
    probe.write()
    with server.script(probe.path, str(access_of(world.bob))) as live:
        assert len(until_caught_up(live)) == 1


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null"])
def test_a_foreign_origin_gets_no_handshake(server, world, probe, origin):
    cookie = f"sessionid={world.client('bob').cookies['sessionid'].value}"
    with pytest.raises(InvalidStatus) as refusal:
        server.socket(probe.path, headers={"Cookie": cookie}, origin=origin)
    assert refusal.value.response.status_code == 403


def test_a_session_without_an_origin_gets_no_handshake(server, world, probe):
    cookie = f"sessionid={world.client('bob').cookies['sessionid'].value}"
    with pytest.raises(InvalidStatus):
        server.socket(probe.path, headers={"Cookie": cookie})


def test_a_token_from_a_foreign_page_gets_no_handshake(server, world, probe):
    with pytest.raises(InvalidStatus):
        server.script(probe.path, world.token("bob"), origin="http://evil.example")


@pytest.mark.parametrize("token", ["sp_0123456789ab_wrong", "not-a-jwt", ""])
def test_a_bad_token_is_closed_with_4401(server, world, probe, token):
    with server.script(probe.path, token) as live:
        assert closing_code(live) == 4401


def test_a_signed_out_browser_is_closed_with_4401(server, world, probe):
    client = world.client("bob")
    Session.objects.all().delete()
    with server.browser(probe.path, client) as live:
        assert closing_code(live) == 4401


def test_a_token_in_the_address_is_worth_nothing(server, world, probe):
    with pytest.raises(InvalidStatus):
        server.socket(f"{probe.path}?token={world.token('bob')}")


@pytest.mark.parametrize("path", ["/ws/probes/999999999", "/ws/jobs/1/status", "/ws/agents/1", "/ws/", "/ws/probes/x"])
def test_what_does_not_exist_is_closed_with_4404(server, world, path):
    with server.script(path, world.token("bob")) as live:
        assert closing_code(live) == 4404


def test_what_belongs_to_others_reads_as_missing(server, world, probe):
    with server.browser(probe.path, world.client("mallory")) as live:
        assert closing_code(live) == 4404


def test_a_token_reaches_its_own_project_only(server, world):
    Member.objects.create(project=world.globex, user=world.alice, role="admin")
    with server.script(Probe(world.globex).path, world.token("alice")) as live:
        assert closing_code(live) == 4404


@pytest.mark.parametrize("after", ["x", "-1", "99999999999999", "1.5"])
def test_a_place_that_cannot_be_is_closed_with_4400(server, world, probe, after):
    with server.script(f"{probe.path}?after={after}", world.token("bob")) as live:
        assert closing_code(live) == 4400


def revoke_token(world):
    actions.revoke_token(ApiToken.objects.get(), by=world.actor("bob"))


def expire_token(world):
    ApiToken.objects.update(expires_at="2020-01-01T00:00Z")


def disable_bob(world):
    world.bob.is_active = False
    world.bob.save()


def remove_bob(world):
    actions.remove_member(Member.objects.get(user=world.bob, project=world.acme), by=world.actor("alice"))


@pytest.mark.parametrize(
    ("end", "code"), [(revoke_token, 4401), (expire_token, 4401), (disable_bob, 4401), (remove_bob, 4403)]
)
def test_a_script_that_loses_access_is_closed_within_five_seconds(server, world, probe, end, code):
    with server.script(probe.path, world.token("bob")) as live:
        until_caught_up(live)
        end(world)
        assert closing_code(live, seconds=5) == code


def test_a_jwt_that_expires_ends_its_socket(server, world, probe):
    token = access_of(world.bob)
    token.set_exp(lifetime=timedelta(seconds=3))
    with server.script(probe.path, str(token)) as live:
        until_caught_up(live)
        assert closing_code(live, seconds=8) == 4401


def end_all_sessions(world):
    actions.end_other_sessions(world.bob, current="")


def switch_a_second_factor_on(world):
    TOTP.activate(world.bob, "JBSWY3DPEHPK3PXP")


@pytest.mark.parametrize("end", [end_all_sessions, switch_a_second_factor_on])
def test_a_jwt_whose_sign_in_ends_ends_its_socket_within_five_seconds(server, world, probe, end):
    with server.script(probe.path, str(access_of(world.bob))) as live:
        until_caught_up(live)
        end(world)
        assert closing_code(live, seconds=5) == 4401


def sign_out(world, client):
    client.logout()


def change_password(world, client):
    world.bob.set_password("another-horse-battery")
    world.bob.save()


@pytest.mark.parametrize("end", [sign_out, change_password])
def test_a_browser_that_is_signed_out_is_closed_within_five_seconds(server, world, probe, end):
    client = world.client("bob")
    with server.browser(probe.path, client) as live:
        until_caught_up(live)
        end(world, client)
        assert closing_code(live, seconds=5) == 4401


def test_a_demoted_token_holder_keeps_reading(server, world, probe):
    with server.script(probe.path, world.token("bob")) as live:
        until_caught_up(live)
        actions.change_role(Member.objects.get(user=world.bob), role="viewer", by=world.actor("alice"))
        probe.write()
        assert frames(live, 1)[0]["seq"] == 1


def test_a_talkative_client_is_closed(server, world, probe):
    with server.script(probe.path, world.token("bob")) as live:
        until_caught_up(live)
        for _ in range(150):
            live.send("hello")
        assert closing_code(live) == 4413


def test_a_huge_message_is_refused(server, world, probe):
    with server.script(probe.path, world.token("bob")) as live:
        until_caught_up(live)
        live.send("x" * 2_000_000)
        assert closing_code(live) in {1006, 1009}


def test_the_feed_of_a_project_begins_now_and_carries_cursors(server, world):
    record("thing.happened", world.acme, by=SYSTEM)
    with server.browser("/ws/activity?project=acme", world.client("vera")) as live:
        assert until_caught_up(live) == []
        record("thing.changed", world.acme, by=world.actor("bob"), n=2)
        record("thing.changed", world.globex, by=SYSTEM)
        record("thing.ended", world.acme, by=SYSTEM)
        changed, ended = frames(live, 2)
    assert (changed["type"], changed["actor"], changed["data"]) == ("thing.changed", "bob", {"n": 2})
    assert changed["subject"] == {"kind": "project", "id": world.acme.pk, "seq": None}
    assert changed["cursor"] == changed["seq"] == str(Event.objects.get(data={"n": 2}).cursor)
    assert ended["type"] == "thing.ended"


def test_the_feed_resumes_after_a_cursor(server, world):
    for n in range(5):
        record("thing.changed", world.acme, by=SYSTEM, n=n)
    cursor = Event.objects.get(data={"n": 2}).cursor
    with server.browser(f"/ws/activity?project=acme&after={cursor}", world.client("vera")) as live:
        assert [frame["data"]["n"] for frame in until_caught_up(live)] == [3, 4]


def test_the_feed_without_a_project_shows_all_of_mine(server, world):
    Member.objects.create(project=world.globex, user=world.bob, role="viewer")
    with server.browser("/ws/activity?after=0.0", world.client("bob")) as live:
        until_caught_up(live)
        record("one.here", world.acme, by=SYSTEM)
        record("one.there", world.globex, by=SYSTEM)
        assert [frame["type"] for frame in frames(live, 2)] == ["one.here", "one.there"]


def test_the_feed_of_a_foreign_project_reads_as_missing(server, world):
    with server.browser("/ws/activity?project=acme", world.client("mallory")) as live:
        assert closing_code(live) == 4404


def test_a_feed_of_several_projects_starts_anew_when_one_is_lost(server, world):
    Member.objects.create(project=world.globex, user=world.bob, role="viewer")
    with server.browser("/ws/activity", world.client("bob")) as live:
        until_caught_up(live)
        remove_bob(world)
        assert closing_code(live, seconds=5) == 4409
