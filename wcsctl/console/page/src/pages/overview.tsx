import { useMemo } from "preact/hooks";
import { Badge, type Tone } from "../components/badge";
import { Filters, SinceFilter, sinceFilter } from "../components/fields";
import { Empty, Looking } from "../components/notes";
import { Page } from "../components/page";
import { Plot } from "../components/plot";
import { Section } from "../components/section";
import { type Column, Table } from "../components/table";
import { Time } from "../components/time";
import { type Look, useLook } from "../look";
import { link } from "../route";
import { session } from "../session";
import type { AppStatus, CategoryFigures, Percentiles, Stats, Status, Trend } from "../shapes";
import { counted, dollars, number } from "../text";

const LOCAL_SECONDS = 15;

export function OverviewPage() {
  const since = sinceFilter();
  // Metrics that cost money are read again by the button only.
  const every = session.value?.costs.perLook === 0 ? LOCAL_SECONDS : 0;
  const status = useLook<Status>("status");
  const stats = useLook<Stats>("stats", { since }, every);
  const trend = useLook<Trend>("trend", { since }, every);
  const refresh = () => {
    status.refresh();
    stats.refresh();
    trend.refresh();
  };
  const price = session.value?.costs.perLook ?? 0;
  return (
    <Page
      title="Overview"
      filters={
        <Filters>
          <SinceFilter />
        </Filters>
      }
      actions={
        <>
          {price > 0 && <span class="dim">CloudWatch: about {dollars(price)} per refresh</span>}
          <button type="button" onClick={refresh} aria-busy={status.loading || stats.loading}>
            Refresh
          </button>
        </>
      }
    >
      <div class="columns">
        <Section title="Health" look={status}>
          {status.answer && <Attention status={status.answer.value} />}
        </Section>
        <Section title="Apps">
          <Looking look={status} />
          {status.answer && <Apps apps={status.answer.value.apps} />}
        </Section>
      </div>
      <Section title="Trend" look={{ ...trend, command: "" }}>
        {trend.answer && <Plots trend={trend.answer.value} />}
      </Section>
      <Figures stats={stats} />
    </Page>
  );
}

interface Sign {
  readonly tone: Tone;
  readonly mark: string;
  readonly word: string;
}

const WELL: Sign = { tone: "good", mark: "✓", word: "ok" };
const WARNING: Sign = { tone: "warn", mark: "!", word: "warning" };
const WRONG: Sign = { tone: "bad", mark: "×", word: "error" };

interface Item {
  readonly key: string;
  readonly sign: Sign;
  readonly name: string;
  readonly detail: string;
  readonly href?: string;
}

const PAGES_OF_CHECKS: Readonly<Record<string, string>> = {
  "dead letters": link("dead-letters"),
  endpoint: link("live", { failed: true }),
};

/** The checks and findings, errors first. */
function Attention({ status }: { status: Status }) {
  const items = [...status.checks.map(itemOfCheck), ...status.apps.flatMap(itemsOfApp)];
  const order = [WRONG, WARNING, WELL];
  items.sort((one, other) => order.indexOf(one.sign) - order.indexOf(other.sign));
  const wrong = items.filter((item) => item.sign === WRONG).length;
  return (
    <>
      <p>
        {wrong ? (
          <strong>{counted(wrong, "problem")} found.</strong>
        ) : (
          <strong>No problems found.</strong>
        )}
      </p>
      <ul class="attention">
        {items.map(({ key, sign, name, detail, href }) => (
          <li key={key}>
            <Badge tone={sign.tone} mark={sign.mark}>
              {sign.word}
            </Badge>
            <span class="attention-name">{href ? <a href={href}>{name}</a> : name}</span>
            <span class="attention-detail">{detail}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function itemOfCheck({ check, ok, detail, warning }: Status["checks"][number]): Item {
  const href = PAGES_OF_CHECKS[check];
  return {
    key: check + detail,
    sign: warning ? WARNING : ok ? WELL : WRONG,
    name: check,
    detail,
    ...(href && !ok ? { href } : {}),
  };
}

function itemsOfApp(app: AppStatus): Item[] {
  const findings = (sign: Sign, found: AppStatus["errors"], count: number) => [
    ...found.map(({ policy, attribute, message }) => ({
      key: `${app.app}/${policy} ${attribute} ${message}`,
      sign,
      name: `${app.app}/${policy}`,
      detail: [attribute, message].filter(Boolean).join(": "),
      href: policy
        ? link("policy", { app: app.app, id: policy })
        : link("policies", { app: app.app }),
    })),
    ...(count > found.length
      ? [
          {
            key: `${app.app} more ${sign.word}`,
            sign,
            name: app.app,
            detail: `and ${counted(count - found.length, "more finding")}`,
            href: link("policies", { app: app.app }),
          },
        ]
      : []),
  ];
  const others: Item[] = [];
  if (!app.compiledAt) {
    const detail = "is not compiled yet; a compilation may be running";
    others.push({ key: `${app.app} new`, sign: WARNING, name: app.app, detail });
  } else if (!app.ok && !app.errors.length) {
    const detail = "its last edit was rejected";
    others.push({ key: `${app.app} rejected`, sign: WRONG, name: app.app, detail });
  }
  if (app.pinned !== null) {
    others.push({
      key: `${app.app} pinned`,
      sign: WARNING,
      name: app.app,
      detail: `is pinned to version ${app.pinned}: edits take no effect until it is unpinned`,
      href: link("versions", { app: app.app }),
    });
  }
  return [
    ...findings(WRONG, app.errors, app.errorCount),
    ...findings(WARNING, app.warnings, app.warningCount),
    ...others,
  ];
}

const APP_COLUMNS: readonly Column<AppStatus>[] = [
  {
    name: "App",
    cell: ({ app }) => (app === "*" ? "* (every app)" : app),
    sort: ({ app }) => app,
    wide: true,
  },
  { name: "Version", cell: ({ version }) => version || "none", figures: true },
  {
    name: "Policies",
    cell: ({ policies }) => number(policies),
    sort: ({ policies }) => policies,
    figures: true,
  },
  { name: "Errors", cell: ({ errorCount }) => figure(errorCount), figures: true },
  { name: "Warnings", cell: ({ warningCount }) => figure(warningCount), figures: true },
  {
    name: "Compiled",
    cell: ({ compiledAt }) => (compiledAt ? <Time at={compiledAt} /> : "not yet"),
    sort: ({ compiledAt }) => compiledAt,
  },
  {
    name: "Pinned",
    cell: ({ pinned }) => (pinned === null ? "" : `version ${pinned}`),
    minor: true,
  },
];

function Apps({ apps }: { apps: readonly AppStatus[] }) {
  if (!apps.length) {
    return (
      <Empty title="No app has policies yet: every hook is echoed.">
        <p>
          Create the first one under <a href={link("policies")}>Policies</a>.
        </p>
      </Empty>
    );
  }
  return (
    <Table
      label="Apps"
      columns={APP_COLUMNS}
      rows={apps}
      rowKey={({ app }) => app}
      open={({ app }) => link("policies", { app })}
    />
  );
}

function Plots({ trend: { period, points } }: { trend: Trend }) {
  const shown = useMemo(
    () => ({
      times: points.map(({ at }) => at),
      calls: [
        { name: "calls", colour: "accent", values: points.map(({ calls }) => calls) },
        {
          name: "denied",
          colour: "warn",
          dash: [6, 3],
          values: points.map(({ denied }) => denied),
        },
        {
          name: "failed",
          colour: "bad",
          dash: [2, 3],
          values: points.map(({ failed }) => failed),
        },
      ],
      latency: [
        { name: "p50", colour: "accent", values: points.map(({ p50 }) => p50) },
        { name: "p99", colour: "warn", dash: [6, 3], values: points.map(({ p99 }) => p99) },
      ],
    }),
    [points],
  );
  const per = period === 60 ? "per minute" : `per ${number(period / 60)} min`;
  return (
    <div class="columns">
      <Plot title="Hooks" unit={per} times={shown.times} series={shown.calls} />
      <Plot title="Response time" unit="ms" times={shown.times} series={shown.latency} />
    </div>
  );
}

interface CategoryRow {
  readonly category: string;
  readonly figures: CategoryFigures;
}

const ANSWERS = ["Echoed", "Overridden", "Denied", "Rejected", "Malformed", "Failed"] as const;

const CATEGORY_COLUMNS: readonly Column<CategoryRow>[] = [
  { name: "Category", cell: ({ category }) => category, wide: true },
  ...["Calls", ...ANSWERS].map((metric) => ({
    name: metric,
    cell: ({ figures }: CategoryRow) => figure(countOf(figures, metric)),
    figures: true,
  })),
  ...(["p50", "p99"] as const).map((percentile) => ({
    name: `${percentile} ms`,
    cell: ({ figures }: CategoryRow) => decimal(timeOf(figures, "ServiceTime")[percentile]),
    figures: true,
  })),
  {
    name: "Decision p99 µs",
    cell: ({ figures }) => decimal(timeOf(figures, "DecisionTime").p99),
    figures: true,
  },
];

interface MethodRow {
  readonly method: string;
  readonly figures: Readonly<Record<string, number>>;
}

const METHOD_COLUMNS: readonly Column<MethodRow>[] = [
  { name: "Method", cell: ({ method }) => method, sort: ({ method }) => method, wide: true },
  ...(
    [
      ["Calls", "Calls"],
      ["Denied", "Denied"],
      ["Overridden", "Overridden"],
      ["ReportedFailures", "Reported failures"],
    ] as const
  ).map(([metric, name]) => ({
    name,
    cell: ({ figures }: MethodRow) => figure(figures[metric] ?? 0),
    sort: ({ figures }: MethodRow) => figures[metric] ?? 0,
    figures: true,
  })),
];

/** Names of the metrics that are not answers. */
const BESIDE: Readonly<Record<string, string>> = {
  DenySuppressed: "denials suppressed (unknown session)",
  ShadowDenied: "denials in shadow mode",
  ShadowOverridden: "overrides in shadow mode",
  UnknownMethod: "unknown methods",
  ReportedFailures: "failures reported by WCS",
  ExpressionErrors: "expressions that could not be evaluated",
  TokensRejected: "tokens rejected",
  LookupErrors: "list rows that could not be read",
  LimitErrors: "limits that could not be checked",
  LeasesExpired: "limit places that expired",
  StaleSnapshot: "answers by possibly outdated policies",
  DeadLettered: "dead letters",
  DeadLetterFallback: "dead letters stored in the table because the queue did not accept them",
  DeadLetterLost: "dead letters lost",
  ColdStart: "cold starts",
};

function Figures({ stats }: { stats: Look<Stats> }) {
  const value = stats.answer?.value;
  const categories = Object.entries(value?.categories ?? {}).map(([category, figures]) => ({
    category,
    figures,
  }));
  const called = categories.some(({ figures }) => countOf(figures, "Calls") > 0);
  const methods = Object.entries(value?.methods ?? {})
    .map(([method, figures]) => ({ method, figures }))
    .sort((one, other) => (other.figures.Calls ?? 0) - (one.figures.Calls ?? 0));
  const beside = Object.entries(BESIDE).flatMap(([metric, words]) => {
    const where = categories
      .filter(({ figures }) => countOf(figures, metric))
      .map(({ category, figures }) => `${category} ${number(countOf(figures, metric))}`);
    return where.length ? [{ words, where: where.join(", ") }] : [];
  });
  return (
    <Section title="Calls" look={stats}>
      {value && !called && (
        <Empty title="No hooks in this period.">
          <p>
            Choose a longer period, or send a hook with <code>wcsctl send connect</code>. To point
            WCS at this deployment, follow <code>wcsctl wcs-setup</code>.
          </p>
        </Empty>
      )}
      {called && (
        <>
          <Table
            label="Calls by category"
            columns={CATEGORY_COLUMNS}
            rows={categories}
            rowKey={({ category }) => category}
            fold={false}
          />
          {beside.length > 0 && (
            <dl class="facts">
              {beside.map(({ words, where }) => (
                <Fact key={words} words={words} where={where} />
              ))}
            </dl>
          )}
          <Table
            label="Calls by method"
            columns={METHOD_COLUMNS}
            rows={methods}
            rowKey={({ method }) => method}
            fold={false}
            open={({ method }) => link("live", { method })}
          />
        </>
      )}
    </Section>
  );
}

function Fact({ words, where }: { words: string; where: string }) {
  return (
    <>
      <dt>{words}</dt>
      <dd>{where}</dd>
    </>
  );
}

function countOf(figures: CategoryFigures, metric: string): number {
  const value = figures[metric];
  return typeof value === "number" ? value : 0;
}

function timeOf(figures: CategoryFigures, metric: string): Percentiles {
  const value = figures[metric];
  return typeof value === "object" ? value : {};
}

function figure(count: number) {
  return count ? number(count) : <span class="dim">0</span>;
}

function decimal(value: number | undefined) {
  return value === undefined ? <span class="dim">–</span> : number(Math.round(value * 10) / 10);
}
