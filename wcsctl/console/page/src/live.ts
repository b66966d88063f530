/** Decisions as they are made, by server-sent events. */
import { signal } from "@preact/signals";
import { consoleKey, get, type Problem, type Query, queryText } from "./api";
import type { Decision } from "./shapes";

/** How many lines the page keeps. */
export const KEPT = 5000;

const BATCH_MS = 150;
const OVERLAP_SECONDS = 60;

/** A tail of the decision log. */
export class Tail {
  /** The newest first. */
  readonly lines = signal<readonly Decision[]>([]);
  /** Decisions received since the page was opened, whether kept or not. */
  readonly count = signal(0);
  readonly paused = signal(false);
  /** Decisions received while it is paused. */
  readonly waiting = signal(0);
  readonly problem = signal<Problem | null>(null);
  readonly command = signal("");
  readonly remarks = signal<readonly string[]>([]);
  readonly loading = signal(true);

  #pending: Decision[] = [];
  #seen = new Set<string>();
  #timer = 0;
  #uncounted = 0;
  #isBroken = false;
  readonly #events: EventSource;
  readonly #abort = new AbortController();

  constructor(filters: Query, past: Query) {
    // The stream overlaps the past, so that nothing is missed between them.
    const since = `${OVERLAP_SECONDS}s`;
    const query = queryText({ ...filters, since, key: consoleKey() });
    this.#events = new EventSource(`/api/decisions/live${query}`);
    this.#events.onmessage = (event) => this.#take(JSON.parse(event.data));
    this.#events.onopen = () => {
      if (this.#isBroken) this.problem.value = null;
      this.#isBroken = false;
    };
    this.#events.onerror = () => this.#broken();
    this.#events.addEventListener("problem", (event) => {
      this.problem.value = JSON.parse(event.data).error;
    });
    this.#readPast({ ...filters, ...past });
  }

  close(): void {
    this.#events.close();
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  pause(paused: boolean): void {
    this.paused.value = paused;
    this.#show();
  }

  async #readPast(query: Query): Promise<void> {
    const answer = await get<readonly Decision[]>("decisions", query, this.#abort.signal);
    if (this.#abort.signal.aborted) return;
    this.loading.value = false;
    this.command.value = answer.command;
    this.remarks.value = answer.remarks;
    if (!answer.ok) {
      this.problem.value = answer.error;
      return;
    }
    const past = answer.value.filter((line) => this.#isNew(line));
    // The stream may have been faster: then its lines are among these.
    const lines = [...this.lines.value, ...past];
    this.lines.value = lines.sort((one, other) => (one.at < other.at ? 1 : -1)).slice(0, KEPT);
    this.count.value += past.length;
  }

  /** Keeps a line until the next batch: showing each on its own is too slow. */
  #take(line: Decision): void {
    if (!this.#isNew(line)) return;
    this.#pending.push(line);
    if (this.#pending.length > 2 * KEPT) this.#pending = this.#pending.slice(-KEPT);
    this.#uncounted += 1;
    this.#timer ||= setTimeout(() => this.#show(), BATCH_MS);
  }

  #show(): void {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.count.value += this.#uncounted;
    if (this.paused.value) this.waiting.value += this.#uncounted;
    else this.waiting.value = 0;
    this.#uncounted = 0;
    if (this.#pending.length && !this.paused.value) {
      this.lines.value = [...this.#pending.reverse(), ...this.lines.value].slice(0, KEPT);
      this.#pending = [];
    }
  }

  #isNew(line: Decision): boolean {
    const key = keyOf(line);
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    if (this.#seen.size > 4 * KEPT) this.#seen = new Set([...this.#seen].slice(-2 * KEPT));
    return true;
  }

  #broken(): void {
    const closed = this.#events.readyState === EventSource.CLOSED;
    const next = closed ? "Reload the page to continue." : "Reconnecting …";
    if (this.problem.value) return;
    this.#isBroken = true;
    this.problem.value = { message: `The live stream was interrupted. ${next}`, exit: 1 };
  }
}

/** A line's key. The id alone is not unique: a redriven hook keeps its decision's id. */
export function keyOf({ decision, at }: Decision): string {
  return `${decision} ${at}`;
}
