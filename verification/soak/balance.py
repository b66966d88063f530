"""The balance: each hook that was sent was answered, or it is a dead letter, and nothing else is.

Plain arithmetic over what WCS wrote down, the dead letters in the queue and in the table, and what
the functions logged.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from verification.soak.wire import Answer, SentHook
from wcs_hooks.core.methods import METHODS, Category

MALFORMED_ERROR = "MalformedBodyError"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter.

    Attributes
    ----------
    decision
        Of the hook that it is about; empty if it is about none.
    digest
        SHA-256 of the hook's body; empty if the message does not hold it whole.
    error
        The kind of what went wrong.
    pending
        What was to follow from a hook that was answered.
    of_edits
        Whether it is about policy edits that the compiler could not process, and about no hook.
    in_table
        Whether it is in the dead-letter table, since the queue did not take it.
    """

    decision: str
    method: str
    digest: str
    error: str
    pending: tuple[str, ...] = ()
    of_edits: bool = False
    in_table: bool = False


@dataclass(frozen=True, slots=True)
class Logged:
    """What the functions logged.

    Attributes
    ----------
    counts
        The sums of the metrics, by metric and category.
    lost
        The decisions of which a log line says that they could not be kept.
    """

    counts: Mapping[tuple[str, str], int]
    lost: frozenset[str] = frozenset()

    def total(self, metric: str) -> int:
        """A metric's sum over all categories."""
        return sum(count for (name, _), count in self.counts.items() if name == metric)


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold.

    Attributes
    ----------
    detail
        What was found, in words.
    """

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the hooks of a phase went.

    Attributes
    ----------
    sent
        Hooks, however often WCS had to send each.
    answered
        By reply: passed, denied, rejected, malformed.
    dead_lettered
        Hooks that the endpoint failed on, and kept in the queue.
    in_table
        Hooks that it failed on, and kept in the table only.
    lost
        Hooks that it failed on, and did not keep.
    unanswered
        Hooks that it never answered, though WCS sent each four times.
    lost_attempts
        Attempts that the endpoint did not answer, by what came instead; WCS sent the hook again.
    letters
        Of the phase, by what they are about.
    sent_twice
        Hooks with two letters, since the SDK sent it again that was not answered in time. SQS
        promises to deliver at least once; the redrive does what is left to do once all the same.
    problems
        What does not add up, each named.
    """

    phase: str
    sent: int
    answered: Mapping[Answer, int]
    dead_lettered: int
    lost: tuple[str, ...]
    unanswered: tuple[str, ...]
    lost_attempts: Mapping[str, int]
    letters: Mapping[str, int]
    sent_twice: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    in_table: int = 0

    @property
    def answered_in_all(self) -> int:
        """How many hooks were answered."""
        return sum(self.answered.values())

    @property
    def adds_up(self) -> bool:
        """Whether every hook is accounted for, and no letter is without its hook."""
        return self.sent == self._accounted and not self.unanswered and not self.problems

    @property
    def _accounted(self) -> int:
        return self.answered_in_all + self.dead_lettered + self.in_table + len(self.lost)

    @property
    def equation(self) -> str:
        """The sum, written out."""
        terms = [f"{self.answered_in_all} answered", f"{self.dead_lettered} dead-lettered"]
        if self.in_table:
            terms.append(f"{self.in_table} kept in the table")
        if self.lost:
            terms.append(f"{len(self.lost)} counted as lost")
        if self.unanswered:
            terms.append(f"{len(self.unanswered)} without an answer")
        relation = "=" if self._accounted + len(self.unanswered) == self.sent else "≠"
        return f"{self.sent} sent {relation} {' + '.join(terms)}"

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "phase": self.phase,
            "equation": self.equation,
            "addsUp": self.adds_up,
            "sent": self.sent,
            "answered": {str(name): count for name, count in self.answered.items()},
            "deadLettered": self.dead_lettered,
            "inTable": self.in_table,
            "lost": list(self.lost),
            "unanswered": list(self.unanswered),
            "lostAttempts": dict(self.lost_attempts),
            "letters": dict(self.letters),
            "sentTwice": list(self.sent_twice),
            "problems": list(self.problems),
        }


class _Books:
    """A phase's hooks and letters, held against each other."""

    def __init__(
        self,
        hooks: Sequence[SentHook],
        counted_lost: frozenset[str],
        sends: Mapping[str, int],
    ) -> None:
        self._hooks = {hook.decision: hook for hook in hooks if hook.decision}
        self._counted_lost = counted_lost
        self._sends = sends
        self._letters: dict[str, list[Letter]] = defaultdict(list)
        self.of_answer: Counter[Answer] = Counter()
        self.lost: list[str] = []
        self.sent_twice: list[str] = []
        self.kept = 0
        self.in_table = 0
        self.problems: list[str] = []

    def file(self, letter: Letter) -> None:
        """Put a letter to its hook."""
        hook = self._hooks[letter.decision]
        self._letters[letter.decision].append(letter)
        self.of_answer[hook.answer] += 1
        self.problems += _wrong_with(letter, hook)

    def check(self, hook: SentHook) -> None:
        """See what became of a hook."""
        letters = self._letters.get(hook.decision, [])
        must_be_kept = hook.answer in {Answer.FAILED, Answer.MALFORMED}
        if must_be_kept and not letters and hook.decision not in self._counted_lost:
            self.problems.append(f"{_named(hook)} is not a dead letter, and not counted as lost")
        if hook.answer is Answer.FAILED and letters:
            only_in_table = all(letter.in_table for letter in letters)
            self.in_table += only_in_table
            self.kept += not only_in_table
        elif hook.answer is Answer.FAILED:
            self.lost.append(_named(hook))
        if len(letters) > max(1, self._sends.get(hook.decision, 0)):
            self.problems.append(f"{_named(hook)} is a dead letter {len(letters)} times")
        elif len(letters) > 1:
            self.sent_twice.append(_named(hook))
        self.problems += _wrong_answer(hook)


def balance(
    phase: str,
    hooks: Sequence[SentHook],
    letters: Sequence[Letter],
    counted_lost: frozenset[str] = frozenset(),
    sends: Mapping[str, int] = MappingProxyType({}),
    *,
    both_failed: bool = False,
) -> Balance:
    """Strike the balance of a phase.

    Parameters
    ----------
    hooks
        Of this phase alone.
    letters
        Those whose decision is one of these hooks', see `letters_of`.
    counted_lost
        The decisions that the functions logged as not kept.
    sends
        How often the functions' SDK sent each letter to queue or table, by decision.
    both_failed
        Whether queue and table both refused letters in this phase. If not, a hook that was lost is
        a problem, counted or not.
    """
    books = _Books(hooks, counted_lost, sends)
    for letter in letters:
        books.file(letter)
    for hook in hooks:
        books.check(hook)
    decisions = Counter(hook.decision for hook in hooks if hook.decision)
    books.problems += [
        f"{count} hooks have the decision {name}" for name, count in decisions.items() if count > 1
    ]
    if not both_failed:
        books.problems += [
            f"{name} was lost, though queue and table did not both fail" for name in books.lost
        ]
    return Balance(
        phase=phase,
        sent=len(hooks),
        answered=_answered(hooks),
        dead_lettered=books.kept,
        in_table=books.in_table,
        lost=tuple(books.lost),
        unanswered=tuple(_named(hook) for hook in hooks if hook.answer is Answer.NONE),
        lost_attempts=Counter(attempt.what for hook in hooks for attempt in hook.lost),
        letters={
            "hooks that failed": books.of_answer[Answer.FAILED],
            "malformed": books.of_answer[Answer.MALFORMED],
            "side effects of answered hooks": books.of_answer[Answer.PASSED]
            + books.of_answer[Answer.DENIED],
        },
        sent_twice=tuple(books.sent_twice),
        problems=tuple(books.problems),
    )


def letters_of(hooks: Iterable[SentHook], letters: Iterable[Letter]) -> list[Letter]:
    """The letters that are about some hooks' replies."""
    decisions = {hook.decision for hook in hooks if hook.decision}
    return [letter for letter in letters if letter.decision in decisions]


def without_reply(
    hooks: Sequence[SentHook],
    letters: Iterable[Letter],
    sends: Mapping[str, int] = MappingProxyType({}),
) -> tuple[list[Letter], list[Letter]]:
    """Split the letters that no reply names: of attempts whose reply got lost, and others.

    The function may have kept the hook, and been killed before its reply was out. Then the letter's
    method and body are those of such an attempt, and there is no more than one decision for each
    attempt, as often as the SDK sent it (`sends`).
    """
    known = {hook.decision for hook in hooks if hook.decision}
    open_attempts = Counter({(hook.method, hook.digest): len(hook.lost) for hook in hooks})
    found: Counter[str] = Counter()
    explained: list[Letter] = []
    invented: list[Letter] = []
    for letter in letters:
        if letter.decision in known or letter.of_edits:
            continue
        attempt = (letter.method, letter.digest)
        is_first = not found[letter.decision] and open_attempts[attempt] > 0
        if is_first:
            open_attempts[attempt] -= 1
        if is_first or 0 < found[letter.decision] < sends.get(letter.decision, 0):
            found[letter.decision] += 1
            explained.append(letter)
        else:
            invented.append(letter)
    return explained, invented


def _wrong_with(letter: Letter, hook: SentHook) -> Iterable[str]:
    """What is wrong with a letter, given the hook that it names."""
    if letter.digest != hook.digest or letter.method != hook.method:
        yield f"the letter of {_named(hook)} holds another hook"
    match hook.answer:
        case Answer.FAILED:
            return
        case Answer.MALFORMED:
            if letter.error != MALFORMED_ERROR:
                yield f"the letter of {_named(hook)}, malformed, says {letter.error}"
        case Answer.PASSED | Answer.DENIED:
            if not letter.pending:
                yield f"{_named(hook)} was answered, nothing is pending, and it is a dead letter"
        case _:
            yield f"{_named(hook)}, {hook.answer}, is a dead letter"


def _wrong_answer(hook: SentHook) -> Iterable[str]:
    """What is wrong with a hook's answer, whatever lies in the queue."""
    if hook.answer is Answer.OTHER:
        yield f"{_named(hook)} was answered by {hook.status}, which says nothing"
    elif hook.genuine:
        if hook.answer is Answer.REJECTED:
            yield f"{_named(hook)}, which WCS signed, was rejected"
    elif hook.answer not in {Answer.REJECTED, Answer.NONE, Answer.FAILED}:
        # A failure lets nobody in: the secret could not be read, and nobody knew.
        yield f"{_named(hook)}, which a stranger sent, was answered: {hook.answer}"


def _answered(hooks: Iterable[SentHook]) -> dict[Answer, int]:
    counted = Counter(hook.answer for hook in hooks)
    return {
        answer: counted[answer]
        for answer in Answer
        if counted[answer] and answer not in {Answer.FAILED, Answer.NONE}
    }


def category_of(method: str) -> Category:
    """The category of a method; of an unknown one that of the function which answers it."""
    known = METHODS.get(method)
    return known.category if known else Category.EVENT


def _named(hook: SentHook) -> str:
    return f"hook {hook.number} ({hook.method}, decision {hook.decision or 'none'})"


def log_checks(
    hooks: Sequence[SentHook], letters: Iterable[Letter], logged: Logged, ended_workers: int
) -> list[Check]:
    """Whether what the functions counted agrees with what WCS saw and what the queue holds.

    Parameters
    ----------
    hooks
        Of all phases.
    ended_workers
        Workers that were killed or replaced. What one has printed last is lost with it on the
        emulator, which reads a worker's output at its next call; so each may lack one line.
    """
    replied = [hook for hook in hooks if hook.decision]
    seen = Counter(hook.answer for hook in replied)
    more = sum(len(hook.lost) for hook in hooks)
    kept = [letter for letter in letters if not letter.of_edits]
    expected = {
        "Calls": len(replied),
        "Failed": seen[Answer.FAILED],
        "Denied": seen[Answer.DENIED],
        "Rejected": seen[Answer.REJECTED],
        "Malformed": seen[Answer.MALFORMED],
        "DeadLettered": len({letter.decision for letter in kept} - logged.lost),
        "DeadLetterFallback": len(
            {letter.decision for letter in kept if letter.in_table} - logged.lost
        ),
    }
    return [
        Check(
            f"metric {metric}",
            count - ended_workers <= logged.total(metric) <= count + more,
            f"{logged.total(metric)} counted by the functions, {count} seen",
        )
        for metric, count in expected.items()
    ]
