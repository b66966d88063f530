import type { Decision, Subject } from "../shapes";
import { plain } from "../text";

/** The subject of a decision. */
export function subjectText(subject: Subject | undefined): string {
  if (!subject) return "";
  const who = subject.id ?? `hash ${subject.hash}`;
  return subject.unverified ? `${who} (unverified)` : who;
}

/** The reasons for an answer: policies first, then errors. */
export function whyText(line: Decision): string {
  const names = (values: readonly string[] | undefined) => values?.join(", ") ?? "";
  const fields = Object.entries(line.fields ?? {}).map(
    ([name, value]) => `${name}=${plain(value)}`,
  );
  const parts = [
    names(line.policies),
    line.denySuppressed && "denial suppressed: unknown session",
    line.shadowDenied && `shadow: ${names(line.shadowDenied)} would deny`,
    line.shadowOverridden && `shadow: ${names(line.shadowOverridden)} would override`,
    line.error,
    line.limit && `limit reached: ${line.limit}`,
    line.expressionErrors && `could not evaluate: ${names(line.expressionErrors)}`,
    line.lookupErrors && `could not read rows: ${names(line.lookupErrors)}`,
    line.limitErrors && `could not check limits: ${names(line.limitErrors)}`,
    line.token && `token ${line.token.status ?? ""}`,
    line.outcome && `WCS: ${line.outcome} (restOnError ${line.restOnError})`,
    line.stale && "policies may be outdated",
    line.deadLettered === true && "dead-lettered",
    line.deadLettered === false && "dead letter could not be stored",
    line.redriven && "redriven",
    fields.join(" "),
  ];
  return parts.filter(Boolean).join(" · ");
}
