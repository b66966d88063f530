/** Two texts side by side; the right one can be edited. */

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { reading, shadowOf } from "./editor";

interface ComparisonProps {
  readonly theirs: string;
  readonly yours: string;
  readonly onYours: (text: string) => void;
}

export function Comparison({ theirs, yours, onYours }: ComparisonProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const changed = useRef(onYours);
  changed.current = onYours;

  useEffect(() => {
    if (host.current === null) return undefined;
    const root = shadowOf(host.current);
    const view = new MergeView({
      root,
      parent: root,
      a: { doc: theirs, extensions: [reading("Text in the table"), EditorState.readOnly.of(true)] },
      b: {
        doc: yours,
        extensions: [
          reading("Your text"),
          history(),
          keymap.of([...historyKeymap, ...defaultKeymap]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current(update.state.doc.toString());
          }),
        ],
      },
      revertControls: "a-to-b",
      collapseUnchanged: { margin: 3 },
    });
    return () => view.destroy();
  }, [theirs]);

  return <div class="comparison" ref={host} />;
}
