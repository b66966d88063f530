/** What the server answers, as the commands print it with `-o json`. */

export type AnswerKind = "echoed" | "overridden" | "denied" | "rejected" | "malformed" | "failed";

export interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly warning?: boolean;
  readonly alarms?: number;
  readonly inAlarm?: readonly string[];
}

export interface Finding {
  readonly policy: string;
  readonly attribute: string;
  readonly message: string;
}

export interface AppStatus {
  readonly app: string;
  readonly version: number;
  readonly compiledAt: string;
  readonly ok: boolean;
  readonly policies: number;
  readonly errors: readonly Finding[];
  readonly warnings: readonly Finding[];
  readonly errorCount: number;
  readonly warningCount: number;
  readonly pinned: number | null;
}

export interface Status {
  readonly deployment: string;
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly apps: readonly AppStatus[];
}

export interface Percentiles {
  readonly p50?: number;
  readonly p99?: number;
}

export type CategoryFigures = Readonly<Record<string, number | Percentiles>>;

export interface Stats {
  readonly categories: Readonly<Record<string, CategoryFigures>>;
  readonly methods: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface TrendPoint {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly calls: number;
  readonly overridden: number;
  readonly denied: number;
  readonly rejected: number;
  readonly malformed: number;
  readonly failed: number;
  /** Milliseconds. */
  readonly p50: number | null;
  readonly p99: number | null;
}

export interface Trend {
  /** Seconds. */
  readonly period: number;
  readonly points: readonly TrendPoint[];
}

export interface Subject {
  readonly id?: string;
  readonly hash?: string;
  readonly unverified?: boolean;
}

/** A line of the decision log; the functions leave out what is empty. */
export interface Decision {
  readonly at: string;
  readonly decision: string;
  readonly category?: string;
  readonly method?: string;
  readonly answer?: AnswerKind;
  readonly status?: number;
  readonly app?: string;
  readonly session?: string;
  readonly subject?: Subject;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly versions?: Readonly<Record<string, number>>;
  readonly policy?: string;
  readonly policies?: readonly string[];
  readonly shadowDenied?: readonly string[];
  readonly shadowOverridden?: readonly string[];
  readonly expressionErrors?: readonly string[];
  readonly lookupErrors?: readonly string[];
  readonly limitErrors?: readonly string[];
  readonly error?: string;
  readonly limit?: string;
  readonly token?: Readonly<Record<string, string>>;
  readonly redriven?: boolean;
  readonly redriveOf?: string;
  readonly deadLettered?: boolean;
  readonly deadLetterFallback?: boolean;
  readonly stale?: boolean;
  readonly denySuppressed?: boolean;
  readonly restOnError?: string;
  readonly outcome?: string;
  readonly cause?: string;
}

export interface Considered {
  readonly policy: string;
  readonly app: string;
  readonly version: number;
  readonly action: string;
  readonly mode: string;
  readonly outcome: string;
  readonly detail: string;
}

export interface Explanation extends Decision {
  readonly reason: string;
  readonly considered: readonly Considered[];
  readonly changed: readonly string[];
  readonly wcs: string;
  readonly notes: readonly string[];
}

export interface RestErrors {
  readonly category: string;
  readonly restOnError: string;
  readonly outcome: string;
  readonly cause: string;
  readonly count: number;
}

export interface DeadLetter {
  readonly id: string;
  readonly kind: string;
  readonly category: string;
  readonly method: string;
  readonly error: string;
  readonly attempts: number;
  readonly firstSeen: string;
  /** Why it can never be redriven; empty if it can. */
  readonly hopeless: string;
  readonly messageId: string;
  readonly place: string;
}

export interface DeadLetterDetails extends DeadLetter {
  readonly message: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

export interface Redriven extends DeadLetter {
  readonly result: string;
  readonly told: string;
}

export type Row = Readonly<Record<string, unknown>> & { readonly key: string };

export interface Ban {
  readonly user: string;
  readonly reason: string;
  readonly bannedAt: string;
  readonly by: string;
  /** Seconds since the epoch. */
  readonly expiresAt: number | null;
  readonly damaged?: string;
}

export interface Budget {
  readonly key: string;
  readonly app: string;
  readonly policy: string;
  readonly by: string;
  readonly held: number;
  readonly most: number;
  readonly holds: string;
}

export interface BudgetDetails extends Budget {
  readonly places: readonly { readonly holder: string; readonly until: string }[];
}
