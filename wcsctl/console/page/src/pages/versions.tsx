import { useSignal } from "@preact/signals";
import { type Answer, post } from "../api";
import { Badge } from "../components/badge";
import { PolicyChanges } from "../components/changes";
import { CopyCommand } from "../components/copy";
import { Field, Filters } from "../components/fields";
import { Done, Empty, ErrorNote, Remarks } from "../components/notes";
import { Page } from "../components/page";
import { type Column, Table } from "../components/table";
import { Time } from "../components/time";
import { Editor } from "../editor/editor";
import { EditResult } from "../editor/outcome";
import { useLook } from "../look";
import type {
  Difference,
  Edited,
  EditOutcome,
  PolicyList,
  Version,
  VersionText,
} from "../policy-shapes";
import { filter, setFilters } from "../route";
import { whyReadOnly } from "../session";
import { author, number, wholeSecond } from "../text";

const FEW = 20;
const MANY = 1000;

/** The versions of an app's policies: compare them, and roll back. */
export function VersionsPage() {
  const app = filter("app");
  const list = useLook<PolicyList>("policies");
  const apps = list.answer?.value.apps.map((one) => one.app) ?? [];
  const chooser = (
    <Filters>
      <Field
        label="App (* for every app)"
        value={app}
        live={false}
        suggestions={apps}
        onChange={(value) => setFilters({ app: value.trim(), first: "", second: "", show: "" })}
      />
    </Filters>
  );
  if (app) return <AppVersions key={app} app={app} chooser={chooser} />;
  return (
    <Page title="Versions" look={list} filters={chooser}>
      {apps.length > 0 && (
        <ul class="bullets">
          {apps.slice(0, MANY).map((one) => (
            <li key={one}>
              <button type="button" onClick={() => setFilters({ app: one })}>
                {one === "*" ? "* (every app)" : one}
              </button>
            </li>
          ))}
        </ul>
      )}
      {list.answer && !apps.length && (
        <Empty title="No app has policies yet.">
          <p>Each edit that becomes active creates a version of the app's policies.</p>
        </Empty>
      )}
    </Page>
  );
}

interface AppVersionsProps {
  app: string;
  chooser: preact.ComponentChild;
}

function AppVersions({ app, chooser }: AppVersionsProps) {
  const limit = useSignal(FEW);
  const look = useLook<readonly Version[]>("versions", { app, limit: limit.value });
  const result = useSignal<Answer<Edited | EditOutcome> | null>(null);
  const busy = useSignal("");
  const message = useSignal("");
  const versions = look.answer?.value ?? [];
  const pinned = versions.find((one) => one.pinned);

  const write = async (what: string, route: string, body: Readonly<Record<string, unknown>>) => {
    busy.value = what;
    result.value = await post<Edited | EditOutcome>(route, { app, ...body });
    busy.value = "";
    look.refresh();
  };
  const off = !!whyReadOnly.value || !!busy.value;
  const rollback = (body: Readonly<Record<string, unknown>>) =>
    write("Rolling back", "versions/rollback", { ...body, message: message.value });

  return (
    <Page
      title={`Versions of ${app === "*" ? "* (every app)" : app}`}
      look={look}
      filters={chooser}
    >
      {busy.value && (
        <p class="note" role="status">
          {busy.value}, and waiting until the change is active …
        </p>
      )}
      <Result answer={result.value} />
      {pinned && (
        <div class="note warn">
          Version {pinned.version} is pinned: edits are kept, and become active when it is unpinned.{" "}
          <button
            type="button"
            class="small"
            disabled={off}
            onClick={() => write("Unpinning", "versions/unpin", {})}
          >
            Unpin
          </button>
        </div>
      )}
      {versions.length > 0 && (
        <>
          <div class="form">
            <Field
              label="Message for the history"
              value={message.value}
              placeholder="Why"
              onChange={(value) => {
                message.value = value;
              }}
            />
            <button
              type="button"
              disabled={off || versions.length < 2}
              onClick={() => rollback({ previous: true })}
            >
              Roll back to the previous version
            </button>
          </div>
          <Table
            label="Versions"
            rows={versions}
            rowKey={({ version }) => String(version)}
            columns={columnsOf({
              off,
              onRollback: (version) => rollback({ version }),
              onPin: (version) => write("Pinning", "versions/pin", { version }),
            })}
          />
          {versions.length >= limit.value && limit.value < MANY && (
            <p>
              <button
                type="button"
                onClick={() => {
                  limit.value = MANY;
                }}
              >
                Show older versions
              </button>
            </p>
          )}
        </>
      )}
      <DifferenceOf app={app} versions={versions} />
      <TextOf app={app} />
    </Page>
  );
}

interface Deeds {
  off: boolean;
  onRollback: (version: number) => void;
  onPin: (version: number) => void;
}

function columnsOf({ off, onRollback, onPin }: Deeds): readonly Column<Version>[] {
  return [
    {
      name: "Version",
      cell: ({ version, inForce, pinned }) => (
        <span>
          <strong>{version}</strong>{" "}
          {inForce && (
            <Badge tone="good" mark="✓">
              active
            </Badge>
          )}{" "}
          {pinned && <Badge tone="warn">pinned</Badge>}
        </span>
      ),
    },
    { name: "Before", cell: ({ version }) => <Pick name="first" version={version} /> },
    { name: "After", cell: ({ version }) => <Pick name="second" version={version} /> },
    { name: "Compiled", cell: ({ compiledAt }) => <Time at={wholeSecond(compiledAt)} /> },
    { name: "Policies", cell: ({ policies }) => number(policies), figures: true, minor: true },
    { name: "Author", cell: ({ by }) => <span title={by}>{author(by)}</span> },
    {
      name: "Message and changes",
      wide: true,
      cell: (version) => (
        <div>
          {version.message && <div>{version.message}</div>}
          <div class="dim">{changedIn(version)}</div>
        </div>
      ),
    },
    {
      name: "",
      cell: ({ version, inForce, pinned }) => (
        <span class="actions">
          <button type="button" class="small" onClick={() => setFilters({ show: String(version) })}>
            Text<span class="hidden"> of version {version}</span>
          </button>
          <button
            type="button"
            class="small"
            disabled={off || (inForce && !pinned)}
            onClick={() => onRollback(version)}
          >
            Roll back<span class="hidden"> to version {version}</span>
          </button>
          <button
            type="button"
            class="small"
            disabled={off || pinned}
            onClick={() => onPin(version)}
          >
            Pin<span class="hidden"> version {version}</span>
          </button>
        </span>
      ),
    },
  ];
}

function Pick({ name, version }: { name: "first" | "second"; version: number }) {
  return (
    <input
      type="radio"
      name={name}
      aria-label={`${name === "first" ? "Before" : "After"}: version ${version}`}
      checked={filter(name) === String(version)}
      onChange={() => setFilters({ [name]: String(version) })}
    />
  );
}

interface DifferenceProps {
  app: string;
  versions: readonly Version[];
}

function DifferenceOf({ app, versions }: DifferenceProps) {
  const first = filter("first");
  const second = filter("second");
  const look = useLook<Difference>(first ? "diff" : null, { app, first, second });
  if (!first) {
    if (versions.length < 2) return null;
    return (
      <p class="dim">Choose a version under Before and one under After to see what changed.</p>
    );
  }
  const changes = look.answer?.value.changes;
  return (
    <section class="stack" aria-label="Difference">
      <h2>
        From version {first} to {second ? `version ${second}` : "the table"}
      </h2>
      <ErrorNote problem={look.problem} />
      {changes && <PolicyChanges changes={changes} />}
      {changes?.length === 0 && <p class="dim">No differences.</p>}
      <CopyCommand command={look.command} />
    </section>
  );
}

function TextOf({ app }: { app: string }) {
  const version = filter("show");
  const look = useLook<VersionText>(version ? "version" : null, { app, version });
  if (!version) return null;
  return (
    <section class="stack" aria-label="Text">
      <div class="page-head">
        <h2>Version {version}</h2>
        <button type="button" onClick={() => setFilters({ show: "" })}>
          Close
        </button>
      </div>
      <ErrorNote problem={look.problem} />
      {look.answer && (
        <Editor
          key={look.answer.command}
          label={`Policies of version ${version}`}
          text={look.answer.value.text}
          readOnly
        />
      )}
      <CopyCommand command={look.command} />
    </section>
  );
}

function Result({ answer }: { answer: Answer<Edited | EditOutcome> | null }) {
  if (answer === null) return null;
  return (
    <>
      {answer.ok ? <Outcome value={answer.value} /> : <ErrorNote problem={answer.error} />}
      <Remarks remarks={answer.remarks} />
      <CopyCommand command={answer.command} />
    </>
  );
}

/** A rollback returns the same as an edit; pin and unpin return one app's outcome. */
function Outcome({ value }: { value: Edited | EditOutcome }) {
  if ("apps" in value) return <EditResult edited={value} />;
  if (!value.ok) return <EditResult edited={{ changes: [], apps: [value], fromNextConnect: [] }} />;
  return (
    <Done>
      {value.pinned === null
        ? `Unpinned: version ${value.version} is active.`
        : `Version ${value.pinned} is pinned: it stays active, whatever is edited, until you unpin it.`}
    </Done>
  );
}

const KINDS = [
  ["added", "+"],
  ["removed", "−"],
  ["modified", "~"],
] as const;

function changedIn({ changed }: Version): string {
  return KINDS.flatMap(([kind, mark]) => {
    const { count = 0, first = [] } = changed[kind] ?? {};
    if (!count) return [];
    const names = first.slice(0, 3);
    const more = count > names.length ? ` and ${number(count - names.length)} more` : "";
    return [`${mark}${number(count)}: ${names.join(", ")}${more}`];
  }).join("; ");
}
