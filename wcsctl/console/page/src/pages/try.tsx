import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, type Problem } from "../api";
import { Checkbox, Field } from "../components/fields";
import { ErrorNote } from "../components/notes";
import { Page } from "../components/page";
import { useAsking } from "../editor/asking";
import { Editor } from "../editor/editor";
import type { Examples } from "../editor/vocabulary";
import { useLook } from "../look";
import type { OpenedPolicy, Tried } from "../policy-shapes";
import { filter, setFilters } from "../route";
import type { DeadLetterDetails, Decision } from "../shapes";
import { TrialForm } from "../trial/form";
import {
  bodyText,
  type CandidateText,
  EMPTY_INPUT,
  requestOf,
  type TrialInput,
} from "../trial/input";
import { TrialResult } from "../trial/result";

const PAUSE = 250;

/** Shows the reply that a hook would get now, and why. */
export function TryPage() {
  const app = filter("app");
  const input = useSignal<TrialInput>({
    ...EMPTY_INPUT,
    method: filter("method") || EMPTY_INPUT.method,
    session: filter("session") || EMPTY_INPUT.session,
  });
  const problem = useSignal<Problem | null>(null);
  const source = useSignal("");
  const candidate = useSignal<CandidateText | null>(null);
  const examples = useLook<Examples>("examples").answer?.value;

  const change = (changed: Partial<TrialInput>) => {
    input.value = { ...input.value, ...changed };
    const { method, session } = input.value;
    setFilters({ method, session: session === EMPTY_INPUT.session ? "" : session });
  };
  const example = (method: string) => {
    source.value = "";
    setFilters({ decision: "", letter: "" });
    change({ method, body: bodyText(examples?.[method], filter("app")) });
  };
  const load = async (read: Promise<Loaded>) => {
    const loaded = await read;
    problem.value = loaded.problem;
    if (loaded.input === null) return;
    source.value = loaded.source;
    change(loaded.input);
  };

  const compareWith = async (other: string | null) => {
    if (other === null) {
      candidate.value = null;
      return;
    }
    const answer = await get<OpenedPolicy>("policy", { app: other });
    problem.value = answer.ok ? null : answer.error;
    if (!answer.ok) return;
    const text = candidate.value?.text ?? "";
    candidate.value = { app: other, id: null, text, seen: answer.value.seen };
  };

  const decision = filter("decision");
  const letter = filter("letter");
  useEffect(() => {
    if (decision) load(ofDecision(decision));
    else if (letter) load(ofDeadLetter(letter, input.value.reveal));
  }, [decision, letter, input.value.reveal]);
  useEffect(() => {
    if (examples && !decision && !letter && !input.value.body) example(input.value.method);
  }, [examples]);

  const asked = useAsking<Tried>(
    "try",
    requestOf(input.value, candidate.value?.text.trim() ? candidate.value : null),
    PAUSE,
  );
  return (
    <Page title="Try">
      <p class="dim">
        Nothing is sent or written: the hook is decided on this machine, by the same code as in the
        deployment.
      </p>
      <div class="editing">
        <div class="stack">
          <div class="form">
            <Field
              label="App (appKey)"
              value={app}
              live={false}
              onChange={(value) => {
                setFilters({ app: value.trim() });
                change({ body: withApp(input.value.body, value.trim()) });
              }}
            />
            <Field
              label="Load a decision (id)"
              value={decision}
              live={false}
              onChange={(value) => setFilters({ decision: value.trim(), letter: "" })}
            />
            <Field
              label="Load a dead letter (id)"
              value={letter}
              live={false}
              onChange={(value) => setFilters({ letter: value.trim(), decision: "" })}
            />
          </div>
          <ErrorNote problem={problem.value} />
          {source.value && <p class="note">{source.value}</p>}
          <TrialForm input={input.value} onInput={change} onExample={example} />
          <Checkbox
            label="Show secrets"
            checked={input.value.reveal}
            onChange={(reveal) => change({ reveal })}
          />
          <Checkbox
            label="Compare with other policies"
            checked={candidate.value !== null}
            onChange={(compare) => compareWith(compare ? app || "*" : null)}
          />
          {candidate.value && (
            <CandidateEditor
              candidate={candidate.value}
              onApp={compareWith}
              onText={(text) => {
                if (candidate.value) candidate.value = { ...candidate.value, text };
              }}
            />
          )}
        </div>
        <TrialResult asked={asked} />
      </div>
    </Page>
  );
}

interface CandidateEditorProps {
  candidate: CandidateText;
  onApp: (app: string) => void;
  onText: (text: string) => void;
}

/** Policies to add to those of an app. */
function CandidateEditor({ candidate, onApp, onText }: CandidateEditorProps) {
  return (
    <section class="stack" aria-label="Other policies">
      <Field
        label="App of these policies (* for every app)"
        value={candidate.app}
        live={false}
        onChange={(app) => onApp(app.trim() || "*")}
      />
      <Editor label="Policies to compare with (YAML)" text={candidate.text} onText={onText} />
    </section>
  );
}

interface Loaded {
  readonly input: Partial<TrialInput> | null;
  readonly problem: Problem | null;
  /** Where the hook was loaded from. */
  readonly source: string;
}

/** A decision's line has no body, only the app and the logged fields. */
async function ofDecision(id: string): Promise<Loaded> {
  const answer = await get<readonly Decision[]>("decisions", { id, since: "7d" });
  if (!answer.ok) return { input: null, problem: answer.error, source: "" };
  const [line] = answer.value;
  if (line === undefined) {
    const message = `The decision log has no line for ${id} in the last 7 days.`;
    return { input: null, problem: { message, exit: 5 }, source: "" };
  }
  const { method = "", app = "", fields = {}, at } = line;
  return {
    input: { method, body: bodyText(fields, app), at },
    problem: null,
    source:
      "Loaded from the decision log. The log has no bodies, so only the app and the logged fields " +
      "are filled in: add the fields that your policies use.",
  };
}

async function ofDeadLetter(id: string, reveal: boolean): Promise<Loaded> {
  const answer = await get<DeadLetterDetails>("dead-letter", { id, body: true, reveal });
  if (!answer.ok) return { input: null, problem: answer.error, source: "" };
  const { method, body, firstSeen } = answer.value;
  const text = typeof body === "string" ? body : bodyText(body, "");
  return {
    input: { method, body: text, at: firstSeen, session: "recorded" },
    problem: null,
    source: reveal
      ? "Loaded from a dead letter, and decided as of when it was received."
      : "Loaded from a dead letter, and decided as of when it was received. Secrets are masked, so " +
        "policies see the mask: choose “Show secrets” to load the real values.",
  };
}

/** The body with another appKey; unchanged if it is not JSON. */
function withApp(body: string, app: string): string {
  try {
    return bodyText(JSON.parse(body), app);
  } catch {
    return body;
  }
}
