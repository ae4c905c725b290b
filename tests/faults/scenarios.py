"""All scenarios by name, in the order they are played."""

from __future__ import annotations

from tests.faults import brokers, cancels, crashes, database, groups, live, waits

SCENARIOS = {
    "R-01": crashes.killed_workers,
    "R-02": crashes.every_point,
    "R-03": crashes.frozen_workers,
    "R-04": brokers.forgetful_broker,
    "R-05": brokers.tripled_bells,
    "R-06": database.restarting_database,
    "R-14": cancels.random_cancels,
    "R-16": live.lost_bells,
    "R-17": live.burst,
    "R-21": live.late_commits,
    "R-22": waits.signals_amid_kills,
    "R-23": groups.workers_of_groups,
}
