"""E-mail: kept as a row in the transaction that causes it, sent by a worker, tried again until the server takes it."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence
from datetime import timedelta
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F, Q
from django.db.models.functions import Now

from controlplane.domain.database import lend_connection
from controlplane.domain.queueing import Task, enqueue, send_task, waiting
from controlplane.projects.models import Letter
from controlplane.projects.secrets import encryption

logger = logging.getLogger(__name__)
TASK = "controlplane.projects.tasks.send_letter"
BOUND_TO = "letter"
PLAIN = ("subject", "body", "from_email", "to", "cc", "bcc", "reply_to", "extra_headers")
# After the first try a minute, then twice as long each time: more than two days in all.
MOST_TRIES = 12
PAUSE = timedelta(minutes=1)
# Whoever sends has it for so long, which is more than the server may take.
LEASE = timedelta(minutes=2)
RING_AGAIN = timedelta(seconds=30)
AT_ONCE = 100


class KeepLetters(BaseEmailBackend):
    """Django's EMAIL_BACKEND: whoever sends a letter waits for no mail server."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            store_letter(message)
        return len(email_messages)


def store_letter(message: EmailMessage) -> Letter:
    """A letter may hold a link that opens an account, so it is sealed where there are keys."""
    text = json.dumps({name: getattr(message, name) for name in PLAIN} | {"alternatives": alternatives_of(message)})
    sealed = encryption.seal(text, bound_to=BOUND_TO) if settings.SECRETS_KEYS else text
    letter = Letter.objects.create(message=sealed)
    enqueue(TASK, letter.pk)
    return letter


def alternatives_of(message: EmailMessage) -> list[list[str]]:
    return [[str(content), str(kind)] for content, kind in getattr(message, "alternatives", None) or ()]


def send(pk: int) -> None:
    """Send it now, unless it has gone or another worker has it."""
    mine = Letter.objects.filter(pk=pk)
    if not mine.filter(due_at__lte=Now()).update(due_at=Now() + LEASE, tries=F("tries") + 1):
        return
    letter = mine.get()
    try:
        message = opened(letter)
        lend_connection()
        get_connection(settings.LETTER_BACKEND).send_messages([message])
    except (OSError, SMTPException, encryption.Unreadable) as error:
        put_off(letter, error)
    else:
        mine.delete()


def opened(letter: Letter) -> EmailMultiAlternatives:
    text = letter.message
    given: dict[str, Any] = json.loads(text if text.startswith("{") else encryption.unseal(text, bound_to=BOUND_TO))
    alternatives = [(content, kind) for content, kind in given.pop("alternatives")]
    return EmailMultiAlternatives(headers=given.pop("extra_headers"), alternatives=alternatives, **given)


def put_off(letter: Letter, error: Exception) -> None:
    said = {"action": "mail_failed", "letter": letter.pk, "tries": letter.tries, "error": str(error)[:500]}
    rows = Letter.objects.filter(pk=letter.pk)
    if letter.tries >= MOST_TRIES:
        logger.error("A letter was given up", extra=said)
        rows.delete()
        return
    logger.warning("A letter waits", extra=said)
    rows.update(due_at=Now() + PAUSE * 2 ** (letter.tries - 1))


@waiting
def letters(queues: Collection[str], most: int) -> list[Task]:
    """Those whose message came to no worker."""
    if "default" not in queues:
        return []
    late = timedelta(seconds=settings.ENGINE_PULL_AFTER_SECONDS)
    ids = Letter.objects.filter(due_at__lt=Now() - late).order_by("due_at").values_list("pk", flat=True)[:most]
    return [(TASK, (pk,)) for pk in ids]


def ring_for_letters() -> int:
    """How many are due and had nobody."""
    again = Q(rung_at=None) | Q(rung_at__lt=Now() - RING_AGAIN)
    due = Letter.objects.filter(again, due_at__lte=Now())
    ids = due.order_by("due_at").values_list("pk", flat=True)[:AT_ONCE]
    return sum(send_task(TASK, pk) for pk in list(ids) if due.filter(pk=pk).update(rung_at=Now()))
