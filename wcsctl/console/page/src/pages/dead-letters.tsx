import { useSignal } from "@preact/signals";
import { get } from "../api";
import { Badge, type Tone } from "../components/badge";
import { FilterField, Filters } from "../components/fields";
import { Json, type Path } from "../components/json";
import { Empty, ErrorNote } from "../components/notes";
import { Page } from "../components/page";
import { Section } from "../components/section";
import { type Column, Table } from "../components/table";
import { Time } from "../components/time";
import { WriteButton, Written } from "../components/written";
import { type Look, useLook } from "../look";
import { filter, link, setFilters } from "../route";
import { methodNames } from "../session";
import type { DeadLetter, DeadLetterDetails, Redriven } from "../shapes";
import { useWrite, type Write } from "../write";

export function DeadLettersPage() {
  const method = filter("method");
  const since = filter("since");
  const id = filter("id");
  const look = useLook<readonly DeadLetter[]>("dead-letters", { limit: 1000, method });
  const write = useWrite();
  const letters = look.answer?.value ?? [];
  const redrive = async (dryRun: boolean) => {
    const answer = await write.run("dead-letters/redrive", { since, method, "dry-run": dryRun });
    if (answer.ok && !dryRun) look.refresh();
  };
  const purge = async () => {
    const answer = await write.run("dead-letters/purge", { all: true });
    if (answer.ok) look.refresh();
  };
  return (
    <Page
      title="Dead letters"
      look={look}
      filters={
        <Filters>
          <FilterField name="method" label="Method" suggestions={methodNames.value} />
          <FilterField name="since" label="Redrive only since" placeholder="1h, 2d or ISO 8601" />
        </Filters>
      }
      actions={
        letters.length > 0 && (
          <>
            <button type="button" onClick={() => redrive(true)}>
              Dry run
            </button>
            <WriteButton onClick={() => redrive(false)} busy={write.busy}>
              Redrive {method || since ? "matching" : "all"}
            </WriteButton>
            <WriteButton onClick={purge} busy={write.busy} danger>
              Purge all
            </WriteButton>
          </>
        )
      }
    >
      <Results write={write} />
      {letters.length > 0 && (
        <Table
          label="Dead letters, oldest first"
          columns={COLUMNS}
          rows={letters}
          rowKey={({ messageId, id: own }) => messageId || own}
          open={({ id: own }) => link("dead-letters", { method, since, id: own })}
          selected={({ id: own }) => own === id}
        />
      )}
      {look.answer && !letters.length && look.remarks.length > 0 && (
        <Empty title="No dead letters are visible right now.">
          <p>Another reader of the queue hides its messages for some seconds: refresh the page.</p>
        </Empty>
      )}
      {look.answer && !letters.length && !look.remarks.length && (
        <Empty title={method ? `No dead letters for ${method}.` : "No dead letters."}>
          <p>
            Hooks that a function could not process are stored here, with the error, until they are
            redriven or purged.
          </p>
        </Empty>
      )}
      {id && <Letter key={id} id={id} list={look} />}
    </Page>
  );
}

const COLUMNS: readonly Column<DeadLetter>[] = [
  { name: "Id", cell: ({ id }) => <code>{id.slice(0, 8)}</code> },
  {
    name: "Hook",
    cell: ({ method, kind }) => method || kind,
    sort: ({ method, kind }) => method || kind,
  },
  {
    name: "Error",
    cell: ({ error, hopeless }) => (
      <>
        {error}
        {hopeless && <span class="dim"> (cannot be redriven: {hopeless})</span>}
      </>
    ),
    wide: true,
  },
  {
    name: "Attempts",
    cell: ({ attempts }) => attempts,
    sort: ({ attempts }) => attempts,
    figures: true,
  },
  {
    name: "First seen",
    cell: ({ firstSeen }) => <Time at={firstSeen} ago />,
    sort: ({ firstSeen }) => firstSeen,
  },
  { name: "Stored in", cell: ({ place }) => place, minor: true },
];

const RESULTS: Readonly<Record<string, { tone: Tone; mark: string }>> = {
  done: { tone: "good", mark: "✓" },
  failed: { tone: "bad", mark: "!" },
  hopeless: { tone: "warn", mark: "×" },
};

const RESULT_COLUMNS: readonly Column<Redriven>[] = [
  { name: "Id", cell: ({ id }) => <code>{id.slice(0, 8)}</code> },
  { name: "Hook", cell: ({ method, kind }) => method || kind },
  {
    name: "Result",
    cell: ({ result }) => (
      <Badge {...(RESULTS[result] ?? { tone: "plain" })}>
        {result === "hopeless" ? "unrecoverable" : result}
      </Badge>
    ),
  },
  { name: "Details", cell: ({ told }) => told, wide: true },
];

/** The results of a redrive or a purge. */
function Results({ write }: { write: Write }) {
  const { answer } = write;
  if (!answer?.ok || !Array.isArray(answer.value)) {
    return <Written write={write}>Purged.</Written>;
  }
  const results: readonly Redriven[] = answer.value;
  return (
    <>
      {results.length > 0 && (
        <Table
          label="Results of the redrive"
          columns={RESULT_COLUMNS}
          rows={results}
          rowKey={({ messageId, id }) => messageId || id}
        />
      )}
      <Written write={write}>{redriveText(results, answer.command)}</Written>
    </>
  );
}

function redriveText(results: readonly Redriven[], command: string): string {
  if (!results.length) return "No dead letters match.";
  if (command.includes(" --dry-run")) return "Dry run: nothing was redriven.";
  const done = results.filter(({ result }) => result === "done").length;
  return `Redriven: ${done} of ${results.length}.`;
}

function Letter({ id, list }: { id: string; list: Look<unknown> }) {
  const body = filter("body") === "true";
  // Receiving messages hides them from other readers: read one after the other.
  const look = useLook<DeadLetterDetails>(list.loading ? null : "dead-letter", { id, body });
  const write = useWrite();
  const found = look.answer?.value;
  const run = async (route: string) => {
    const answer = await write.run(route, { ids: [id] });
    if (answer.ok) list.refresh();
  };
  return (
    <Section title={`Dead letter ${id.slice(0, 8)}`} look={look}>
      <Results write={write} />
      {found && (
        <>
          <div class="actions">
            <WriteButton onClick={() => run("dead-letters/redrive")} busy={write.busy}>
              Redrive
            </WriteButton>
            <WriteButton onClick={() => run("dead-letters/purge")} busy={write.busy} danger>
              Purge
            </WriteButton>
            {found.method && (
              <a class="button" href={link("try", { method: found.method, letter: found.id })}>
                Try
              </a>
            )}
            <button
              type="button"
              aria-pressed={body}
              onClick={() => setFilters({ body: body ? "" : "true" })}
            >
              {body ? "Hide the body" : "Show the body"}
            </button>
            <a class="button" href={link("dead-letters", { method: filter("method") })}>
              Close
            </a>
          </div>
          <div class="columns">
            <section class="stack">
              <h3>Error</h3>
              <p>{found.error}</p>
              <Json value={found.message} />
            </section>
            {body && found.body !== undefined && <Body id={id} body={found.body} />}
          </div>
        </>
      )}
    </Section>
  );
}

/** The body of a hook: its secrets masked, each revealed on demand. */
function Body({ id, body }: { id: string; body: unknown }) {
  const whole = useSignal("");
  const problem = useSignal<{ message: string; exit: number } | null>(null);
  const revealed = async (): Promise<string> => {
    const query = { id, body: true, reveal: true };
    const answer = await get<DeadLetterDetails>("dead-letter", query);
    problem.value = answer.ok ? null : answer.error;
    return answer.ok ? String(answer.value.body) : "";
  };
  const reveal = async (path: Path) => {
    const text = await revealed();
    return text ? valueAt(JSON.parse(text), path) : undefined;
  };
  return (
    <section class="stack">
      <h3>Body</h3>
      <ErrorNote problem={problem.value} />
      {typeof body === "string" ? (
        <>
          <p>{whole.value ? "As received:" : body}</p>
          {whole.value && <pre class="text">{whole}</pre>}
          <div>
            <button
              type="button"
              onClick={async () => {
                whole.value = whole.value ? "" : await revealed();
              }}
            >
              {whole.value ? "Hide" : "Reveal"}
            </button>
          </div>
        </>
      ) : (
        <Json value={body} reveal={reveal} />
      )}
    </section>
  );
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, name) =>
      typeof inner === "object" && inner !== null
        ? (inner as Record<string | number, unknown>)[name]
        : undefined,
    value,
  );
}
