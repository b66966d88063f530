/** Completion: attributes and their values, and variables and functions of expressions. */

import {
  type Completion,
  type CompletionContext,
  type CompletionResult,
  type CompletionSource,
  snippetCompletion,
  startCompletion,
} from "@codemirror/autocomplete";
import type { EditorView } from "@codemirror/view";
import { aliasesAround, attributesAround, type Place, placeAt } from "./place";
import {
  type CelFunction,
  keysAt,
  schemaAt,
  type Variable,
  type Vocabulary,
  valuesOf,
  variableAt,
} from "./vocabulary";

const FIELD_MAPS = new Set(["match", "set", "compute"]);
const MAPS = new Set(["match", "set", "compute", "lookup", "limit"]);
const OFFERED_AT_ONCE = new Set(["action", "method", "mode", "whenError"]);
const VARIABLES_FIRST = 10;
const OWN_FIELDS_FIRST = 20;

/** Complete what `vocabulary` returns at that moment. */
export function completions(vocabulary: () => Vocabulary): CompletionSource {
  return (context) => {
    const place = placeAt(context.state, context.pos);
    if (place.kind === "expression") return ofExpression(context, place, vocabulary());
    return place.kind === "key"
      ? ofKeys(context, place, vocabulary())
      : ofValues(context, place, vocabulary());
  };
}

function ofKeys(
  context: CompletionContext,
  place: Place,
  vocabulary: Vocabulary,
): CompletionResult | null {
  const typed = context.matchBefore(/[\w.@-]*/);
  if (typed === null || (typed.from === typed.to && !context.explicit)) return null;
  const there = attributesAround(context.state, place.within);
  const [first] = place.path;
  if (place.path.length === 1 && first !== undefined && FIELD_MAPS.has(first)) {
    const fields = variableAt(vocabulary, ["body"])?.children ?? [];
    return { from: typed.from, options: fields.map((field) => ofField(field)) };
  }
  const keys = keysAt(vocabulary, place.path, there.get("action") ?? null);
  const own = context.state.sliceDoc(place.from, context.pos);
  const options = [...keys]
    .filter(([key]) => place.path.length > 0 || key === own || !there.has(key))
    .map(([key, schema], index) => ({
      label: key,
      type: "property",
      info: schema.description ?? "",
      boost: -index,
      apply: applyKey(key, place.path.length),
    }));
  return options.length === 0 ? null : { from: typed.from, options, validFor: /^[\w-]*$/ };
}

function applyKey(key: string, depth: number) {
  const text = depth === 0 && MAPS.has(key) ? `${key}:\n  ` : `${key}: `;
  return (view: EditorView, _completion: Completion, from: number, to: number): void => {
    const has = view.state.sliceDoc(to, to + 1) === ":";
    view.dispatch({
      changes: { from, to, insert: has ? key : text },
      selection: { anchor: from + (has ? key.length : text.length) },
      userEvent: "input.complete",
    });
    if (!has && OFFERED_AT_ONCE.has(key)) startCompletion(view);
  };
}

function ofValues(
  context: CompletionContext,
  place: Place,
  vocabulary: Vocabulary,
): CompletionResult | null {
  const typed = context.matchBefore(/[\w@*.:/-]*/);
  const schema = schemaAt(vocabulary, place.path);
  if (typed === null || schema === null) return null;
  const options = valuesOf(vocabulary, schema).map((value, index) => ({
    label: String(value),
    apply: written(value),
    type: "enum",
    boost: -index,
    ...(value === schema.default ? { detail: "default" } : {}),
  }));
  return options.length === 0 ? null : { from: typed.from, options, validFor: /^[\w@*.-]*$/ };
}

function written(value: unknown): string {
  const text = String(value);
  return /^[@*]/.test(text) ? JSON.stringify(text) : text;
}

function ofExpression(
  context: CompletionContext,
  place: Place,
  vocabulary: Vocabulary,
): CompletionResult | null {
  const typed = context.matchBefore(/[A-Za-z_][\w.]*|\)\.\w*|\.\w*/);
  if (typed === null && !context.explicit) return null;
  const words = (typed?.text ?? "").split(".");
  const last = words.at(-1) ?? "";
  const from = context.pos - last.length;
  const functions = vocabulary.functions.filter(({ name }) => /^\w+$/.test(name));
  if (words.length === 1) {
    const options = [
      ...vocabulary.variables.map((one) => ({ ...ofVariable(one), boost: VARIABLES_FIRST })),
      ...functions.filter(isGlobal).map((one) => ofFunction(one)),
    ];
    return { from, options, validFor: /^\w*$/ };
  }
  const path = words.slice(0, -1);
  const children: readonly Variable[] =
    path.length === 1 && path[0] === "rows"
      ? aliasesAround(context.state, place.within).map((name) => ({
          name,
          type: "map or null",
          doc: "The row that `lookup` found under this name, or null.",
        }))
      : (variableAt(vocabulary, path)?.children ?? []);
  const members = functions.filter(isMember).map((one) => ofFunction(one));
  const own: readonly string[] =
    attributesAround(context.state, place.within).get("method")?.match(/\w+/g) ?? [];
  const fields = children.map((one) => ({
    ...ofVariable(one),
    boost: one.methods?.some((name) => own.includes(name)) ? OWN_FIELDS_FIRST : VARIABLES_FIRST,
  }));
  return { from, options: [...fields, ...members], validFor: /^\w*$/ };
}

/** Whether a function is called by its name alone: `size(text)`. */
function isGlobal({ name, signature }: CelFunction): boolean {
  return new RegExp(`(?<![.\\w])${name}\\(`).test(signature);
}

/** Whether a function is called on what it is about: `text.glob(pattern)`. */
function isMember({ name, signature }: CelFunction): boolean {
  return signature.includes(`.${name}(`);
}

function ofVariable({ name, type, doc }: Variable): Completion {
  return { label: name, type: "variable", detail: type, info: doc };
}

function ofField({ name, type, doc }: Variable): Completion {
  return { label: name, type: "variable", detail: type, info: doc, apply: `${name}: ` };
}

function ofFunction({ name, signature, doc }: CelFunction): Completion {
  return snippetCompletion(`${name}(\${})`, {
    label: name,
    type: "function",
    info: `${doc}: ${signature}`,
  });
}
