/** The hook to try, as typed into the form. */
import type { ConsideredPolicy, TriedAnswer } from "../policy-shapes";

export const SESSIONS = [
  ["connected", "connected"],
  ["recorded", "as recorded"],
  ["unknown", "never connected"],
] as const;

export const PROOFS = [
  ["", "as in the body"],
  ["claims", "valid, with claims"],
  ["status", "not valid, with a status"],
] as const;

/** The statuses of a token that is not valid. */
export const TOKEN_STATUSES = [
  "none",
  "malformed",
  "unknown-issuer",
  "unknown-key",
  "no-keys",
  "bad-signature",
  "wrong-audience",
  "expired",
  "not-yet",
  "missing-claim",
  "other-subject",
] as const;

export interface TrialInput {
  readonly method: string;
  /** JSON. */
  readonly body: string;
  readonly session: string;
  /** JSON: the body of the session's connect. */
  readonly connect: string;
  /** ISO 8601; empty for now. */
  readonly at: string;
  readonly proof: string;
  /** JSON. */
  readonly claims: string;
  readonly tokenStatus: string;
  readonly reveal: boolean;
}

export const EMPTY_INPUT: TrialInput = {
  method: "publishStream",
  body: "",
  session: "connected",
  connect: "{}",
  at: "",
  proof: "",
  claims: '{"sub": "anna"}',
  tokenStatus: "expired",
  reveal: false,
};

export interface CandidateText {
  readonly app: string;
  /** null for new policies. */
  readonly id: string | null;
  readonly text: string;
  /** The server's identifier of the state that it was loaded from. */
  readonly seen: string;
}

/** The body of `/api/try`; null if there is no hook yet. */
export function requestOf(
  input: TrialInput,
  candidate: CandidateText | null,
): Readonly<Record<string, unknown>> | null {
  const { method, body, session, connect, at, proof, claims, tokenStatus, reveal } = input;
  if (!method || !body.trim()) return null;
  const connected = session === "connected" && method !== "connect";
  return {
    method,
    body,
    session: connected || method === "connect" ? null : session,
    connect: connected ? connect || "{}" : null,
    at,
    claims: proof === "claims" ? claims : null,
    tokenStatus: proof === "status" ? tokenStatus : null,
    reveal,
    candidate,
  };
}

/** A body as indented JSON, with the app as its appKey. */
export function bodyText(body: unknown, app: string): string {
  const fields = typeof body === "object" && body !== null ? body : {};
  const whole = app && app !== "*" ? { ...fields, appKey: app } : fields;
  return JSON.stringify(whole, null, 2);
}

const FURTHEST_FIRST = ["applied", "limit", "compute", "when", "token", "lookup"];

/** Policies by how far they got: those that were evaluated, furthest first, and all others. */
export function byReach(considered: TriedAnswer["considered"]): {
  readonly evaluated: TriedAnswer["considered"];
  readonly others: TriedAnswer["considered"];
} {
  const rank = ({ outcome }: ConsideredPolicy) => FURTHEST_FIRST.indexOf(outcome);
  return {
    evaluated: considered
      .filter((one) => rank(one) >= 0)
      .toSorted((one, other) => rank(one) - rank(other)),
    others: considered.filter((one) => rank(one) < 0),
  };
}
