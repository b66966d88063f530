import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { get } from "../api";
import { Field, FilterField, Filters } from "../components/fields";
import { Json, type Path } from "../components/json";
import { Empty, ErrorNote } from "../components/notes";
import { Page } from "../components/page";
import { Section } from "../components/section";
import { type Column, Table } from "../components/table";
import { Time } from "../components/time";
import { WriteButton, Written } from "../components/written";
import { useLook } from "../look";
import { filter, link } from "../route";
import type { Ban, Row } from "../shapes";
import { duration, plain } from "../text";
import { useWrite } from "../write";

const BANS = "bans";

export function ListsPage() {
  const names = useLook<readonly string[]>("lists");
  const known = names.answer?.value ?? [];
  const name = filter("list") || known[0] || BANS;
  return (
    <Page
      title="Lists"
      filters={
        <Filters>
          <FilterField name="list" label="List" suggestions={known} placeholder={name} />
          <ul class="chips" aria-label="Known lists">
            {known.map((one) => (
              <li key={one}>
                <a
                  class="button"
                  href={link("lists", { list: one })}
                  aria-current={one === name ? "true" : undefined}
                >
                  {one}
                </a>
              </li>
            ))}
          </ul>
        </Filters>
      }
    >
      <ErrorNote problem={names.problem} />
      {name === BANS ? <Bans /> : <Rows key={name} list={name} />}
    </Page>
  );
}

// --- bans ---------------------------------------------------------------------------------------

function Bans() {
  const look = useLook<readonly Ban[]>("bans");
  const lift = useWrite();
  const bans = look.answer?.value ?? [];
  const lifted = async (user: string) => {
    const answer = await lift.run("bans/lift", { user });
    if (answer.ok) look.refresh();
  };
  return (
    <>
      <Section title="Banned users" look={look} refreshes>
        <Written write={lift}>Ban lifted. What the ban ended is not restored.</Written>
        {bans.length > 0 && (
          <Table
            label="Bans"
            columns={banColumns(lifted, lift.busy)}
            rows={bans}
            rowKey={({ user }) => user}
          />
        )}
        {look.answer && !bans.length && (
          <Empty title="Nobody is banned.">
            <p>
              Ban a user below. A ban takes effect only where a policy looks up the list{" "}
              <code>bans</code>: “New policy” under <a href={link("policies")}>Policies</a> has a
              recipe.
            </p>
          </Empty>
        )}
      </Section>
      <BanForm refresh={look.refresh} />
    </>
  );
}

function banColumns(lift: (user: string) => void, busy: boolean): readonly Column<Ban>[] {
  return [
    { name: "User", cell: ({ user }) => <code>{user}</code>, sort: ({ user }) => user },
    { name: "Until", cell: until, sort: ({ expiresAt }) => expiresAt ?? Number.MAX_VALUE },
    { name: "Reason", cell: ({ reason }) => reason, wide: true },
    {
      name: "Banned at",
      cell: ({ bannedAt, by }) => (
        <>
          <Time at={bannedAt} /> {by && `by ${by}`}
        </>
      ),
      sort: ({ bannedAt }) => bannedAt,
    },
    {
      name: "",
      cell: ({ user }) => (
        <WriteButton small busy={busy} onClick={() => lift(user)}>
          Lift<span class="hidden"> the ban on {user}</span>
        </WriteButton>
      ),
    },
  ];
}

function until({ expiresAt, damaged }: Ban) {
  if (damaged) return `damaged: ${damaged}`;
  if (expiresAt === null) return "for good";
  const left = duration(expiresAt - Date.now() / 1000);
  return (
    <>
      <Time at={expiresAt * 1000} /> <span class="dim">· {left} left</span>
    </>
  );
}

/** What a ban does in an app, as the server reports it. */
interface Reach {
  readonly app: string;
  readonly refused: readonly string[];
  readonly endsStreams: boolean;
  /** Policies that look up bans by another key than the user. */
  readonly otherKey: readonly string[];
  readonly inShadow: readonly string[];
  /** Policies that are outside their hours, or before their `notBefore`. */
  readonly closed: readonly string[];
}

function BanForm({ refresh }: { refresh: () => void }) {
  const user = useSignal("");
  const lifetime = useSignal("");
  const reason = useSignal("");
  const write = useWrite();
  const submit = async () => {
    const answer = await write.run("bans/add", {
      user: user.value,
      for: lifetime.value,
      reason: reason.value,
    });
    if (!answer.ok) return;
    user.value = "";
    lifetime.value = "";
    reason.value = "";
    refresh();
  };
  return (
    <Section title="Ban a user">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Field
          label="User"
          value={user.value}
          onChange={(value) => {
            user.value = value;
          }}
          placeholder="claim sub of the token"
          required
        />
        <Field
          label="Duration"
          value={lifetime.value}
          onChange={(value) => {
            lifetime.value = value;
          }}
          placeholder="1h or 7d; empty: for good"
        />
        <div class="grow">
          <Field
            label="Reason"
            value={reason.value}
            onChange={(value) => {
              reason.value = value;
            }}
            placeholder="shown in this list, not to clients"
          />
        </div>
        <WriteButton primary busy={write.busy}>
          Ban
        </WriteButton>
      </form>
      <Written write={write}>{banned(write.answer?.ok ? write.answer.value : null)}</Written>
    </Section>
  );
}

function banned(value: unknown) {
  const { user, reach } = (value ?? {}) as { user?: string; reach?: readonly Reach[] | null };
  return (
    <>
      <p>Banned {user}.</p>
      {reach?.length === 0 && (
        <p>
          No active policy looks up bans, so nothing is refused yet: “New policy” under{" "}
          <a href={link("policies")}>Policies</a> has a recipe.
        </p>
      )}
      {reach?.map((one) => (
        <p key={one.app}>
          {one.app === "*" ? "Every app" : one.app}: {reachText(one)}.
        </p>
      ))}
    </>
  );
}

function reachText({ refused, endsStreams, otherKey, inShadow, closed }: Reach): string {
  const parts = [
    refused.length ? `refuses ${refused.join(", ")}` : "refuses nothing at the moment",
    endsStreams && "ends running streams at their next keep-alive",
    otherKey.length &&
      `${otherKey.join(", ")}: the key is not claims.sub, so this may not apply to the user`,
    inShadow.length && `${inShadow.join(", ")}: in shadow mode`,
    closed.length && `${closed.join(", ")}: outside its hours`,
  ];
  return parts.filter(Boolean).join("; ");
}

// --- rows ---------------------------------------------------------------------------------------

const LIMIT = 1000;

function Rows({ list }: { list: string }) {
  const key = filter("key");
  const look = useLook<readonly Row[]>("rows", { list, limit: LIMIT });
  const rows = look.answer?.value ?? [];
  return (
    <>
      <Section title={list} look={look} refreshes>
        {rows.length > 0 && (
          <Table
            label={`Rows of ${list}`}
            columns={rowColumns(rows)}
            rows={rows}
            rowKey={(row) => row.key}
            open={(row) => link("lists", { list, key: row.key })}
            selected={(row) => row.key === key}
          />
        )}
        {look.answer && !rows.length && (
          <Empty title={`The list ${list} has no rows.`}>
            <p>
              Add one below, or import many with <code>wcsctl list import {list} FILE</code>.
            </p>
          </Empty>
        )}
      </Section>
      {key && <OneRow key={key} list={list} name={key} refresh={look.refresh} />}
      <RowForm list={list} refresh={look.refresh} />
    </>
  );
}

function rowColumns(rows: readonly Row[]): readonly Column<Row>[] {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  names.delete("key");
  return [
    { name: "key", cell: (row) => <code>{row.key}</code>, sort: (row) => row.key },
    ...[...names].map((name) => ({
      name,
      cell: (row: Row) => cell(name, row[name]),
      sort: (row: Row) => sortKey(row[name]),
    })),
  ];
}

function cell(name: string, value: unknown) {
  if (name === "expiresAt" && typeof value === "number") {
    const over = value * 1000 <= Date.now();
    return (
      <>
        <Time at={value * 1000} /> {over && <span class="dim">(expired)</span>}
      </>
    );
  }
  return value === undefined || value === null ? "" : plain(value);
}

function sortKey(value: unknown): string | number {
  return typeof value === "number" ? value : plain(value ?? "");
}

interface OneRowProps {
  list: string;
  name: string;
  refresh: () => void;
}

function OneRow({ list, name, refresh }: OneRowProps) {
  const look = useLook<Row>("row", { list, key: name });
  const problem = useSignal<{ message: string; exit: number } | null>(null);
  const write = useWrite();
  const reveal = async (path: Path) => {
    const answer = await get<Row>("row", { list, key: name, reveal: true });
    problem.value = answer.ok ? null : answer.error;
    return answer.ok
      ? path.reduce<unknown>(
          (inner, part) => (inner as Record<string | number, unknown> | undefined)?.[part],
          answer.value,
        )
      : undefined;
  };
  const remove = async () => {
    const answer = await write.run("rows/delete", { list, key: name });
    if (answer.ok) refresh();
  };
  const deleted = write.answer?.ok === true;
  return (
    <Section title={`Row ${name}`} look={look}>
      <ErrorNote problem={problem.value} />
      <Written write={write}>Deleted {name}.</Written>
      {look.answer && !deleted && (
        <>
          <Json value={look.answer.value} reveal={reveal} />
          <div class="actions">
            <WriteButton danger busy={write.busy} onClick={remove}>
              Delete
            </WriteButton>
            <a class="button" href={link("lists", { list })}>
              Close
            </a>
          </div>
        </>
      )}
    </Section>
  );
}

function RowForm({ list, refresh }: { list: string; refresh: () => void }) {
  const key = useSignal("");
  const fields = useSignal("");
  const lifetime = useSignal("");
  const problem = useSignal("");
  const write = useWrite();
  const id = useId();
  const submit = async () => {
    const read = fieldsOf(fields.value);
    problem.value = typeof read === "string" ? read : "";
    if (typeof read === "string") return;
    const answer = await write.run("rows/put", {
      list,
      key: key.value,
      fields: read,
      for: lifetime.value,
    });
    if (!answer.ok) return;
    key.value = "";
    fields.value = "";
    refresh();
  };
  return (
    <Section title="Add or replace a row">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Field
          label="Key"
          value={key.value}
          onChange={(value) => {
            key.value = value;
          }}
          required
        />
        <div class="field grow">
          <label for={id}>Attributes, one per line: name=text or name:=JSON</label>
          <textarea
            id={id}
            rows={3}
            value={fields}
            spellcheck={false}
            placeholder={'plan=pro\nrooms:=["math-*", "hall"]'}
            onInput={(event) => {
              fields.value = event.currentTarget.value;
            }}
          />
        </div>
        <Field
          label="Duration"
          value={lifetime.value}
          onChange={(value) => {
            lifetime.value = value;
          }}
          placeholder="1h or 7d; empty: for good"
        />
        <WriteButton primary busy={write.busy}>
          Save
        </WriteButton>
      </form>
      <p class="dim">An existing row with this key is replaced as a whole.</p>
      {problem.value && <ErrorNote problem={{ message: problem.value, exit: 2 }} />}
      <Written write={write}>Saved.</Written>
    </Section>
  );
}

/** The attributes from lines `name=text` and `name:=JSON`, or an error message. */
function fieldsOf(text: string): Record<string, unknown> | string {
  const fields: Record<string, unknown> = {};
  for (const line of text.split("\n").filter((one) => one.trim())) {
    const [, name, isJson, value = ""] = /^\s*([^=:]+?)\s*(:?)=(.*)$/.exec(line) ?? [];
    if (name === undefined) return `${line.trim()}: expected name=text or name:=JSON.`;
    try {
      fields[name] = isJson ? JSON.parse(value) : value;
    } catch {
      return `${name}: ${value} is not valid JSON. For text, write ${name}=text.`;
    }
  }
  return fields;
}
