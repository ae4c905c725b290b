"""The engine: PostgreSQL is the queue and the truth, Celery is the bell and the hands.

Recorded exactly once, executed at least once; a step that must not be repeated and whose outcome is unknown stops and
asks a person. Every change of a run happens under its row's lock, in one transaction, together with its events.

submit.py   write a run with its steps                claim.py    a worker takes a step
work.py     carry it out, outside any transaction      finish.py   record how it went and what comes next
advance.py  what follows from a finished step          control.py  cancel, pause, resume, review
waiting.py  end a step that waits                     inline.py   kinds that only wait
leases.py   heartbeat and interruption                 sweep.py    what was lost, late or due
"""
