import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useAsking } from "../editor/asking";
import { useLook } from "../look";
import type { Tried } from "../policy-shapes";
import { TrialForm } from "./form";
import { bodyText, type CandidateText, EMPTY_INPUT, requestOf, type TrialInput } from "./input";
import { TrialResult } from "./result";

/** The vendor's example of each method. */
export type Examples = Readonly<Record<string, unknown>>;

const PAUSE = 250;

interface TrialPanelProps {
  candidate: CandidateText;
  /** The method that the form begins with. */
  method: string;
}

/** A hook tried by the active policies and by the text in the editor, as it is typed. */
export function TrialPanel({ candidate, method }: TrialPanelProps) {
  const input = useSignal<TrialInput>({ ...EMPTY_INPUT, method });
  const examples = useLook<Examples>("examples").answer?.value;
  const change = (changed: Partial<TrialInput>) => {
    input.value = { ...input.value, ...changed };
  };
  const example = (name: string) => change({ body: bodyText(examples?.[name], candidate.app) });
  useEffect(() => {
    if (examples && !input.value.body) example(method);
  }, [examples]);
  const asked = useAsking<Tried>("try", requestOf(input.value, candidate), PAUSE);
  return (
    <div class="stack">
      <TrialForm input={input.value} onInput={change} onExample={example} />
      <TrialResult asked={asked} />
    </div>
  );
}
