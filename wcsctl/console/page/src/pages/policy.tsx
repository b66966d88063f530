import type { EditorView } from "@codemirror/view";
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { type Answer, get, type Problem, post } from "../api";
import { CopyCommand } from "../components/copy";
import { Field } from "../components/fields";
import { Empty, ErrorNote, Remarks } from "../components/notes";
import { Page } from "../components/page";
import { useAsking } from "../editor/asking";
import { Comparison } from "../editor/comparison";
import { dropDraft, keepDraft, readDraft } from "../editor/drafts";
import { Editor, replaceText } from "../editor/editor";
import { FindingList } from "../editor/finding-list";
import { goTo } from "../editor/findings";
import { useLeaveWarning } from "../editor/leaving";
import { EditResult } from "../editor/outcome";
import { TestPanel } from "../editor/tests";
import { type Examples, NO_VOCABULARY, type Vocabulary, withFields } from "../editor/vocabulary";
import { useLook } from "../look";
import type { Edited, Linted, OpenedPolicy, Recipe, Version } from "../policy-shapes";
import { filter, go, link } from "../route";
import { whyReadOnly } from "../session";
import { author } from "../text";
import type { CandidateText } from "../trial/input";
import { TrialPanel } from "../trial/panel";

const LINT_PAUSE = 150;
const NEW_POLICY = "id: \nmethod: \naction: \n";
/** The exit status of a command that failed because somebody else edited the app. */
const CONFLICT = 3;
const OTHERS_EDITED =
  "Somebody else edited other policies of this app meanwhile. Nothing was written, and your text is kept: publish again.";

/** The editor of a policy, with the compiler's findings and a hook to try. */
export function PolicyPage() {
  const app = filter("app");
  const id = filter("id");
  const recipe = filter("recipe");
  if (!app) {
    return (
      <Page title="Policy">
        <Empty title="No app selected.">
          <p>
            Open a policy from the <a href={link("policies")}>list</a>, or create one there.
          </p>
        </Empty>
      </Page>
    );
  }
  return <PolicyEditor key={JSON.stringify([app, id, recipe])} {...{ app, id, recipe }} />;
}

interface PolicyEditorProps {
  app: string;
  /** Empty for a new policy. */
  id: string;
  recipe: string;
}

interface Editing {
  readonly text: string;
  /** The text that it was made from. */
  readonly base: string;
  readonly seen: string;
}

function PolicyEditor({ app, id, recipe }: PolicyEditorProps) {
  const editing = useSignal<Editing | null>(null);
  const opened = useSignal<OpenedPolicy | null>(null);
  const problem = useSignal<Problem | null>(null);
  const notice = useSignal("");
  const isRestored = useSignal(false);
  const theirs = useSignal<OpenedPolicy | null>(null);
  const result = useSignal<Answer<Edited> | null>(null);
  const message = useSignal("");
  const busy = useSignal("");
  const view = useRef<EditorView | null>(null);
  const words = useLook<Vocabulary>("vocabulary").answer?.value;
  const examples = useLook<Examples>("examples").answer?.value;
  const vocabulary = useMemo(
    () => withFields(words ?? NO_VOCABULARY, examples ?? {}),
    [words, examples],
  );

  // No id begins with #.
  const draftId = id || `# ${recipe}`;
  const now = editing.value;
  const changed = now !== null && now.text !== now.base;
  const candidate = { app, id: id || null, text: now?.text ?? "", seen: now?.seen ?? "" };
  const linted = useAsking<Linted>("lint", now && { ...candidate }, LINT_PAUSE);
  const findings = linted.answer?.ok ? linted.answer.value.findings : [];
  const errors = findings.filter((one) => one.level === "error").length;

  const edit = (next: Editing) => {
    editing.value = next;
    if (next.text === next.base) dropDraft(app, draftId);
    else keepDraft(app, draftId, next);
  };
  const read = async (): Promise<OpenedPolicy | null> => {
    const answer = await get<OpenedPolicy>("policy", { app, id });
    problem.value = answer.ok ? null : answer.error;
    return answer.ok ? answer.value : null;
  };
  const open = async () => {
    const found = await read();
    if (found === null) return;
    opened.value = found;
    const base = id ? found.text : recipe ? await recipeText(recipe) : NEW_POLICY;
    const draft = readDraft(app, draftId);
    if (draft === null || draft.text === base) {
      editing.value = { text: base, base, seen: found.seen };
      return;
    }
    isRestored.value = true;
    const overtaken = !!id && draft.base !== found.text;
    editing.value = overtaken ? draft : { text: draft.text, base, seen: found.seen };
    if (overtaken) theirs.value = found;
  };
  useEffect(() => {
    open();
  }, []);
  useLeaveWarning(changed);

  /** Continues from the table's current state, unless it has another text of this policy. */
  const goOn = async (said: string) => {
    const found = await read();
    const typed = editing.value;
    if (found === null || typed === null) return;
    if (id && found.text !== typed.base) {
      theirs.value = found;
      return;
    }
    opened.value = found;
    edit({ ...typed, seen: found.seen });
    notice.value = said;
  };
  const isForgotten = linted.answer?.ok === false && linted.answer.error.exit === CONFLICT;
  useEffect(() => {
    if (isForgotten) goOn("");
  }, [isForgotten]);

  const publish = async () => {
    if (now === null || busy.value) return;
    busy.value = "Publishing, and waiting until it is active …";
    notice.value = "";
    isRestored.value = false;
    const sent = now.text;
    const answer = await post<Edited>("policy/publish", {
      app,
      id: id || null,
      text: sent,
      seen: now.seen,
      message: message.value,
    });
    busy.value = "";
    result.value = answer;
    if (!answer.ok) {
      if (answer.error.exit === CONFLICT) await goOn(OTHERS_EDITED);
      return;
    }
    const found = await read();
    if (found === null) return;
    message.value = "";
    opened.value = found;
    const typed = editing.value?.text ?? sent;
    const base = id ? found.text : sent;
    edit({ text: typed, base, seen: found.seen });
    if (typed === sent && base !== sent && view.current) replaceText(view.current, base);
  };
  const remove = async () => {
    busy.value = "Deleting, and waiting until the change is active …";
    const body = { app, ids: [id], message: message.value };
    const answer = await post<Edited>("policy/delete", body);
    busy.value = "";
    result.value = answer;
    if (!answer.ok) return;
    dropDraft(app, draftId);
    editing.value = null;
    notice.value = `Policy ${id} was deleted. To restore it, roll back under Versions.`;
  };

  const title = id || "New policy";
  const place = app === "*" ? "every app" : `app ${app}`;
  return (
    <Page
      title={title}
      actions={
        <>
          <span class="dim">{place}</span>
          <a class="button" href={link("policies", { app })}>
            Policies
          </a>
          <a class="button" href={link("versions", { app })}>
            Versions
          </a>
          {id && now && (
            <button
              type="button"
              class="danger"
              disabled={!!whyReadOnly.value || !!busy.value}
              onClick={remove}
            >
              Delete
            </button>
          )}
        </>
      }
    >
      <ErrorNote problem={problem.value} />
      {busy.value && (
        <p class="note" role="status">
          {busy.value}
        </p>
      )}
      <Published answer={result.value} id={id} />
      {notice.value && (
        <p class="note" role="status">
          {notice.value}
        </p>
      )}
      {isRestored.value && !theirs.value && (
        <p class="note" role="status">
          Your unpublished text was restored.{" "}
          <button
            type="button"
            class="small"
            onClick={() => {
              if (now && view.current) replaceText(view.current, now.base);
              isRestored.value = false;
            }}
          >
            Discard it
          </button>
        </p>
      )}
      {now && theirs.value && (
        <Conflict
          app={app}
          theirs={theirs.value}
          said={result.value?.ok === false ? result.value.error.message : ""}
          yours={now.text}
          onYours={(text) => edit({ ...now, text })}
          onKeep={(text) => {
            const found = theirs.value;
            theirs.value = null;
            result.value = null;
            if (found === null) return;
            opened.value = found;
            edit({ text, base: found.text, seen: found.seen });
          }}
        />
      )}
      {now && !theirs.value && (
        <div class="editing">
          <section class="stack" aria-label="Text">
            <Editor
              label={`Policy ${title} of ${place} (YAML)`}
              text={now.text}
              vocabulary={vocabulary}
              findings={findings}
              onText={(text) => edit({ ...(editing.value ?? now), text })}
              onSave={publish}
              onView={(made) => {
                view.current = made;
              }}
            />
            <form
              class="form"
              onSubmit={(event) => {
                event.preventDefault();
                publish();
              }}
            >
              <div class="grow">
                <Field
                  label="Message for the history"
                  value={message.value}
                  placeholder="Why"
                  onChange={(text) => {
                    message.value = text;
                  }}
                />
              </div>
              <button
                type="submit"
                class="primary"
                title="Ctrl-S"
                disabled={!!whyReadOnly.value || !!busy.value || errors > 0 || (!changed && !!id)}
              >
                Publish …
              </button>
            </form>
            {/^\s*#/m.test(now.text) && (
              <p class="dim">
                Comments are not stored: use the attribute <code>note</code> for what should be
                kept.
              </p>
            )}
            <FindingList
              linted={linted}
              onGo={(position) => {
                if (view.current) goTo(view.current, position);
              }}
            />
          </section>
          <Beside
            candidate={candidate}
            opened={opened.value}
            examples={examples}
            isBroken={errors > 0}
            isChecked={!linted.waiting}
          />
        </div>
      )}
    </Page>
  );
}

const TABS = [
  ["try", "Try"],
  ["tests", "Tests"],
] as const;

interface BesideProps {
  candidate: CandidateText;
  opened: OpenedPolicy | null;
  examples: Examples | undefined;
  isBroken: boolean;
  isChecked: boolean;
}

/** The reply to a hook that is tried, and the results of the folder's tests. */
function Beside({ candidate, opened, examples, isBroken, isChecked }: BesideProps) {
  const tab = useSignal<"try" | "tests">("try");
  return (
    <section class="stack" aria-label="Try and test">
      <div class="tabs" role="tablist">
        {TABS.map(([name, label]) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={tab.value === name}
            aria-controls={`panel-${name}`}
            tabIndex={tab.value === name ? 0 : -1}
            onClick={() => {
              tab.value = name;
            }}
            onKeyDown={(event) => {
              if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
              tab.value = name === "try" ? "tests" : "try";
              document.getElementById(`tab-${tab.value}`)?.focus();
            }}
          >
            {label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`panel-${tab.value}`} aria-labelledby={`tab-${tab.value}`}>
        {tab.value === "try" ? (
          <TrialPanel
            {...{ candidate, examples, isBroken, isChecked }}
            method={firstMethod(opened)}
          />
        ) : (
          <TestPanel candidate={candidate} files={opened?.tests ?? []} />
        )}
      </div>
    </section>
  );
}

interface ConflictProps {
  app: string;
  theirs: OpenedPolicy;
  /** The command's error. */
  said: string;
  yours: string;
  onYours: (text: string) => void;
  /** Continues with a text on top of theirs. */
  onKeep: (text: string) => void;
}

function Conflict({ app, theirs, said, yours, onYours, onKeep }: ConflictProps) {
  const look = useLook<readonly Version[]>("versions", { app, limit: 1 });
  const [last] = look.answer?.value ?? [];
  return (
    <section class="stack" aria-label="Conflict">
      <div class="note warn" role="alert">
        <strong>Somebody else published first. Nothing was written, and your text is kept.</strong>
        {said && <p>{said}</p>}
        {last?.by && (
          <p>
            Version {last.version} was published by {author(last.by)}
            {last.message && `: “${last.message}”`}.
          </p>
        )}
        <p>
          On the left is what the table has now, on the right your text, which you can edit. Choose
          which one to continue with, then publish again.
        </p>
      </div>
      <div class="actions">
        <button type="button" class="primary" onClick={() => onKeep(yours)}>
          Continue with my text
        </button>
        <button type="button" onClick={() => onKeep(theirs.text)}>
          Use theirs
        </button>
      </div>
      <Comparison theirs={theirs.text} yours={yours} onYours={onYours} />
    </section>
  );
}

interface PublishedProps {
  answer: Answer<Edited> | null;
  id: string;
}

function Published({ answer, id }: PublishedProps) {
  if (answer === null) return null;
  if (!answer.ok && answer.error.exit === CONFLICT) return <CopyCommand command={answer.command} />;
  const added = answer.ok && !id ? answer.value.changes : [];
  return (
    <div class="stack">
      {answer.ok ? <EditResult edited={answer.value} /> : <ErrorNote problem={answer.error} />}
      {added.length > 0 && (
        <p class="actions">
          {added.map((one) => (
            <button
              type="button"
              key={one.id}
              onClick={() => {
                go("policy", { app: one.app, id: one.id });
              }}
            >
              Open {one.id}
            </button>
          ))}
        </p>
      )}
      <Remarks remarks={answer.remarks} />
      <CopyCommand command={answer.command} />
    </div>
  );
}

/** The method to begin a trial with. */
function firstMethod(opened: OpenedPolicy | null): string {
  const methods = [opened?.policy?.method].flat();
  const named = methods.find((one) => typeof one === "string" && /^\w+$/.test(one));
  return typeof named === "string" ? named : "publishStream";
}

/** The policies of a recipe, without its tests. */
async function recipeText(name: string): Promise<string> {
  const answer = await get<readonly Recipe[]>("recipes");
  const found = answer.ok ? answer.value.find((one) => one.name === name) : undefined;
  const texts = Object.entries(found?.files ?? {})
    .filter(([file]) => !file.endsWith(".test.yaml"))
    .map(([, text]) => text);
  return texts.join("\n") || NEW_POLICY;
}
