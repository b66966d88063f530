/** Calls of the server's API. Every answer is a value; nothing here throws. */
import { signal } from "@preact/signals";
import type { DeadLetter } from "./shapes";

export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined | null>
>;

export interface Success<T> {
  readonly ok: true;
  /** The wcsctl command that does the same. */
  readonly command: string;
  /** 1 if a check failed or there is a difference; otherwise 0. */
  readonly exit: number;
  readonly value: T;
  readonly remarks: readonly string[];
}

export interface Failure {
  readonly ok: false;
  readonly command: string;
  readonly error: Problem;
  readonly remarks: readonly string[];
}

export interface Problem {
  readonly message: string;
  /** The command's exit status, 1 to 5; 0 if the user cancelled. */
  readonly exit: number;
}

export type Answer<T> = Success<T> | Failure;

/** A policy that would change, as `wcsctl policy diff -o json` has it. */
export interface PolicyChange {
  readonly app: string;
  readonly id: string;
  readonly change: "added" | "changed" | "removed";
  readonly attributes: Readonly<Record<string, { before?: unknown; after?: unknown }>>;
}

export interface Question {
  readonly text: string;
  readonly agreed: string;
  /** What would be written: changes of policies, or the dead letters to purge. */
  readonly changes: readonly (PolicyChange | DeadLetter)[] | null;
}

/** What the confirmation dialog shows, and how it passes on the user's answer. */
export interface Confirmation {
  readonly question: Question;
  readonly command: string;
  readonly remarks: readonly string[];
  /** The number that must be typed to agree; empty if a click is enough. */
  readonly typed: string;
  readonly settle: (agreed: boolean) => void;
}

/** True once the server rejected the cookie, or there is none. */
export const signedOut = signal(false);

export const confirmation = signal<Confirmation | null>(null);

export const CANCELLED = "Cancelled: nothing was changed.";

const NO_ANSWER = "The console does not answer. Is `wcsctl console` still running?";

/** Where the key of this origin is kept: unlike a cookie, no other port of the host gets it. */
const KEY = "key";

export function consoleKey(): string {
  return localStorage.getItem(KEY) ?? "";
}

/** Exchanges the token of the address for the cookie and the key. */
export async function login(token: string): Promise<boolean> {
  try {
    const reply = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
    });
    if (reply.ok) localStorage.setItem(KEY, (await reply.json()).key);
    return reply.ok;
  } catch {
    return false;
  }
}

/** The query string of a request: empty, false and missing values are left out. */
export function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) {
      for (const one of value) parameters.append(name, one);
    } else if (value !== undefined && value !== null && value !== "" && value !== false) {
      parameters.set(name, String(value));
    }
  }
  const text = parameters.toString();
  return text && `?${text}`;
}

/** Reads something: `get<Status>("status")` asks `/api/status`. */
export async function get<T>(
  route: string,
  query: Query = {},
  abort?: AbortSignal,
): Promise<Answer<T>> {
  const reply = await send(`/api/${route}${queryText(query)}`, abort ? { signal: abort } : {});
  return answerOf<T>(reply);
}

/**
 * Writes or checks something, and asks the user where the command asks.
 *
 * If the changes are different by the time the user agrees, the server asks again, and so does the
 * page.
 */
export async function post<T>(
  route: string,
  body: Readonly<Record<string, unknown>>,
  abort?: AbortSignal,
): Promise<Answer<T>> {
  let agreed: string | undefined;
  for (;;) {
    const reply = await send(`/api/${route}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(agreed === undefined ? body : { ...body, agreed }),
      ...(abort ? { signal: abort } : {}),
    });
    if (reply.status !== 428) return answerOf<T>(reply);
    const { command = "", question, remarks = [] } = reply.content;
    if (!question)
      return failure(
        command,
        `The console requires a confirmation, but sent no question (HTTP ${reply.status}).`,
        1,
      );
    const typed = route === "dead-letters/purge" ? numberIn(question.text) : "";
    const agrees = await ask({ question, command, remarks, typed });
    if (!agrees) return failure(command, CANCELLED, 0);
    agreed = question.agreed;
  }
}

/** The first number of a question: "Throw away 1,204 dead letters?" → "1204". */
export function numberIn(text: string): string {
  return text.match(/\d[\d,]*/)?.[0].replaceAll(",", "") ?? "";
}

interface Reply {
  readonly status: number;
  readonly content: {
    readonly command?: string;
    readonly exit?: number;
    readonly value?: unknown;
    readonly error?: Problem;
    readonly question?: Question;
    readonly remarks?: readonly string[];
  };
}

async function send(address: string, request: RequestInit): Promise<Reply> {
  try {
    const headers = { ...request.headers, "X-Console-Key": consoleKey() };
    const reply = await fetch(address, { ...request, headers });
    if (reply.status === 401) signedOut.value = true;
    const text = await reply.text();
    return { status: reply.status, content: text ? JSON.parse(text) : {} };
  } catch {
    return { status: 0, content: { error: { message: NO_ANSWER, exit: 1 } } };
  }
}

function answerOf<T>({ status, content }: Reply): Answer<T> {
  const { command = "", exit = 0, value, error, remarks = [] } = content;
  if (status === 200) return { ok: true, command, exit, value: value as T, remarks };
  const problem = error ?? {
    message: `The console answered HTTP ${status} without a message: see the terminal.`,
    exit: 1,
  };
  return { ok: false, command, error: problem, remarks };
}

function failure(command: string, message: string, exit: number): Failure {
  return { ok: false, command, error: { message, exit }, remarks: [] };
}

function ask(shown: Omit<Confirmation, "settle">): Promise<boolean> {
  return new Promise((resolve) => {
    confirmation.value = {
      ...shown,
      settle(agreed) {
        confirmation.value = null;
        resolve(agreed);
      },
    };
  });
}
