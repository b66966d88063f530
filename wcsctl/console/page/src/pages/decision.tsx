import type { ComponentChildren } from "preact";
import { AnswerBadge, Badge, type Tone } from "../components/badge";
import { subjectText } from "../components/decision-text";
import { Json } from "../components/json";
import { Empty } from "../components/notes";
import { Page } from "../components/page";
import { type Column, Table } from "../components/table";
import { Time } from "../components/time";
import { useLook } from "../look";
import { filter, link, route } from "../route";
import type { Considered, Explanation } from "../shapes";

export function DecisionPage() {
  const id = route.value.rest;
  const look = useLook<Explanation>(id ? "explain" : null, {
    decision: id,
    since: filter("since"),
  });
  const found = look.answer?.value;
  return (
    <Page
      title={found?.method ? `Decision on ${found.method}` : "Decision"}
      look={look}
      actions={
        found?.method && (
          <a class="button" href={link("try", { decision: found.decision })}>
            Try {found.method}
          </a>
        )
      }
    >
      {!id && (
        <Empty title="No decision selected.">
          <p>
            Choose one under <a href={link("live")}>Live</a>.
          </p>
        </Empty>
      )}
      {found && <Explained found={found} />}
    </Page>
  );
}

function Explained({ found }: { found: Explanation }) {
  return (
    <>
      <p class="answer">
        <AnswerBadge answer={found.answer} /> <strong>{found.status}</strong>
        {found.reason && <span> “{found.reason}”</span>}
      </p>
      <p>{found.wcs}</p>
      {found.notes.length > 0 && (
        <div class="note">
          {found.notes.map((note) => (
            <p key={note}>{note}</p>
          ))}
        </div>
      )}
      <div class="columns">
        <Facts found={found} />
        <section class="stack">
          <h2>Reply</h2>
          {found.changed.length > 0 ? (
            <>
              <p>These fields of the reply differ from the hook:</p>
              <ul class="changed">
                {found.changed.map((name) => (
                  <li key={name}>
                    <Badge tone="accent" mark="~">
                      changed
                    </Badge>{" "}
                    <code>{name}</code>
                  </li>
                ))}
              </ul>
              <p class="dim">Their values are not logged: they may be secrets.</p>
            </>
          ) : (
            <p>
              {found.answer === "echoed" || found.answer === "overridden"
                ? "The hook, unchanged."
                : "An error with status, reason, policy and version."}
            </p>
          )}
          {found.fields && (
            <>
              <h2>Fields of the hook</h2>
              <Json value={found.fields} />
            </>
          )}
        </section>
      </div>
      <section class="stack">
        <h2>Policies considered</h2>
        {found.considered.length ? (
          <Table
            label="Policies considered, in evaluation order"
            columns={CONSIDERED}
            rows={found.considered}
            rowKey={({ app, policy }) => `${app}/${policy}`}
            open={({ app, policy }) => link("policy", { app, id: policy })}
          />
        ) : (
          <p class="dim">No policy names this method.</p>
        )}
      </section>
    </>
  );
}

const OUTCOMES: Readonly<Record<string, { tone: Tone; mark: string }>> = {
  applied: { tone: "accent", mark: "✓" },
  off: { tone: "plain", mark: "○" },
  "not said": { tone: "plain", mark: "?" },
  "not reached": { tone: "plain", mark: "–" },
};
const NOT_HELD = { tone: "plain", mark: "×" } as const;

const CONSIDERED: readonly Column<Considered>[] = [
  {
    name: "Policy",
    cell: ({ app, policy }) => (
      <code>
        {app}/{policy}
      </code>
    ),
  },
  { name: "Action", cell: ({ action }) => action },
  { name: "Mode", cell: ({ mode }) => mode },
  { name: "Version", cell: ({ version }) => version || "", figures: true },
  {
    name: "Outcome",
    cell: ({ outcome }) => <Badge {...(OUTCOMES[outcome] ?? NOT_HELD)}>{outcome}</Badge>,
  },
  { name: "Detail", cell: ({ detail }) => detail, wide: true },
];

function Facts({ found }: { found: Explanation }) {
  const facts: (readonly [string, ComponentChildren])[] = [
    ["Time", <Time key="at" at={found.at} ago exact />],
    ["Decision", <code key="id">{found.decision}</code>],
    ["App", found.app],
    ["Category", found.category],
    ["User", subjectText(found.subject) || <span class="dim">not logged (setting subject)</span>],
    [
      "Session",
      found.session && (
        <a href={link("live", { session: found.session })}>
          <code>{found.session}</code>
        </a>
      ),
    ],
    [
      "Token",
      found.token &&
        Object.entries(found.token)
          .map(([name, value]) => `${name} ${value}`)
          .join(", "),
    ],
    [
      "Versions",
      Object.entries(found.versions ?? {}).map(([app, version]) => (
        <a key={app} class="spaced" href={link("versions", { app })}>
          {app}: {version}
        </a>
      )),
    ],
    ["Error", found.error],
    ["Limit", found.limit],
    ["Outcome", found.outcome && `${found.outcome} (restOnError ${found.restOnError})`],
    ["Cause", found.cause],
    ["Shadow", [...(found.shadowDenied ?? []), ...(found.shadowOverridden ?? [])].join(", ")],
    [
      "Evaluation errors",
      [
        ...(found.expressionErrors ?? []),
        ...(found.lookupErrors ?? []),
        ...(found.limitErrors ?? []),
      ].join(", "),
    ],
    ["Policies", found.stale ? "may be outdated" : ""],
    [
      "Dead letter",
      found.deadLettered === true ? (
        <a href={link("dead-letters", { id: found.decision })}>
          stored until it is redriven or purged
        </a>
      ) : found.deadLettered === false ? (
        "could not be stored"
      ) : (
        ""
      ),
    ],
    ["Redriven", found.redriven ? found.redriveOf || "yes" : ""],
  ];
  return (
    <section class="stack">
      <h2>Details</h2>
      <dl class="facts">
        {facts
          .filter(([, value]) => value && !(Array.isArray(value) && !value.length))
          .map(([name, value]) => (
            <Fact key={name} name={name} value={value} />
          ))}
      </dl>
    </section>
  );
}

function Fact({ name, value }: { name: string; value: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
