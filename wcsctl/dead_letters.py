"""Dead letters: look at what waits, process it again, or throw it away.

They wait in two places: in the dead-letter queue, and hooks that it did not take in a table.

Two kinds of messages come to the queue. Hooks that could not be processed, whole, in the form of
`wcs_hooks.hook.dead_letter`. And from Lambda itself, of policy edits that the compiler failed on:
which part of the table's stream that was, without the edits
(https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html). What was edited still
is in the table, so that these are redriven by compiling every app once more.

SQS has no browsing. To look at a message is to receive it, which hides it from others for a while;
it is released when the look is over. SQS also counts how often a message was received, and after
the third time leaves it out of `ApproximateAgeOfOldestMessage`.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.secrets import masked
from wcs_hooks.hook import dead_letter
from wcs_hooks.ports import Place
from wcsctl.dead_letter_table import DeadLetterTable, StoredLetter
from wcsctl.deployment import Deployment
from wcsctl.invocation import invoke
from wcsctl.policies.table import PolicyTable
from wcsctl.since import iso_moment

SERVER_ERROR: Final = 500

WAIT_SECONDS = 1
"""For messages, each time that none seem to be there."""

_HIDDEN_SECONDS: Final = 300
"""How long a message is hidden while it is looked at or redriven, if nobody releases it."""

_BATCH: Final = 10
_APPS_AT_A_TIME: Final = 10
_MALFORMED: Final = "MalformedBodyError"


class LetterKind(StrEnum):
    """What a message is about."""

    HOOK = "hook"
    EDITS = "policy edits"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message.

    Attributes
    ----------
    message_id
        SQS's; a letter that was redriven and failed again gets a new one. In the table it is the
        decision.
    receipt
        By which it is released or deleted, until somebody else receives it; empty in the table.
    sent_at
        When SQS or the table took it, in seconds since the epoch.
    content
        What it says; empty for what is not a JSON object.
    place
        Where it waits.
    """

    message_id: str
    receipt: str = field(repr=False)
    sent_at: float
    content: Mapping[str, Any] = field(repr=False)
    place: Place = Place.QUEUE

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Self:
        """A message as SQS gives it."""
        sent_at = int(message.get("Attributes", {}).get("SentTimestamp", 0)) / 1000
        return cls(
            message["MessageId"], message["ReceiptHandle"], sent_at, _object(message["Body"])
        )

    @classmethod
    def of_table(cls, stored: StoredLetter) -> Self:
        """A letter as the table has it."""
        content = _object(stored.text)
        return cls(
            stored.letter_id,
            "",
            stored.kept_at,
            content | stored.redriven if content else content,
            Place.TABLE,
        )

    @property
    def kind(self) -> LetterKind:
        """What it is about."""
        if "DDBStreamBatchInfo" in self.content:
            return LetterKind.EDITS
        known = {"decision", "category", "method"} <= self.content.keys()
        return LetterKind.HOOK if known else LetterKind.UNKNOWN

    @property
    def id(self) -> str:
        """How people call it: the hook's decision, which it keeps; else SQS's id."""
        if self.kind is LetterKind.HOOK:
            return str(self.content["decision"])
        return self.message_id

    @property
    def method(self) -> str:
        """The hook's; empty if it is none."""
        return str(self.content.get("method", ""))

    @property
    def category(self) -> str:
        """The hook's; `compiler` of policy edits."""
        if self.kind is LetterKind.EDITS:
            return "compiler"
        return str(self.content.get("category", ""))

    @property
    def attempts(self) -> int:
        """How often processing it failed."""
        if self.kind is LetterKind.EDITS:
            count = self._part("requestContext").get("approximateInvokeCount", 1)
        else:
            count = self.content.get("attempts", 1)
        return count if isinstance(count, int) else 1

    @property
    def first_seen(self) -> float:
        """When it failed first, in seconds since the epoch."""
        recorded = self.content.get("firstSeen", self.content.get("timestamp"))
        try:
            moment = iso_moment(str(recorded))
            datetime.fromtimestamp(moment, UTC)
        except (ValueError, OverflowError, OSError):
            return self.sent_at
        return moment

    @property
    def error(self) -> str:
        """What went wrong."""
        match self.kind:
            case LetterKind.HOOK:
                error = self._part("error")
                return f"{error.get('kind', '')}: {error.get('message', '')}"
            case LetterKind.EDITS:
                condition = self._part("requestContext").get("condition", "")
                cause = self._part("responseContext").get("functionError", "")
                return f"{condition} {cause}".strip()
            case _:
                return "a message that this version does not know"

    @property
    def hopeless(self) -> str:
        """Why redriving it can never succeed; empty if it can."""
        match self.kind:
            case LetterKind.EDITS:
                return ""
            case LetterKind.UNKNOWN:
                return "it is not a hook"
            case _:
                return self._hopeless_hook()

    def _part(self, name: str) -> Mapping[str, Any]:
        """A part that is an object; empty if it is none, for anybody may send to the queue."""
        part = self.content.get(name)
        return part if isinstance(part, Mapping) else {}

    def _hopeless_hook(self) -> str:
        if self.category not in tuple(Category):
            return f"there is no category {self.category!r}"
        if self._part("error").get("kind") == _MALFORMED:
            return "its body is malformed, and will be next time"
        if "bodyLost" in self.content:
            return "its body was too large to be kept whole"
        if self.content.get(dead_letter.UNVERIFIED):
            return "nobody could check whether WCS sent it: the secret could not be read then"
        return ""

    def is_of(self, method: str) -> bool:
        """Whether it is of a method, in any of its spellings."""
        names = [
            METHODS[name].canonical if name in METHODS else name for name in (method, self.method)
        ]
        return names[0] == names[1]

    def summary(self) -> dict[str, Any]:
        """What `list` shows, with nothing of the body."""
        return {
            "id": self.id,
            "kind": str(self.kind),
            "category": self.category,
            "method": self.method,
            "error": self.error,
            "attempts": self.attempts,
            "firstSeen": datetime.fromtimestamp(self.first_seen, UTC).isoformat(),
            "hopeless": self.hopeless,
            "messageId": self.message_id,
            "place": str(self.place),
        }

    def details(self) -> dict[str, Any]:
        """All but a hook's body; of policy edits everything: it holds no edit."""
        message = {
            name: value for name, value in self.content.items() if name not in {"body", "bodyZlib"}
        }
        return self.summary() | {"message": message if self.kind is not LetterKind.UNKNOWN else {}}

    def body(self, *, reveal: bool) -> Any:
        """A hook's body: its fields with secrets masked, or, revealed, the text as it came.

        A body that cannot be read cannot be masked either, so only its size is shown.
        """
        try:
            raw = dead_letter.body_of(self.content)
        except dead_letter.IncompleteMessageError as error:
            return str(error)
        if reveal:
            return raw.decode("utf-8", "backslashreplace")
        try:
            fields = json.loads(raw)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            return f"{len(raw)} bytes that are not a JSON object, hence not masked: see --reveal"
        try:
            return masked(fields)
        except RecursionError:
            return f"{len(raw)} bytes nested too deep to be masked: see --reveal"


def _object(text: str) -> dict[str, Any]:
    """What a text says that is a JSON object; empty of another."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


class DeadLetterQueue:
    """Receives, and releases at the end of the `with` block what was neither deleted nor replaced.

    Parameters
    ----------
    deployment
        Whose queue.

    Examples
    --------
    >>> with DeadLetterQueue(deployment) as queue:  # doctest: +SKIP
    ...     letters = list(queue.letters(100))
    """

    def __init__(self, deployment: Deployment) -> None:
        self._client = deployment.client("sqs")
        self._url = deployment.output("DeadLetterQueueUrl")
        self._held: dict[str, str] = {}
        self._seen: set[str] = set()

    def __enter__(self) -> Self:
        """Begin to look."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let others see again what is left."""
        held, self._held = list(self._held.values()), {}
        for start in range(0, len(held), _BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(held[start : start + _BATCH])
            ]
            self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def waiting(self) -> int:
        """About how many messages there are, those that somebody looks at included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return sum(int(answer["Attributes"].get(name, 0)) for name in names)

    def letters(self, limit: int | None = None) -> Iterator[DeadLetter]:
        """Receive messages, each once, until no more come or there are enough of them."""
        empty = 0
        count = 0
        while limit is None or count < limit:
            batch = _BATCH if limit is None else min(_BATCH, limit - count)
            messages = self._receive(batch)
            fresh = [message for message in messages if message["MessageId"] not in self._seen]
            # A short poll asks some of SQS's servers only: one empty answer proves little.
            empty = 0 if fresh else empty + 1
            if empty > 1:
                return
            for message in fresh:
                self._seen.add(message["MessageId"])
                count += 1
                yield DeadLetter.from_message(message)

    def delete(self, letter: DeadLetter) -> None:
        """Remove a message for good."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)
        self._held.pop(letter.message_id, None)

    def keep_counted(self, letter: DeadLetter, pending: object = None) -> None:
        """Keep a message with one attempt more.

        Parameters
        ----------
        pending
            What is left to do for its hook, where that was reported.

        Notes
        -----
        A message in SQS cannot be changed. So a copy is sent first and the old one deleted then: if
        that is cut off in between there are two of them, which answers the same twice. The other
        way about the hook would be lost.
        """
        content = dict(letter.content) | {"attempts": letter.attempts + 1}
        if isinstance(pending, list):
            content[dead_letter.PENDING] = pending
        sent = self._client.send_message(
            QueueUrl=self._url, MessageBody=dead_letter.to_text(content)
        )
        # Not again in this run.
        self._seen.add(sent["MessageId"])
        self.delete(letter)

    def purge(self) -> None:
        """Remove every message for good."""
        self._client.purge_queue(QueueUrl=self._url)

    def _receive(self, count: int) -> list[dict[str, Any]]:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=count,
            VisibilityTimeout=_HIDDEN_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
            AttributeNames=["SentTimestamp"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        # Those that were seen before, too: the copies are to be released with the rest.
        self._held |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        return messages


class WaitingDeadLetters:
    """The dead letters of both places; at the end of the `with` block others can redrive the rest.

    Parameters
    ----------
    deployment
        Whose letters.

    Attributes
    ----------
    queue, table
        The places.

    Examples
    --------
    >>> with WaitingDeadLetters(deployment) as letters:  # doctest: +SKIP
    ...     found = list(letters.letters(100))
    """

    def __init__(self, deployment: Deployment) -> None:
        self.queue = DeadLetterQueue(deployment)
        self.table = DeadLetterTable(deployment)

    def __enter__(self) -> Self:
        """Begin to look."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Release what is left."""
        self.table.release()
        self.queue.__exit__(*exception)

    def waiting(self) -> int:
        """About how many letters there are, those that somebody looks at included."""
        return len(self.table.kept_at()) + self.queue.waiting()

    def letters(self, limit: int | None = None) -> Iterator[DeadLetter]:
        """The letters, each once: of the table first, the oldest first, then of the queue."""
        count = 0
        for stored in itertools.islice(self.table.letters(), limit):
            count += 1
            yield DeadLetter.of_table(stored)
        yield from self.queue.letters(None if limit is None else limit - count)

    def claim(self, letter: DeadLetter) -> bool:
        """Keep others from redriving a letter; not so if somebody else does so already.

        A message of the queue was claimed when it was received.
        """
        return letter.place is Place.QUEUE or self.table.claim(letter.message_id)

    def delete(self, letter: DeadLetter) -> None:
        """Remove a letter for good."""
        if letter.place is Place.TABLE:
            self.table.delete(letter.message_id)
        else:
            self.queue.delete(letter)

    def keep_counted(self, letter: DeadLetter, pending: object = None) -> None:
        """Keep a letter with one attempt more.

        Parameters
        ----------
        pending
            What is left to do for its hook, where that was returned.
        """
        if letter.place is Place.TABLE:
            self.table.keep_counted(letter.message_id, letter.attempts + 1, pending)
        else:
            self.queue.keep_counted(letter, pending)

    def purge(self) -> None:
        """Remove every letter for good."""
        self.table.purge()
        self.queue.purge()


class RedriveResult(StrEnum):
    """What became of a redriven letter."""

    DONE = "done"
    FAILED = "failed"
    HOPELESS = "hopeless"
    CLAIMED = "claimed"
    WOULD = "would be redriven"


@dataclass(frozen=True, slots=True)
class Redriven:
    """A letter, and what became of it.

    Attributes
    ----------
    detail
        The answer that the hook gets now, or why not.
    """

    letter: DeadLetter
    result: RedriveResult
    detail: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {**self.letter.summary(), "result": str(self.result), "told": self.detail} | (
            {"answer": dict(self.answer)} if self.answer else {}
        )


class Redrive:
    """Has the functions process letters again.

    Parameters
    ----------
    deployment
        Whose functions.
    letters
        Where the letters come from.
    """

    def __init__(self, deployment: Deployment, letters: WaitingDeadLetters) -> None:
        self._deployment = deployment
        self._client = deployment.client("lambda")
        self._letters = letters
        self._compiled = False

    def __call__(self, letter: DeadLetter) -> Redriven:
        """Process a letter again: gone if that succeeds, kept with the attempt counted if not."""
        if letter.hopeless:
            return Redriven(letter, RedriveResult.HOPELESS, letter.hopeless)
        if letter.kind is LetterKind.EDITS:
            return self._recompiled(letter)
        if not self._letters.claim(letter):
            return Redriven(letter, RedriveResult.CLAIMED, "somebody else redrives it, or just did")
        answer, problem = self._process(letter)
        if problem:
            self._letters.keep_counted(letter, answer.get(dead_letter.PENDING))
            return Redriven(letter, RedriveResult.FAILED, problem, answer)
        self._letters.delete(letter)
        policies = ", ".join(answer.get("policies") or ())
        detail = f"{answer.get('answer', '')} {answer.get('status', '')}"
        if policies:
            suppressed = answer.get("denySuppressed")
            detail += f", denial by {policies} suppressed" if suppressed else f" by {policies}"
        return Redriven(letter, RedriveResult.DONE, detail, answer)

    def _recompiled(self, letter: DeadLetter) -> Redriven:
        """Compile every app, once in a run: an edit that was lost is in one of them."""
        problem = "" if self._compiled else self._compile()
        if problem:
            # Lambda's own message stays as it is: it counts no attempts of ours.
            return Redriven(letter, RedriveResult.FAILED, problem)
        self._compiled = True
        self._letters.delete(letter)
        return Redriven(letter, RedriveResult.DONE, "every app is compiled: see `wcsctl status`")

    def _compile(self) -> str:
        """What went wrong; empty if nothing did."""
        name = self._deployment.output("CompilerFunctionName")
        apps = sorted(PolicyTable(self._deployment).read_all())
        for batch in itertools.batched(apps, _APPS_AT_A_TIME):
            # As the table's stream would report an edit in each of them.
            keys = [{"app": {"S": app}, "id": {"S": "#redrive"}} for app in batch]
            records = [{"dynamodb": {"Keys": key}} for key in keys]
            _, problem = self._invoke(name, {"Records": records})
            if problem:
                return problem
        return ""

    def _process(self, letter: DeadLetter) -> tuple[Mapping[str, Any], str]:
        """The function's answer, and what went wrong; empty if nothing did."""
        name = self._deployment.function(Category(letter.category))
        answer, problem = self._invoke(name, {"redrive": letter.content}, self._deployment.alias)
        if problem:
            return {}, problem
        if not isinstance(answer, dict) or not isinstance(answer.get("status"), int):
            return {}, f"{name} does not know redrives: deploy the stack again"
        if answer["status"] >= SERVER_ERROR or answer.get("answer") == "failed":
            return answer, str(answer.get("error") or f"answered {answer['status']}")
        if answer.get("answer") in {"malformed", "rejected"}:
            return answer, f"{answer['answer']}: {answer.get('error', '')}"
        return answer, ""

    def _invoke(self, name: str, event: Mapping[str, Any], alias: str = "") -> tuple[Any, str]:
        """What a function answers, and that it crashed, if it did."""
        return invoke(self._client, f"{name}:{alias}" if alias else name, event)
