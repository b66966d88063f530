/** The compiler's findings, at their places in the text. */

import { type Diagnostic, setDiagnostics } from "@codemirror/lint";
import type { Text } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";

/** A place in a text: lines and columns count characters, from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Finding {
  readonly level: "error" | "warning";
  readonly policy: string;
  readonly attribute: string;
  readonly message: string;
  readonly from: Position | null;
  readonly to: Position | null;
}

export function showFindings(view: EditorView, findings: readonly Finding[]): void {
  const placed = findings.flatMap((finding) => diagnosticOf(view.state.doc, finding) ?? []);
  view.dispatch(setDiagnostics(view.state, placed));
}

/** Put the cursor at a place, and show it. */
export function goTo(view: EditorView, position: Position): void {
  const anchor = offsetOf(view.state.doc, position);
  view.dispatch({ selection: { anchor }, scrollIntoView: true });
  view.focus();
}

function diagnosticOf(text: Text, finding: Finding): Diagnostic | null {
  if (finding.from === null) return null;
  const from = offsetOf(text, finding.from);
  const to = finding.to === null ? from : Math.max(from, offsetOf(text, finding.to));
  return { from, to, severity: finding.level, message: finding.message };
}

function offsetOf(text: Text, { line, column }: Position): number {
  const found = text.line(Math.min(Math.max(line, 1), text.lines));
  const before = [...found.text].slice(0, column - 1).join("");
  return found.from + before.length;
}
