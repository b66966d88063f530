import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { Badge, type Tone } from "../components/badge";
import { Dialog } from "../components/dialog";
import { Field, FilterField, Filters, Select } from "../components/fields";
import { Empty } from "../components/notes";
import { Page } from "../components/page";
import { type Column, Table } from "../components/table";
import { Time } from "../components/time";
import { useLook } from "../look";
import type { AppRow, PolicyList, PolicyRow, Recipe, Standing } from "../policy-shapes";
import { filter, go, link, setFilters } from "../route";
import { methodNames, whyReadOnly } from "../session";
import { counted, number, wholeSecond } from "../text";

const ACTIONS = ["echo", "override", "deny", "configure", "trust"] as const;
const MODES = ["enforce", "shadow", "off"] as const;
const STANDINGS: Readonly<Record<Standing, { tone: Tone; mark: string; title: string }>> = {
  yes: { tone: "good", mark: "✓", title: "Active as stored in the table" },
  edited: { tone: "warn", mark: "~", title: "An earlier text is active" },
  new: { tone: "warn", mark: "+", title: "Not active yet" },
  off: { tone: "plain", mark: "–", title: "mode: off" },
};
/** With more apps than these, only those that need attention are listed. */
const MOST_APPS = 8;

const COLUMNS: readonly Column<PolicyRow>[] = [
  { name: "Policy", cell: ({ id }) => <code class="policy-id">{id}</code>, sort: ({ id }) => id },
  { name: "App", cell: ({ app }) => <AppName app={app} />, sort: ({ app }) => app },
  { name: "Action", cell: ({ action }) => action, sort: ({ action }) => action },
  { name: "Method", cell: methodText, sort: methodText, wide: true },
  {
    name: "Priority",
    cell: ({ priority }) => number(priority),
    sort: ({ priority }) => priority,
    figures: true,
    minor: true,
  },
  { name: "Mode", cell: ({ mode }) => mode, sort: ({ mode }) => mode, minor: true },
  {
    name: "Active",
    cell: ({ inForce }) => {
      const { title, ...shown } = STANDINGS[inForce];
      return (
        <span title={title}>
          <Badge {...shown}>{inForce}</Badge>
        </span>
      );
    },
    sort: ({ inForce }) => inForce,
  },
];

/** The policies in the table, and which of them are active. */
export function PoliciesPage() {
  const app = filter("app");
  const look = useLook<PolicyList>("policies", { app });
  const asking = useSignal(false);
  const list = look.answer?.value;
  const query = ["find", "action", "method", "mode"].map(filter);
  const found = useMemo(() => (list?.policies ?? []).map(toSearch), [list]);
  const rows = useMemo(() => chosen(found, query), [found, query.join("\n")]);
  return (
    <Page
      title="Policies"
      look={look}
      actions={
        <button
          type="button"
          class="primary"
          disabled={!!whyReadOnly.value}
          onClick={() => {
            asking.value = true;
          }}
        >
          New policy
        </button>
      }
      filters={<PolicyFilters list={list} />}
    >
      {list && <Apps apps={list.apps} />}
      {list && rows.length > 0 && (
        <section class="stack">
          <p class="dim" role="status">
            {counted(rows.length, "policy", "policies")}
            {rows.length < list.policies.length && ` of ${number(list.policies.length)}`}
          </p>
          <Table
            label="Policies"
            columns={COLUMNS}
            rows={rows}
            rowKey={({ app: own, id }) => `${own}/${id}`}
            open={({ app: own, id }) => link("policy", { app: own, id })}
          />
        </section>
      )}
      {list && !rows.length && <NoPolicies some={list.policies.length > 0} />}
      {asking.value && (
        <NewPolicy
          app={app}
          apps={list?.apps.map((one) => one.app) ?? []}
          onClose={() => {
            asking.value = false;
          }}
        />
      )}
    </Page>
  );
}

function PolicyFilters({ list }: { list: PolicyList | undefined }) {
  return (
    <Filters>
      <Field label="Find" value={filter("find")} onChange={(find) => setFilters({ find })} />
      <FilterField
        name="app"
        label="App"
        placeholder="* for every app"
        suggestions={list?.apps.map((one) => one.app) ?? []}
      />
      <Choice name="action" label="Action" values={ACTIONS} />
      <Choice name="method" label="Method" values={methodNames.value} />
      <Choice name="mode" label="Mode" values={MODES} />
    </Filters>
  );
}

function Choice(props: { name: string; label: string; values: readonly string[] }) {
  const { name, label, values } = props;
  return (
    <Select
      label={label}
      value={filter(name)}
      options={[["", "any"], ...values.map((one) => [one, one] as const)]}
      onChange={(value) => setFilters({ [name]: value })}
    />
  );
}

function Apps({ apps }: { apps: readonly AppRow[] }) {
  const shown = apps.length > MOST_APPS ? apps.filter(needsAttention) : apps;
  return (
    <>
      {apps.length > MOST_APPS && (
        <p class="dim">
          {counted(apps.length, "app")}, {number(shown.length)} with errors, warnings or a pin
        </p>
      )}
      {shown.length > 0 && (
        <Table
          label="Apps"
          columns={APP_COLUMNS}
          rows={shown}
          rowKey={({ app }) => app}
          open={({ app }) => link("versions", { app })}
        />
      )}
    </>
  );
}

const APP_COLUMNS: readonly Column<AppRow>[] = [
  { name: "App", cell: ({ app }) => <AppName app={app} /> },
  { name: "Policies", cell: ({ policies }) => number(policies), figures: true },
  { name: "Version", cell: ({ version }) => version || "none", figures: true },
  {
    name: "Compiled",
    cell: ({ compiledAt }) => (compiledAt ? <Time at={wholeSecond(compiledAt)} /> : "not yet"),
    minor: true,
  },
  { name: "State", cell: AppState, wide: true },
];

function AppState({ ok, pinned, errors, warnings, version }: AppRow) {
  return (
    <div>
      {ok ? (
        <Badge tone="good" mark="✓">
          active
        </Badge>
      ) : (
        <Badge tone="bad" mark="!">
          {version ? `an edit has errors: version ${version} stays active` : "nothing is active"}
        </Badge>
      )}{" "}
      {pinned !== null && <Badge tone="warn">version {pinned} is pinned</Badge>}{" "}
      {warnings > 0 && <span class="dim">{counted(warnings, "warning")}</span>}
      {errors.map((error) => (
        <div class="error-text" key={error}>
          {error}
        </div>
      ))}
    </div>
  );
}

function AppName({ app }: { app: string }) {
  return <span class="nowrap">{app === "*" ? "* (every app)" : app}</span>;
}

function NoPolicies({ some }: { some: boolean }) {
  if (some) {
    return (
      <Empty title="No policies match these filters.">
        <button
          type="button"
          onClick={() => setFilters({ find: "", action: "", method: "", mode: "" })}
        >
          Clear filters
        </button>
      </Empty>
    );
  }
  return (
    <Empty title="No policies yet: every hook is echoed.">
      <p>Choose “New policy” to start from a recipe of the cookbook.</p>
    </Empty>
  );
}

interface NewPolicyProps {
  app: string;
  apps: readonly string[];
  onClose: () => void;
}

function NewPolicy({ app, apps, onClose }: NewPolicyProps) {
  const look = useLook<readonly Recipe[]>("recipes");
  const chosenApp = useSignal(app);
  const recipe = useSignal("");
  const recipes = look.answer?.value ?? [];
  return (
    <Dialog title="New policy" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          go("policy", { app: chosenApp.value, recipe: recipe.value });
        }}
      >
        <div class="dialog-body">
          <Field
            label="App (appKey, or * for every app)"
            value={chosenApp.value}
            suggestions={apps}
            required
            onChange={(value) => {
              chosenApp.value = value.trim();
            }}
          />
          <Select
            label="Start from"
            value={recipe.value}
            options={[
              ["", "an empty policy"],
              ...recipes.map(({ name }) => [name, name.replaceAll("-", " ")] as const),
            ]}
            onChange={(value) => {
              recipe.value = value;
            }}
          />
        </div>
        <div class="actions end">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Open editor
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface Searchable {
  readonly policy: PolicyRow;
  /** The text that is searched. */
  readonly text: string;
}

function toSearch(policy: PolicyRow): Searchable {
  const { app, id, action } = policy;
  return { policy, text: `${app} ${id} ${methodText(policy)} ${action}`.toLowerCase() };
}

function chosen(among: readonly Searchable[], query: readonly string[]): readonly PolicyRow[] {
  const [find = "", action, method, mode] = query;
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  return among
    .filter(
      ({ policy, text }) =>
        words.every((word) => text.includes(word)) &&
        (!action || policy.action === action) &&
        (!mode || policy.mode === mode) &&
        (!method || [policy.method].flat().includes(method)),
    )
    .map(({ policy }) => policy);
}

function needsAttention({ ok, pinned, warnings }: AppRow): boolean {
  return !ok || pinned !== null || warnings > 0;
}

function methodText({ method }: PolicyRow): string {
  return typeof method === "string" ? method : method.join(", ");
}
