"""What becomes of hooks that fail, and of events: the dead-letter queue, its redrive, the bus."""

import json
from typing import Any, Final

from wcs_hooks.adapters.event_bus import SOURCE
from wcs_hooks.core.methods import Category
from wcs_hooks.core.reply import OK
from wcs_hooks.hook import dead_letter
from wcs_hooks.ports import Place
from wcsctl.dead_letters import DeadLetter, Redrive, RedriveResult, WaitingDeadLetters
from wcsctl.verification.check import DeploymentCheck, Sighting, failed, not_possible, passed
from wcsctl.verification.cleaning import LETTERS_LOOKED_AT, remove_listener
from wcsctl.verification.run import METHOD_OF, VerificationRun

_MALFORMED: Final = 400
_FOUND_SECONDS: Final = 20.0
_EVENT_SECONDS: Final = 60.0
_EVENT_PAUSE: Final = 1.0


def _look_at_letter(run: VerificationRun) -> Sighting:
    method = METHOD_OF[Category.DIRECT]
    body = json.dumps([run.name.name]).encode()
    reply = run.post(method, body)
    if reply.status != _MALFORMED:
        return failed(f"a body that is an array was answered {reply.status}")
    run.waiting("a dead letter")
    with WaitingDeadLetters(run.deployment) as waiting:
        letter = run.until(
            lambda: _found(waiting, reply.decision), lambda one: one is not None, _FOUND_SECONDS
        )
        if letter is None:
            count = waiting.waiting()
            return failed(
                f"the letter of {reply.decision} is not among the first "
                f"{LETTERS_LOOKED_AT:,} of {count:,}"
            )
        intact = dead_letter.body_of(letter.content) == body
        waiting.delete(letter)
    if letter.place is Place.TABLE:
        return failed("in the dead-letter table: the queue did not take it")
    return (passed if intact else failed)(
        f"in the queue, {'whole' if intact else 'with another body'}"
    )


def _look_at_redrive(run: VerificationRun) -> Sighting:
    decision = f"{run.name.name}-redrive"
    letter = {
        "schema": dead_letter.SCHEMA,
        "decision": decision,
        "category": str(Category.DIRECT),
        "method": METHOD_OF[Category.DIRECT],
        "error": {"kind": "UnavailableError", "message": "put here by wcsctl verify"},
        dead_letter.PENDING: [],
        "attempts": 1,
        "body": run.body(run.name.plain_app).decode(),
    }
    run.deployment.client("sqs").send_message(
        QueueUrl=run.deployment.output("DeadLetterQueueUrl"),
        MessageBody=dead_letter.to_text(letter),
    )
    run.waiting("a redrive")
    with WaitingDeadLetters(run.deployment) as waiting:
        found = run.until(
            lambda: _found(waiting, decision), lambda one: one is not None, _FOUND_SECONDS
        )
        if found is None:
            return failed("the letter that was sent to the queue did not come out of it")
        redriven = Redrive(run.deployment, waiting)(found)
        if redriven.result is not RedriveResult.DONE:
            return failed(f"{redriven.result}: {redriven.detail}")
    return passed(f"{redriven.detail}, and the letter is gone")


def _found(waiting: WaitingDeadLetters, decision: str) -> DeadLetter | None:
    letters = waiting.letters(LETTERS_LOOKED_AT)
    return next((letter for letter in letters if letter.id == decision), None)


def _look_at_event(run: VerificationRun) -> Sighting:
    bus = run.deployment.outputs.get("EventBusName")
    if bus is None:
        return not_possible("the setting eventBus is off")
    events, queues = run.deployment.client("events"), run.deployment.client("sqs")
    name = run.name.name
    queue = queues.create_queue(QueueName=name)["QueueUrl"]
    try:
        pattern = {"source": [SOURCE], "detail": {"app": [run.name.plain_app]}}
        rule = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
        arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        arn = arn["Attributes"]["QueueArn"]
        policy = json.dumps(_policy_of(arn, rule["RuleArn"]))
        queues.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        run.waiting("an event on the bus")
        sent: set[str] = set()

        def received() -> list[dict[str, Any]]:
            # Again, since a new rule takes some seconds to hold.
            reply = run.post(METHOD_OF[Category.EVENT], run.body(run.name.plain_app))
            if reply.status == OK:
                sent.add(reply.decision)
            answer = queues.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
            return [json.loads(one["Body"])["detail"] for one in answer.get("Messages", [])]

        details = run.until(received, bool, _EVENT_SECONDS, pause=_EVENT_PAUSE)
    finally:
        remove_listener(run.deployment, run.name)
    if not details:
        return failed(f"none of {len(sent)} events came out of the bus in {_EVENT_SECONDS:.0f} s")
    if details[0]["decision"] not in sent:
        return failed(
            f"an event of decision {details[0]['decision']}, which is not a hook of this deployment"
        )
    return passed("the event, with the decision of its hook")


def _policy_of(queue_arn: str, rule_arn: str) -> dict[str, Any]:
    """Let a rule send to a queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


CHECKS: Final = (
    DeploymentCheck("dead letter", "a hook that fails is in the queue, whole", _look_at_letter),
    DeploymentCheck("redrive", "the function answers, and the letter is gone", _look_at_redrive),
    DeploymentCheck("event bus", "an event of WCS comes out of the bus", _look_at_event),
)
