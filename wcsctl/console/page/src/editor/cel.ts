/** Highlights the CEL expressions in a policy's YAML. */

import { syntaxTree } from "@codemirror/language";
import { type Range, RangeSet } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  ViewPlugin,
  type ViewUpdate,
} from "@codemirror/view";
import { isExpression, pathTo } from "./place";

const TOKEN =
  /(?<text>r?'(?:\\.|[^'\\])*'|r?"(?:\\.|[^"\\])*")|(?<number>\b\d[\w.]*)|(?<word>\b(?:true|false|null|in)\b)|(?<call>[A-Za-z_]\w*(?=\())|(?<name>(?<![.\w])[A-Za-z_]\w*)|(?<sign>[=!<>&|?:+*/%-]+)/g;
const SCALARS = new Set(["Literal", "QuotedLiteral", "BlockLiteralContent"]);
const MARKS = new Map(
  ["text", "number", "word", "call", "name", "sign"].map((kind) => [
    kind,
    Decoration.mark({ class: `cel-${kind}` }),
  ]),
);

export const celHighlight = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;

    constructor(view: EditorView) {
      this.decorations = marksIn(view);
    }

    update(update: ViewUpdate): void {
      const parsed = syntaxTree(update.startState) !== syntaxTree(update.state);
      if (update.docChanged || update.viewportChanged || parsed) {
        this.decorations = marksIn(update.view);
      }
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

function marksIn(view: EditorView): DecorationSet {
  const marks: Range<Decoration>[] = [];
  for (const { from, to } of view.visibleRanges) {
    syntaxTree(view.state).iterate({
      from,
      to,
      enter: (node) => {
        if (!SCALARS.has(node.name) || node.node.parent?.name === "Key") return;
        if (!isExpression(pathTo(view.state, node.node))) return;
        const quoted = node.name === "QuotedLiteral" ? 1 : 0;
        const text = view.state.sliceDoc(node.from + quoted, node.to - quoted);
        for (const token of text.matchAll(TOKEN)) {
          const kind = Object.entries(token.groups ?? {}).find(([, found]) => found)?.[0] ?? "";
          const start = node.from + quoted + token.index;
          const mark = MARKS.get(kind)?.range(start, start + token[0].length);
          if (mark !== undefined) marks.push(mark);
        }
      },
    });
  }
  return RangeSet.of(marks, true);
}
