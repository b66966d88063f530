/** Help on the word under the pointer. */

import { hoverTooltip, type Tooltip } from "@codemirror/view";
import { placeAt } from "./place";
import { schemaAt, type Vocabulary, valuesOf, variableAt } from "./vocabulary";

const SHOWN_VALUES = 12;

export function hoverHelp(vocabulary: () => Vocabulary) {
  return hoverTooltip((view, position): Tooltip | null => {
    const word = view.state.wordAt(position);
    if (word === null) return null;
    const place = placeAt(view.state, word.to);
    const name = view.state.sliceDoc(word.from, word.to);
    const line = view.state.doc.lineAt(word.from);
    const help =
      place.kind === "expression"
        ? ofWord(vocabulary(), line.text.slice(0, word.to - line.from), name)
        : ofAttribute(vocabulary(), place.kind === "key" ? [...place.path, name] : place.path);
    if (help === null) return null;
    return {
      pos: word.from,
      end: word.to,
      above: true,
      create: () => ({ dom: shown(help) }),
    };
  });
}

interface Help {
  readonly title: string;
  readonly text: string;
}

function ofAttribute(vocabulary: Vocabulary, path: readonly string[]): Help | null {
  const schema = schemaAt(vocabulary, path);
  if (schema?.description === undefined) return null;
  const values = valuesOf(vocabulary, schema).filter((value) => value !== schema.default);
  const some = values.slice(0, SHOWN_VALUES).join(", ");
  const more = values.length > SHOWN_VALUES ? " …" : "";
  const byDefault = schema.default === undefined ? "" : ` Default: ${String(schema.default)}.`;
  const offered = some === "" ? "" : ` For example: ${some}${more}`;
  return { title: path.join("."), text: `${schema.description}${byDefault}${offered}` };
}

function ofWord(vocabulary: Vocabulary, before: string, name: string): Help | null {
  const path = /[A-Za-z_][\w.]*$/.exec(before)?.[0].split(".") ?? [name];
  const variable = variableAt(vocabulary, path);
  if (variable !== null) {
    return { title: `${path.join(".")}: ${variable.type}`, text: variable.doc };
  }
  const found = vocabulary.functions.find((one) => one.name === name);
  return found === undefined ? null : { title: found.signature, text: found.doc };
}

function shown({ title, text }: Help): HTMLElement {
  const box = document.createElement("div");
  box.className = "help";
  const heading = document.createElement("strong");
  heading.textContent = title;
  const body = document.createElement("div");
  body.textContent = text;
  box.append(heading, body);
  return box;
}
