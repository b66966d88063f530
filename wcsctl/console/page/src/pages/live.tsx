import { useSignal } from "@preact/signals";
import { useEffect, useId, useMemo } from "preact/hooks";
import type { Query } from "../api";
import { AnswerBadge } from "../components/badge";
import { CopyButton, CopyCommand } from "../components/copy";
import { subjectText, whyText } from "../components/decision-text";
import {
  FilterCheckbox,
  FilterField,
  Filters,
  SinceFilter,
  sinceFilter,
} from "../components/fields";
import { Empty, ErrorNote, Remarks } from "../components/notes";
import { Page } from "../components/page";
import { type Column, Table } from "../components/table";
import { Time } from "../components/time";
import { KEPT, keyOf, Tail } from "../live";
import { filter, link, route, setFilters } from "../route";
import { methodNames } from "../session";
import type { Decision } from "../shapes";
import { counted, number, sibling } from "../text";

const PAST = 1000;
const TEXTS = ["method", "app", "policy", "user", "session"] as const;
const KINDS = ["denied", "failed", "suppressed"] as const;

export function LivePage() {
  const query = Object.fromEntries([
    ...TEXTS.map((name) => [name, filter(name)]),
    ...KINDS.map((name) => [name, filter(name) === "true"]),
    ["where", route.value.query.getAll("where")],
  ]) as Query;
  const since = sinceFilter();
  const address = JSON.stringify([query, since]);
  const tail = useMemo(() => new Tail(query, { since, limit: PAST }), [address]);
  useEffect(() => () => tail.close(), [tail]);

  const { lines, count, waiting, paused, loading } = tail;
  const filtered = Object.values(query).some((value) => (Array.isArray(value) ? value[0] : value));
  return (
    <Page
      title="Live"
      filters={<LiveFilters filtered={filtered} />}
      actions={
        <>
          <span class="dim" role="status">
            {paused.value
              ? `Paused, ${number(waiting.value)} new`
              : counted(count.value, "decision")}
          </span>
          <button
            type="button"
            aria-pressed={paused.value}
            onClick={() => tail.pause(!paused.value)}
          >
            {paused.value ? "Resume" : "Pause"}
          </button>
        </>
      }
    >
      <ErrorNote problem={tail.problem.value} />
      {lines.value.length > 0 && (
        <Table
          label="Decisions, newest first"
          columns={columns(tail.command.value, lines.value)}
          rows={lines.value}
          rowKey={keyOf}
          open={({ decision, at }) =>
            link(`decision/${encodeURIComponent(decision)}`, { since: at })
          }
        />
      )}
      {!lines.value.length && !loading.value && <NoDecision filtered={filtered} />}
      {count.value > KEPT && (
        <p class="dim">
          The page keeps the newest {number(KEPT)} of {number(count.value)} decisions. Use filters
          to find older ones.
        </p>
      )}
      <Remarks remarks={lines.value.length ? tail.remarks.value : []} />
      <CopyCommand command={tail.command.value} />
    </Page>
  );
}

function NoDecision({ filtered }: { filtered: boolean }) {
  return (
    <Empty
      title={filtered ? "No decisions match these filters yet." : "No decisions are logged yet."}
    >
      <p>
        {filtered && "Remove a filter or choose a longer period. "}
        New decisions appear here automatically. Only a sample of plain echoes is logged (setting{" "}
        <code>echoLogSampleRate</code>); the <a href={link("")}>overview</a> counts all of them.
      </p>
    </Empty>
  );
}

function columns(command: string, lines: readonly Decision[]): readonly Column<Decision>[] {
  const named = lines.some(({ subject }) => subject);
  return [
    { name: "Time", cell: ({ at }) => <Time at={at} exact /> },
    {
      name: "Answer",
      cell: ({ answer, status }) => (
        <>
          <AnswerBadge answer={answer} /> <span class="dim">{status}</span>
        </>
      ),
    },
    { name: "Method", cell: ({ method }) => method },
    { name: "App", cell: ({ app }) => app, minor: true },
    { name: "Why", cell: whyText, wide: true },
    ...(named
      ? [{ name: "User", cell: ({ subject }: Decision) => subjectText(subject), minor: true }]
      : []),
    { name: "Session", cell: ({ session }) => <code>{session?.slice(0, 8)}</code>, minor: true },
    {
      name: "",
      cell: ({ decision }) => (
        <CopyButton text={sibling(command, "decisions", `explain ${decision}`)} />
      ),
      minor: true,
    },
  ];
}

function LiveFilters({ filtered }: { filtered: boolean }) {
  return (
    <Filters>
      <FilterField name="method" label="Method" suggestions={methodNames.value} />
      <FilterField name="app" label="App" />
      <FilterField name="policy" label="Policy" placeholder="id or app/id" />
      <FilterField name="user" label="User" />
      <FilterField name="session" label="Session" placeholder="id or hash" />
      <WhereFilter />
      <SinceFilter />
      {KINDS.map((name) => (
        <FilterCheckbox key={name} name={name} label={name} />
      ))}
      {filtered && (
        <a class="button" href={link("live")}>
          Clear filters
        </a>
      )}
    </Filters>
  );
}

/** Fields of the hook that must have these values, all of them. */
function WhereFilter() {
  const wanted = route.value.query.getAll("where");
  const typed = useSignal("");
  const id = useId();
  return (
    <>
      <form
        class="field"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.value.includes("=")) setFilters({ where: [...wanted, typed.value.trim()] });
          typed.value = "";
        }}
      >
        <label for={id}>Where</label>
        <input
          id={id}
          value={typed}
          placeholder="name=value"
          pattern=".+=.*"
          title="A field of the hook and its value, such as name=lesson"
          autocomplete="off"
          onInput={(event) => {
            typed.value = event.currentTarget.value;
          }}
        />
      </form>
      {wanted.map((one) => (
        <button
          key={one}
          type="button"
          class="chip"
          aria-label={`Remove the filter ${one}`}
          onClick={() => setFilters({ where: wanted.filter((other) => other !== one) })}
        >
          {one} <span aria-hidden="true">×</span>
        </button>
      ))}
    </>
  );
}
