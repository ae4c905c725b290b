"""The events a run's stream may hold."""

CREATED = "run.created"  # written with its steps
STARTED = "run.started"  # the first step was claimed
PAUSE_REQUESTED = "run.pause_requested"  # running steps end, no others start
PAUSED = "run.paused"  # nothing runs any more
RESUMED = "run.resumed"  # held steps are free again
NEEDS_ATTENTION = "run.needs_attention"  # nothing goes on until a person has done something
STOP_REQUESTED = "run.stop_requested"  # cancel asked for, or time over; running steps are being interrupted
SUCCEEDED = "run.succeeded"
PARTIALLY_SUCCEEDED = "run.partially_succeeded"  # a step failed that may
FAILED = "run.failed"
CANCELLED = "run.cancelled"
TIMED_OUT = "run.timed_out"
TAGGED = "run.tagged"  # tags were added or removed
WAITING_APPROVAL = "run.waiting_approval"  # a script elsewhere waits for somebody
REPORTED = "run.reported"  # a script elsewhere told more: outputs, cost, tokens
DELETED = "run.deleted"  # with its steps and logs; the fact stays

STEP_QUEUED = "step.queued"  # its needs are met
STEP_REUSED = "step.reused"  # taken over from the run that this one replays
STEP_STARTED = "step.started"  # a worker claimed it
STEP_WAITING = "step.waiting"  # `waits_for` says for what; nobody works on it
STEP_SIGNALLED = "step.signalled"  # somebody sent what it waited for
STEP_RETRYING = "step.retrying"  # an attempt failed, another follows
STEP_SUCCEEDED = "step.succeeded"
STEP_FAILED = "step.failed"
STEP_SKIPPED = "step.skipped"
STEP_CANCELLED = "step.cancelled"
STEP_NEEDS_REVIEW = "step.needs_review"  # its outcome is unknown and it must not be repeated
STEP_REVIEWED = "step.reviewed"  # a person decided
STEP_TAKEN_BACK = "step.taken_back"  # its worker was lost, it is queued again
STEP_LATE_RESULT = "step.late_result"  # a worker reported for a step it had lost; nothing changed
STEP_COST_ADDED = "step.cost_added"  # the run that it had started ended after it; now its cost is counted
STEP_PROGRESS = "step.progress"  # done of total
LOGS = "run.logs"  # lines were added, up to `line`
