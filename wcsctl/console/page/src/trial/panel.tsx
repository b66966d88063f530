import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useAsking } from "../editor/asking";
import type { Examples } from "../editor/vocabulary";
import type { Tried } from "../policy-shapes";
import { TrialForm } from "./form";
import { bodyText, type CandidateText, EMPTY_INPUT, requestOf, type TrialInput } from "./input";
import { TrialResult } from "./result";

const PAUSE = 150;

interface TrialPanelProps {
  candidate: CandidateText;
  /** The method that the form begins with. */
  method: string;
  examples: Examples | undefined;
  /** Whether the text has errors, and so cannot be tried. */
  isBroken: boolean;
  /** Whether the current text has been checked. */
  isChecked: boolean;
}

/** Tries a hook with the active policies and with the text in the editor. */
export function TrialPanel({ candidate, method, examples, isBroken, isChecked }: TrialPanelProps) {
  const input = useSignal<TrialInput>({ ...EMPTY_INPUT, method });
  const change = (changed: Partial<TrialInput>) => {
    input.value = { ...input.value, ...changed };
  };
  const example = (name: string) => change({ body: bodyText(examples?.[name], candidate.app) });
  useEffect(() => {
    if (examples && !input.value.body) example(method);
  }, [examples]);
  const isReady = isChecked && !isBroken;
  const request = isReady ? requestOf(input.value, candidate) : null;
  const asked = useAsking<Tried>("try", request, PAUSE);
  return (
    <div class="stack">
      <TrialForm input={input.value} onInput={change} onExample={example} />
      {isBroken ? (
        <p class="note">The text has errors: correct them to try it.</p>
      ) : (
        <TrialResult asked={asked} />
      )}
    </div>
  );
}
