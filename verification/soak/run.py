"""The soak itself: traffic and faults, then the balance, the redrive and what is left."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from verification.soak.balance import (
    Balance,
    Check,
    Letter,
    balance,
    category_of,
    letters_of,
    log_checks,
    without_reply,
)
from verification.soak.faults import Fault
from verification.soak.leases import compare_leases
from verification.soak.plan import BOTH_REFUSE, QUEUE_REFUSES, Edit, Kill, Plan, Window
from verification.soak.sessions import Fates, compare_sessions
from verification.soak.stack import (
    CHANGED_SETTING,
    NO_TIMES,
    FunctionReport,
    SoakStack,
    Times,
    parsed_output,
    wait_until_quiet,
)
from verification.soak.traffic import INVENTED, MALFORMED, Lane
from verification.soak.wire import (
    ChangingSignature,
    Ledger,
    Pace,
    RecordingTransport,
    SentHook,
    WrongSignature,
    digest,
)
from wcs_hooks.core.methods import Category
from wcsctl.policies import yaml as policy_yaml

type Say = Callable[[str], None]

MAIN: Final = "main"
QUEUE_PHASE: Final = "queue refuses"
BOTH_PHASE: Final = "queue and table refuse"
_PHASES: Final = (MAIN, QUEUE_PHASE, BOTH_PHASE)

POLICIES: Final = Path(__file__).parent / "policies.yaml"
REPLY_TIMEOUT_MS: Final = 2000.0
SERVICE_MARGIN_MS: Final = 500.0
"""By which ServiceTime may exceed `replyTimeout`: two cores that also run the emulator, a dozen
workers and the traffic hand out processor time late."""

REPLY_MARGIN_MS: Final = 4000.0
"""By which 99 % of the replies may at the most exceed `replyTimeout` as WCS sees them: the emulator
starts a process for a cold start, and reads its output, before it passes a reply on, and does so on
the same two cores. It is what the stack gives a function beyond `replyTimeout`."""

_REFUSAL_SECONDS: Final = 20.0
_REDRIVES: Final = 3
_REST: Final = 32.0
"""Seconds between the last fault and the redrive: a function leaves a service alone that did not
answer, for up to 30 s."""

_LATE: Final = 20.0
_LONG: Final = 600.0
"""Seconds: a shorter soak need not meet every verdict of every category."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the traffic is bounded to.

    Attributes
    ----------
    rate
        Hooks a second, all lanes together.
    lanes
        WCS nodes, each with one hook at a time.
    count
        Hooks in all.
    """

    rate: float = 25.0
    lanes: int = 8
    count: int = 100_000


@dataclass(slots=True)
class Soak:
    """What came of a soak.

    Attributes
    ----------
    verdicts
        Replies by category and answer.
    incidents
        What was done besides the planned faults, and failed to be done.
    """

    plan: Plan
    bounds: Bounds
    balances: list[Balance] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    service: Times = NO_TIMES
    replies: Times = NO_TIMES
    metrics: dict[str, int] = field(default_factory=dict)
    redriven: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether all adds up."""
        return all(one.adds_up for one in self.balances) and all(one.ok for one in self.checks)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 1),
            "bounds": {
                "rate": self.bounds.rate,
                "lanes": self.bounds.lanes,
                "count": self.bounds.count,
            },
            "balances": [one.to_json() for one in self.balances],
            "checks": [
                {"check": one.name, "ok": one.ok, "detail": one.detail} for one in self.checks
            ],
            "verdicts": {
                f"{category}/{verdict}": count
                for (category, verdict), count in sorted(self.verdicts.items())
            },
            "metrics": self.metrics,
            "serviceTimeMs": self.service._asdict(),
            "replyTimeMs": self.replies._asdict(),
            "faultHits": dict(self.hits),
            "done": dict(self.done),
            "redriven": self.redriven,
            "plan": self.plan.to_json(),
        }


class Conductor:
    """Runs a soak on a stack.

    Parameters
    ----------
    say
        Called with what goes on.
    """

    def __init__(self, stack: SoakStack, plan: Plan, bounds: Bounds, say: Say) -> None:
        self._stack = stack
        self._plan = plan
        self._say = say
        self._soak = Soak(plan, bounds)
        self._ledger = Ledger()
        self._pace = Pace(bounds.rate, bounds.count)
        self._signature = ChangingSignature(stack.secret())
        transport = self._transport(genuine=True)
        stranger = self._transport(genuine=False)
        self._lanes = [
            Lane(number, plan.seed, transport, stranger) for number in range(bounds.lanes)
        ]
        self._edition = 0

    def run(self) -> Soak:
        """Run it; what does not add up is in the result."""
        began, since = time.monotonic(), time.time()
        stack, soak = self._stack, self._soak
        self._say("Activating the policies")
        stack.activate_policies(policy_yaml.read(POLICIES.read_text(), str(POLICIES)))
        self._main_phase()
        wait_until_quiet(stack, _LATE)
        self._refusal_phase(QUEUE_PHASE, QUEUE_REFUSES)
        wait_until_quiet(stack, _LATE)
        self._refusal_phase(BOTH_PHASE, BOTH_REFUSE)
        wait_until_quiet(stack, _LATE)
        self._say("Reading the dead letters and the logs")
        letters = stack.letters()
        report = stack.report(since, time.time())
        hooks = self._ledger.hooks()
        self._strike(hooks, letters, report)
        self._say(f"Redriving {len(letters)} letters, after a rest")
        time.sleep(_REST)
        left = self._redrive(letters)
        self._compare_sessions(hooks, letters, left, report.logged.lost)
        self._see_last_edit()
        soak.hits = Counter(stack.proxy.hits)
        soak.seconds = time.monotonic() - began
        return soak

    # --- Phases ---------------------------------------------------------------------------------

    def _main_phase(self) -> None:
        self._say(f"Traffic and faults for {self._plan.seconds:.0f} s")
        self._ledger.phase = MAIN
        with _Running(self._lanes, self._pace):
            began = time.monotonic()
            threads = [
                threading.Thread(target=self._follow, args=(began, timeline), daemon=True)
                for timeline in self._timelines()
            ]
            for thread in threads:
                thread.start()
            self._watch(began)
            for thread in threads:
                thread.join()

    def _refusal_phase(self, phase: str, faults: Sequence[Fault]) -> None:
        self._say(f"Phase: {phase}, for {_REFUSAL_SECONDS:.0f} s")
        self._ledger.phase = phase
        for fault in faults:
            self._stack.proxy.inject(fault)
        with _Running(self._lanes, self._pace):
            time.sleep(_REFUSAL_SECONDS)
        for fault in faults:
            self._stack.proxy.lift(fault)

    def _timelines(self) -> list[list[tuple[float, Callable[[], None]]]]:
        """What happens when; each list is gone through by a thread of its own."""
        plan = self._plan
        faults: list[tuple[float, Callable[[], None]]] = []
        for window in plan.windows:
            faults += [
                (window.at, partial(self._begin, window)),
                (window.at + window.seconds, partial(self._end, window)),
            ]
        rotation = plan.rotation
        return [
            faults,
            [(kill.at, partial(self._kill, kill)) for kill in plan.kills],
            [(edit.at, partial(self._edit, edit)) for edit in plan.edits],
            [(plan.redeploy, self._redeploy)],
            [
                (rotation.rotate, self._rotate),
                (rotation.tell_wcs, lambda: self._signature.change(self._stack.secret())),
                (rotation.finish, self._finish_rotation),
            ],
        ]

    def _follow(self, began: float, timeline: Sequence[tuple[float, Callable[[], None]]]) -> None:
        for at, act in timeline:
            time.sleep(max(0.0, began + at - time.monotonic()))
            try:
                act()
            except Exception as error:  # noqa: BLE001 - the soak goes on, and is red in the end
                what = f"{type(error).__name__}: {error}"
                self._soak.checks.append(Check("what was planned", ok=False, detail=what))
                self._say(what)

    def _watch(self, began: float) -> None:
        end = began + self._plan.seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 30.0))
            counted = Counter(hook.answer for hook in self._ledger.hooks())
            said = ", ".join(f"{count} {answer}" for answer, count in counted.items())
            self._say(f"{time.monotonic() - began:6.0f} s: {counted.total()} hooks: {said}")

    # --- What is done meanwhile -----------------------------------------------------------------

    def _begin(self, window: Window) -> None:
        for fault in window.faults:
            self._stack.proxy.inject(fault)
        if window.cold:
            self._soak.done["workers killed"] += self._stack.kill_workers()

    def _end(self, window: Window) -> None:
        for fault in window.faults:
            self._stack.proxy.lift(fault)

    def _kill(self, kill: Kill) -> None:
        self._soak.done["workers killed"] += self._stack.kill_workers(kill.category, most=1)

    def _edit(self, edit: Edit) -> None:
        broken = {
            "app": "hall",
            "id": "broken",
            "method": "call",
            "action": "deny",
            "when": "body.callee ==",
        }
        if edit.good:
            self._edition += 1
            self._stack.delete_policy(broken)
            self._stack.put_policy(_edited(self._edition))
        else:
            self._stack.put_policy(broken)
        self._soak.done["good edits" if edit.good else "bad edits"] += 1

    def _rotate(self) -> None:
        self._check_command("secret", "rotate")
        self._soak.done["rotations"] += 1

    def _finish_rotation(self) -> None:
        self._check_command("secret", "finish", "--yes")

    def _check_command(self, *words: str) -> None:
        done = self._stack.wcsctl(*words)
        if done.returncode:
            raise RuntimeError(f"wcsctl {' '.join(words)}: {done.stderr.strip()}")

    def _redeploy(self) -> None:
        self._say("Deploying the stack again")
        self._stack.redeploy(CHANGED_SETTING)
        self._soak.done["redeployments"] += 1

    # --- Afterwards -----------------------------------------------------------------------------

    def _strike(
        self, hooks: Sequence[SentHook], letters: Sequence[Letter], report: FunctionReport
    ) -> None:
        soak, logged = self._soak, report.logged
        for phase in _PHASES:
            of_phase = [hook for hook in hooks if hook.phase == phase]
            own = letters_of(of_phase, letters)
            sends = self._stack.proxy.letters_sent
            soak.balances.append(
                balance(phase, of_phase, own, logged.lost, sends, both_failed=phase == BOTH_PHASE)
            )
        explained, invented = without_reply(hooks, letters, self._stack.proxy.letters_sent)
        soak.checks.append(
            Check(
                "no letter without a hook",
                not invented,
                f"{len(invented)} of {len(letters)}; {len(explained)} are of attempts whose reply "
                f"was lost, {sum(letter.of_edits for letter in letters)} of policy edits"
                + "".join(f"; {one.method} {one.decision}" for one in invented),
            )
        )
        sent = sum(lane.account_sent for lane in self._lanes)
        own_account = sum(hook.genuine and not _is_odd(hook) for hook in hooks)
        soak.checks.append(
            Check(
                "the account of the simulated WCS",
                sent == own_account,
                f"{sent} hooks by its account, {own_account} written down",
            )
        )
        soak.checks += self._losses(hooks, report, letters)
        # What a worker printed last may be lost with it: killed, or replaced by a redeployment.
        ended = soak.done["workers killed"] + soak.done["redeployments"] * 4 * soak.bounds.lanes
        soak.checks += log_checks(hooks, letters, logged, ended)
        soak.metrics = {
            name: logged.total(name) for name in sorted({name for name, _ in logged.counts})
        }
        self._times(hooks, report)
        self._verdicts(hooks, report)

    def _losses(
        self, hooks: Sequence[SentHook], report: FunctionReport, letters: Sequence[Letter]
    ) -> list[Check]:
        """Whether what was lost is what was counted as lost, by phase and by decision."""
        kept = {letter.decision for letter in letters}
        of_phase = {
            phase: {hook.decision for hook in hooks if hook.phase == phase and hook.decision}
            for phase in _PHASES
        }
        lost = {phase: report.logged.lost & of_phase[phase] for phase in _PHASES}
        needlessly = lost[MAIN] | lost[QUEUE_PHASE]
        in_table = {letter.decision for letter in letters if letter.in_table}
        late = len(report.logged.lost & kept)
        counted = report.logged.total("DeadLetterLost")
        named = len(report.logged.lost)
        return [
            Check(
                "nothing lost while queue or table takes letters",
                not needlessly - kept,
                f"{len(needlessly)} counted as lost, of which {len(needlessly & kept)} came late",
            ),
            Check(
                "the table takes what the queue refuses",
                bool(in_table & of_phase[QUEUE_PHASE]),
                f"{len(in_table & of_phase[QUEUE_PHASE])} letters in that phase, {len(in_table)} "
                "in all",
            ),
            Check(
                "metric DeadLetterLost",
                counted == named,
                f"{counted} counted, {named} named in the log, {late} of them came late all the "
                "same",
            ),
            Check(
                "losses while both refuse",
                bool(lost[BOTH_PHASE]),
                f"{len(lost[BOTH_PHASE])} hooks counted as lost, each with a log line",
            ),
        ]

    def _times(self, hooks: Sequence[SentHook], report: FunctionReport) -> None:
        soak = self._soak
        soak.service = Times.from_values(report.service_times)
        soak.replies = Times.from_values([hook.seconds * 1000 for hook in hooks if hook.decision])
        # In a short soak, cold starts are more than one reply of a hundred.
        long_enough = self._plan.seconds >= _LONG
        looked_at = soak.replies.p99 if long_enough else soak.replies.p50
        limit = REPLY_TIMEOUT_MS + SERVICE_MARGIN_MS
        soak.checks.append(
            Check(
                "ServiceTime within replyTimeout",
                0 < soak.service.most <= limit,
                f"{_in_words(soak.service)}: {REPLY_TIMEOUT_MS:.0f} ms and a margin of "
                f"{SERVICE_MARGIN_MS:.0f}",
            )
        )
        soak.checks.append(
            Check(
                "replies as WCS sees them",
                0 < looked_at <= REPLY_TIMEOUT_MS + REPLY_MARGIN_MS,
                f"{_in_words(soak.replies)}: {'99' if long_enough else '50'} % within "
                f"{REPLY_TIMEOUT_MS:.0f} ms and a margin of {REPLY_MARGIN_MS:.0f}",
            )
        )

    def _verdicts(self, hooks: Sequence[SentHook], report: FunctionReport) -> None:
        soak = self._soak
        for (name, category), count in report.logged.counts.items():
            if name in _VERDICTS:
                soak.verdicts[category, name] += count
        lacking = [
            f"{category} {verdict}"
            for category in Category
            for verdict in _VERDICTS
            if not soak.verdicts[category, verdict] and (category, verdict) not in _NEVER
        ]
        categories = {category_of(hook.method) for hook in hooks}
        long_enough = self._plan.seconds >= _LONG
        soak.checks.append(
            Check(
                "every category and verdict occurred",
                not lacking or (not long_enough and categories == set(Category)),
                f"lacking: {', '.join(lacking) or 'none'}"
                + ("" if long_enough else "; a short soak need not meet all"),
            )
        )

    def _redrive(self, before: Sequence[Letter]) -> list[Letter]:
        """Redrive until nothing fails any more, then once more. Gives what is left."""
        soak, stack = self._soak, self._stack
        first = parsed_output(stack.wcsctl("dead-letter", "redrive", "--yes"))
        results = Counter(one["result"] for one in first)
        failed = Counter(str(one["told"]) for one in first if one["result"] == "failed")
        done, still_failing, passes = results["done"], results["failed"], 1
        # On a busy machine a call may take longer than a reply may: the letter stays, counted.
        while still_failing and passes < _REDRIVES:
            again = Counter(
                one["result"]
                for one in parsed_output(stack.wcsctl("dead-letter", "redrive", "--yes"))
            )
            done, still_failing, passes = done + again["done"], again["failed"], passes + 1
        left = stack.letters()
        last = Counter(
            one["result"] for one in parsed_output(stack.wcsctl("dead-letter", "redrive", "--yes"))
        )
        soak.redriven = {
            "letters": len(before),
            **{str(name): count for name, count in results.items()},
            "passes": passes,
            "left": len(left),
            "again": last["done"] + last["failed"],
        }
        hopeless = Counter(str(one["told"]) for one in first if one["result"] == "hopeless")
        soak.checks += [
            Check(
                "the redrive took every letter once",
                len(first) == len(before),
                f"{len(first)} of {len(before)}",
            ),
            Check(
                "the redrive did all that can be done",
                done == len(before) - results["hopeless"] and len(left) == results["hopeless"],
                f"{done} done, {len(left)} left, passes: {passes}"
                + "".join(f"; {count} failed at first: {what}" for what, count in failed.items())
                + "".join(f"; {count} left: {what}" for what, count in hopeless.items()),
            ),
            Check(
                "one more redrive does nothing",
                not last["done"] and not last["failed"],
                f"{last['done']} done, {last['failed']} failed",
            ),
        ]
        return left

    def _compare_sessions(
        self,
        hooks: Sequence[SentHook],
        letters: Sequence[Letter],
        left: Sequence[Letter],
        lost: frozenset[str],
    ) -> None:
        """The Sessions table holds the sessions that WCS has open, but for what has a reason."""
        histories = [history for lane in self._lanes for history in lane.histories]
        fates = Fates(
            redriven=frozenset(letter.decision for letter in letters),
            left=frozenset(letter.decision for letter in left),
            lost=lost,
            sent_again=frozenset(hook.decision for hook in hooks if hook.lost),
        )
        held = self._stack.session_keys()
        self._soak.checks.append(compare_sessions(histories, held, fates))
        self._soak.checks += compare_leases(histories, self._stack.leases(), fates)

    def _see_last_edit(self) -> None:
        """The last good edit is active, and no app is left with an error but the broken one."""
        item = _edited(self._edition)
        school = self._stack.policies.read(item["app"])
        differs = self._edition and school.policies.get(item["id"]) != item
        self._soak.checks.append(
            Check(
                "the last good edit is active",
                bool(school.status.get("ok")) and not differs,
                f"edition {self._edition}, version {school.status.get('version', 0)}",
            )
        )

    def _transport(self, *, genuine: bool) -> RecordingTransport:
        authentication = self._signature if genuine else WrongSignature()
        return RecordingTransport(
            self._stack.target, authentication, self._pace, self._ledger, genuine=genuine
        )


_VERDICTS: Final = ("Echoed", "Overridden", "Denied", "Failed", "Malformed", "Rejected")
_NEVER: Final = frozenset(
    {
        # Strangers only try connect, and broken bodies come as three methods.
        *((category, "Rejected") for category in Category if category is not Category.CONNECT),
        (Category.INCOMING, "Malformed"),
    }
)


class _Running:
    """Lanes at work, each in a thread, until the block ends, however it does."""

    def __init__(self, lanes: Sequence[Lane], pace: Pace) -> None:
        self._pace = pace
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=lane.run, args=(self._go_on,), daemon=True) for lane in lanes
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self) -> bool:
        return not (self._stop.is_set() or self._pace.spent)


def _edited(edition: int) -> dict[str, Any]:
    return {
        "app": "school",
        "id": "edited",
        "method": "sendBugReport",
        "action": "override",
        "set": {"edition": edition},
    }


def _in_words(times: Times) -> str:
    return f"p50 {times.p50:.0f}, p99 {times.p99:.0f}, longest {times.most:.0f} ms"


def _is_odd(hook: SentHook) -> bool:
    """Whether it is none of those that the simulated WCS sends by itself."""
    return hook.method == INVENTED or hook.digest in _MALFORMED


_MALFORMED: Final = frozenset(map(digest, MALFORMED))
