/** The editor of policies, and of other texts. */

import "./editor.css";
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, indentOnInput } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { celHighlight } from "./cel";
import { completions } from "./completion";
import { type Finding, showFindings } from "./findings";
import { hoverHelp } from "./hover";
import { theme } from "./theme";
import { NO_VOCABULARY, type Vocabulary } from "./vocabulary";

interface EditorProps {
  readonly label: string;
  /** The initial text. Later changes of this property are ignored. */
  readonly text: string;
  readonly readOnly?: boolean;
  /** Completion and help; none without it. */
  readonly vocabulary?: Vocabulary;
  readonly findings?: readonly Finding[];
  readonly onText?: (text: string) => void;
  /** Ctrl-S or Cmd-S. */
  readonly onSave?: () => void;
  readonly onView?: (view: EditorView) => void;
}

/**
 * An editor for YAML. Tab indents; Escape, then Tab leaves the editor.
 *
 * It lives in a shadow root, since only there CodeMirror uses constructed style sheets, which the
 * page's Content-Security-Policy allows.
 */
export function Editor(props: EditorProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const now = useRef(props);
  now.current = props;

  useEffect(() => {
    if (host.current === null) return undefined;
    const root = shadowOf(host.current);
    const made = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: now.current.text,
        extensions: extensions(() => now.current),
      }),
    });
    view.current = made;
    now.current.onView?.(made);
    return () => {
      view.current = null;
      made.destroy();
    };
  }, []);

  useEffect(() => {
    if (view.current !== null && props.findings !== undefined) {
      showFindings(view.current, props.findings);
    }
  }, [props.findings]);

  return <div class="editor" ref={host} />;
}

/** Replace a whole text, as if it had been typed: it can be undone. */
export function replaceText(view: EditorView, text: string): void {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
}

/** The host's shadow root, created if the host has none. */
export function shadowOf(host: HTMLElement): ShadowRoot {
  return host.shadowRoot ?? host.attachShadow({ mode: "open" });
}

/** Extensions of every text: line numbers, YAML colours, search. */
export function reading(label: string): Extension {
  return [
    lineNumbers(),
    drawSelection(),
    yaml(),
    celHighlight,
    search({ top: true }),
    theme,
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": label }),
  ];
}

function extensions(props: () => EditorProps): Extension {
  const { label, readOnly } = props();
  if (readOnly) {
    return [reading(label), EditorState.readOnly.of(true), keymap.of(searchKeymap)];
  }
  const vocabulary = (): Vocabulary => props().vocabulary ?? NO_VOCABULARY;
  return [
    reading(label),
    history(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ override: [completions(vocabulary)], icons: false }),
    hoverHelp(vocabulary),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) props().onText?.(update.state.doc.toString());
    }),
    keymap.of([
      {
        key: "Mod-s",
        preventDefault: true,
        run: () => {
          props().onSave?.();
          return true;
        },
      },
      ...completionKeymap,
      ...closeBracketsKeymap,
      ...lintKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...defaultKeymap,
      indentWithTab,
    ]),
  ];
}
