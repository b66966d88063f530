/** Where in a policy's text a position is: the keys that lead to it, and what is written there. */

import { syntaxTree } from "@codemirror/language";
import type { EditorState } from "@codemirror/state";
import type { SyntaxNode } from "@lezer/common";

export interface Place {
  readonly kind: "key" | "value" | "expression";
  /** The keys that lead to the value, or to the map that the key is in. */
  readonly path: readonly string[];
  /** Where the key or the value begins. */
  readonly from: number;
  /** A position within the same policy, for its other attributes. */
  readonly within: number;
}

const SCALARS = new Set(["Literal", "QuotedLiteral", "BlockLiteral", "BlockLiteralContent"]);
const INDENTATION = /^\s*(?:- +)*/;

/** Whether the value at a path is a CEL expression. */
export function isExpression(path: readonly string[]): boolean {
  const [first, second, third] = path;
  if (first === "when") return path.length === 1;
  if (first === "compute") return path.length === 2;
  if (first === "limit") return path.length === 2 && (second === "by" || second === "most");
  return first === "lookup" && path.length === 3 && third === "key";
}

/** The keys from the policy to a node, its own pair's included. */
export function pathTo(state: EditorState, node: SyntaxNode): string[] {
  const path: string[] = [];
  for (let one: SyntaxNode | null = node; one !== null; one = one.parent) {
    const key = one.name === "Pair" ? one.getChild("Key") : null;
    if (key !== null) path.unshift(textOf(state, key));
  }
  return path;
}

export function placeAt(state: EditorState, position: number): Place {
  const line = state.doc.lineAt(position);
  const before = line.text.slice(0, position - line.from);
  const written = before.trimEnd();
  if (INDENTATION.exec(before)?.[0].length === before.length) {
    return onBlankLine(state, position, before);
  }
  const last = written.at(-1) ?? "";
  if (written.length < before.length && ":,[{".includes(last)) {
    const mark = syntaxTree(state).resolveInner(line.from + written.length, -1);
    return afterMark(state, mark, position);
  }
  const node = syntaxTree(state).resolveInner(position, -1);
  if (":,[{".includes(node.name)) return afterMark(state, node, position);
  const key = ancestor(node, "Key");
  if (key !== null) {
    const path = pathTo(state, key).slice(0, -1);
    return { kind: "key", path, from: key.from, within: key.from };
  }
  const path = pathTo(state, node);
  const scalar = scalarAround(node);
  const from = scalar?.from ?? position;
  const beginsLine = from === line.from + (INDENTATION.exec(line.text)?.[0].length ?? 0);
  const mayBeKey = path.length === 0 || (scalar?.parent?.name === "Pair" && !isExpression(path));
  return scalar?.name === "Literal" && beginsLine && mayBeKey
    ? { kind: "key", path, from, within: position }
    : valueAt(path, from, position);
}

/** The attributes of the policy that a position is in, each with what is written for it. */
export function attributesAround(state: EditorState, position: number): Map<string, string> {
  const found = new Map<string, string>();
  const policy = policyAround(state, position);
  for (const pair of policy?.getChildren("Pair") ?? []) {
    const key = pair.getChild("Key");
    const value = pair.lastChild;
    if (key === null) continue;
    found.set(textOf(state, key), value === null ? "" : textOf(state, value));
  }
  return found;
}

/** The aliases that the policy at a position looks up. */
export function aliasesAround(state: EditorState, position: number): string[] {
  const pairs = policyAround(state, position)?.getChildren("Pair") ?? [];
  const lookup = pairs.find((pair) => keyOf(state, pair) === "lookup")?.lastChild;
  return (lookup?.getChildren("Pair") ?? []).map((pair) => keyOf(state, pair));
}

function policyAround(state: EditorState, position: number): SyntaxNode | null {
  let found: SyntaxNode | null = null;
  const inner = syntaxTree(state).resolveInner(position, -1);
  for (let node: SyntaxNode | null = inner; node !== null; node = node.parent) {
    if (node.name === "BlockMapping" || node.name === "FlowMapping") found = node;
  }
  return found;
}

function onBlankLine(state: EditorState, position: number, before: string): Place {
  const depth = before.length;
  let within = position;
  for (let number = state.doc.lineAt(position).number - 1; number > 0; number -= 1) {
    const line = state.doc.line(number);
    if (line.text.trim() === "" || line.text.trimStart().startsWith("#")) continue;
    const indentation = INDENTATION.exec(line.text)?.[0].length ?? 0;
    within = line.from + indentation + 1;
    if (indentation >= depth) continue;
    const pair = ancestor(syntaxTree(state).resolveInner(within, 1), "Pair");
    if (pair === null) break;
    const path = pathTo(state, pair);
    const header = pair.getChild("BlockLiteral") ?? pair.getChild("Literal");
    if (header !== null) return valueAt(path, position, within);
    if (isExpression(path)) return valueAt(path, position, within);
    const inList = before.trimStart().startsWith("-");
    return { kind: inList ? "value" : "key", path, from: position, within };
  }
  return { kind: "key", path: [], from: position, within };
}

function afterMark(state: EditorState, mark: SyntaxNode, position: number): Place {
  const path = pathTo(state, mark);
  const inMap = mark.name === "{" || (mark.name === "," && mark.parent?.name === "FlowMapping");
  return inMap
    ? { kind: "key", path, from: position, within: mark.from }
    : valueAt(path, position, mark.from);
}

function valueAt(path: readonly string[], from: number, within: number): Place {
  return { kind: isExpression(path) ? "expression" : "value", path, from, within };
}

function scalarAround(node: SyntaxNode): SyntaxNode | null {
  for (let one: SyntaxNode | null = node; one !== null; one = one.parent) {
    if (SCALARS.has(one.name)) return one;
  }
  return null;
}

function ancestor(node: SyntaxNode, name: string): SyntaxNode | null {
  for (let one: SyntaxNode | null = node; one !== null; one = one.parent) {
    if (one.name === name) return one;
  }
  return null;
}

function keyOf(state: EditorState, pair: SyntaxNode): string {
  const key = pair.getChild("Key");
  return key === null ? "" : textOf(state, key);
}

function textOf(state: EditorState, node: SyntaxNode): string {
  const text = state.sliceDoc(node.from, node.to).trim();
  return text.replace(/^(['"])(.*)\1$/s, "$2");
}
