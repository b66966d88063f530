/** The deployment's properties, read once. */
import { computed, signal } from "@preact/signals";
import { get, type Problem } from "./api";

export interface Method {
  readonly name: string;
  readonly category: string;
  readonly canonical: string;
  readonly deniable: boolean;
}

export interface Session {
  readonly deployment: string;
  readonly region: string;
  readonly local: boolean;
  readonly readOnly: boolean;
  readonly version: string;
  /** Cost of reading the metrics once, in US dollars; 0 for a local deployment. */
  readonly costs: { readonly perLook: number };
  readonly methods: readonly Method[];
  readonly categories: readonly string[];
  /** The directory with the apps' tests. */
  readonly tests: string | null;
}

export const session = signal<Session | null>(null);
export const sessionProblem = signal<Problem | null>(null);

/** Why nothing can be written; empty if it can. */
export const whyReadOnly = computed(() =>
  session.value?.readOnly
    ? "This console is read-only: restart it without --read-only to write."
    : "",
);

/** The canonical names of methods, each once. */
export const methodNames = computed(() => [
  ...new Set(session.value?.methods.map((method) => method.canonical)),
]);

export async function readSession(): Promise<void> {
  const answer = await get<Session>("session");
  if (answer.ok) session.value = answer.value;
  else sessionProblem.value = answer.error;
}
