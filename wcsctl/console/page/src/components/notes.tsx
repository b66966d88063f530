import type { ComponentChildren } from "preact";
import type { Problem } from "../api";
import type { Look } from "../look";

/** Says that there is nothing to show, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

const EXITS: Readonly<Record<number, string>> = {
  2: "Invalid input",
  3: "Edited by somebody else meanwhile",
  4: "Error from AWS or the endpoint",
  5: "Not found",
};

/** An error, in wcsctl's words. */
export function ErrorNote({ problem }: { problem: Problem | null }) {
  if (!problem) return null;
  if (!problem.exit) {
    return (
      <p class="note" role="status">
        {problem.message}
      </p>
    );
  }
  return (
    <div class="note bad" role="alert">
      <strong>{EXITS[problem.exit] ?? "Error"}</strong>
      <p>{problem.message}</p>
    </div>
  );
}

/** Shown until something has been read for the first time. */
export function Looking({ look }: { look: Look<unknown> }) {
  return look.loading && !look.answer && !look.problem ? <p class="dim">Loading …</p> : null;
}

/** What a command prints for people besides its result. */
export function Remarks({ remarks }: { remarks: readonly string[] }) {
  if (!remarks.length) return null;
  return (
    <div class="note" role="status">
      {remarks.map((remark) => (
        <p key={remark}>{remark}</p>
      ))}
    </div>
  );
}

/** A message of success, which screen readers announce. */
export function Done({ children }: { children: ComponentChildren }) {
  return (
    <div class="note good" role="status">
      {children}
    </div>
  );
}
