/** What the server answers about policies, as the commands print it with `-o json`. */
import type { PolicyChange } from "./api";
import type { Finding } from "./editor/findings";

export type Standing = "yes" | "edited" | "new" | "off";

export interface PolicyRow {
  readonly app: string;
  readonly id: string;
  readonly method: string | readonly string[];
  readonly action: string;
  readonly priority: number;
  readonly mode: string;
  readonly inForce: Standing;
}

export interface AppRow {
  readonly app: string;
  /** The active version; 0 for none. */
  readonly version: number;
  readonly policies: number;
  readonly compiledAt: string;
  readonly ok: boolean;
  readonly pinned: number | null;
  readonly errors: readonly string[];
  /** Number of warnings. */
  readonly warnings: number;
}

export interface PolicyList {
  readonly policies: readonly PolicyRow[];
  readonly apps: readonly AppRow[];
}

/** An opened policy. `seen` identifies the state of the table at that time. */
export interface OpenedPolicy {
  readonly policy: { readonly method?: unknown } | null;
  readonly text: string;
  readonly seen: string;
  /** The names of the files of tests in the app's folder. */
  readonly tests: readonly string[];
}

export interface Recipe {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
}

export interface EditOutcome {
  readonly app: string;
  /** The active version; 0 for none. */
  readonly version: number;
  readonly ok: boolean;
  readonly inForce: boolean;
  readonly pinned: number | null;
  readonly errors: readonly string[];
  /** Policies that somebody else has edited since they were written. */
  readonly replaced: readonly string[];
}

/** A member of restClientConfig that changes: sessions that are connected keep what theirs had. */
export interface Reconfigured {
  readonly app: string;
  readonly method: string;
  readonly attribute: string;
  readonly before: string;
  readonly after: string;
}

export interface Edited {
  readonly changes: readonly PolicyChange[];
  readonly apps: readonly EditOutcome[];
  readonly fromNextConnect: readonly Reconfigured[];
}

export interface Version {
  readonly version: number;
  readonly compiledAt: string;
  readonly policies: number;
  /** By `added`, `removed`, `modified`: how many policies, and the first of their names. */
  readonly changed: Readonly<
    Record<string, { readonly count: number; readonly first: readonly string[] }>
  >;
  readonly inForce: boolean;
  readonly pinned: boolean;
  readonly by: string;
  readonly message: string;
}

export interface VersionText {
  readonly policies: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface Difference {
  readonly changes: readonly PolicyChange[];
}

export interface TestRun {
  readonly ok: boolean;
  readonly results: readonly {
    readonly name: string;
    readonly file: string;
    readonly ok: boolean;
    readonly differences: readonly string[];
  }[];
  /** Why no test could be run; empty if they were. */
  readonly problem: string;
}

export interface Linted {
  readonly findings: readonly Finding[];
  readonly milliseconds: number;
}

export interface ConsideredPolicy {
  readonly policy: string;
  readonly app: string;
  readonly version: number;
  readonly action: string;
  readonly mode: string;
  readonly outcome: string;
  readonly detail: string;
  readonly rows: Readonly<Record<string, string>>;
}

export interface TriedAnswer {
  readonly method: string;
  readonly versions: Readonly<Record<string, number>>;
  readonly answer: "echo" | "override" | "deny" | "suppressed";
  readonly status: number;
  readonly reason: string;
  readonly policies: readonly string[];
  readonly shadowDenied: readonly string[];
  readonly shadowOverridden: readonly string[];
  readonly considered: readonly ConsideredPolicy[];
  readonly changed: Readonly<
    Record<string, { readonly was: unknown; readonly becomes: unknown; readonly isNew: boolean }>
  >;
  readonly token: Readonly<Record<string, string>> | null;
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly restClientConfig: Readonly<Record<string, unknown>>;
  readonly restOnError: string;
  readonly outcome: string | null;
  /** What WCS does, in a sentence. */
  readonly wcs: string;
}

export interface Tried {
  readonly inForce: TriedAnswer;
  readonly candidate?: TriedAnswer;
  readonly changed?: boolean;
  /** Why limits were not counted. */
  readonly uncounted?: string;
}
