"""A worker's own threads for trials, beside those for steps: neither waits until the other has a place."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from django.conf import settings
from django.db import connection
from redis.exceptions import RedisError

from agents.models import Trial
from agents.trials.alive import BEAT_SECONDS
from agents.trials.bell import Ear
from agents.trials.carrying import beat, claim_trial, new_token, run_trial
from controlplane.domain.cancellation import CancelToken
from controlplane.domain.database import use_own_connection

logger = logging.getLogger(__name__)
# So often an idle worker looks although no bell rang.
IDLE_SECONDS = 10.0
STOP_SECONDS = 3.0


class Hands:
    """One thread hears the bell, takes trials and shows that they go on; each trial has a thread of its own.

    They are daemons: a function that heeds nothing cannot keep the worker from ending.
    """

    def __init__(self) -> None:
        self.held: dict[Any, tuple[CancelToken, threading.Thread]] = {}
        self.lock = threading.Lock()
        self.stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self.run, name="trials", daemon=True).start()

    def stop(self) -> None:
        """Take no more, and let what goes on end: it is interrupted and says so to who waits."""
        self.stopping.set()
        with self.lock:
            held = list(self.held.values())
        for token, _ in held:
            token.cancel("the worker is being stopped")
        deadline = time.monotonic() + STOP_SECONDS
        for _, thread in held:
            thread.join(max(0.0, deadline - time.monotonic()))

    def run(self) -> None:
        use_own_connection()
        ear = Ear(IDLE_SECONDS)
        while not self.stopping.is_set():
            try:
                self.beat()
                self.start_trials()
                if not self.held:
                    connection.close()
            except Exception as error:
                # Whatever goes wrong once, the next look comes.
                logger.warning("Trials wait", extra={"action": "trials_wait", "error": repr(error)})
                connection.close()
                self.stopping.wait(BEAT_SECONDS)
            self.listen(ear)

    def listen(self, ear: Ear) -> None:
        if self.is_full():
            self.stopping.wait(BEAT_SECONDS)
            return
        try:
            ear.heard(BEAT_SECONDS if self.held else IDLE_SECONDS)
        except RedisError as error:
            logger.warning("The bell for trials is not heard", extra={"action": "bell_lost", "error": str(error)})
            self.stopping.wait(BEAT_SECONDS)

    def is_full(self) -> bool:
        return len(self.held) >= settings.TRIALS_A_WORKER

    def start_trials(self) -> None:
        while not self.is_full() and not self.stopping.is_set() and (trial := claim_trial()) is not None:
            token = new_token()
            thread = threading.Thread(target=self.work, args=(trial, token), name=f"trial-{trial.pk}", daemon=True)
            with self.lock:
                self.held[trial.pk] = token, thread
            thread.start()

    def work(self, trial: Trial, token: CancelToken) -> None:
        try:
            run_trial(trial, token)
        except Exception:
            logger.exception("How a trial ended could not be kept", extra={"action": "trial_lost"})
        finally:
            connection.close()
            with self.lock:
                self.held.pop(trial.pk, None)

    def beat(self) -> None:
        with self.lock:
            held = dict(self.held)
        for pk in beat(list(held)):
            held[pk][0].cancel("nobody waits for the answer any more")


hands = Hands()
