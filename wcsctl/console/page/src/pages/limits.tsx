import { FilterField, Filters } from "../components/fields";
import { Empty } from "../components/notes";
import { Page } from "../components/page";
import { Section } from "../components/section";
import { type Column, Table } from "../components/table";
import { Time } from "../components/time";
import { WriteButton, Written } from "../components/written";
import { useLook } from "../look";
import { filter, link } from "../route";
import type { Budget, BudgetDetails } from "../shapes";
import { duration } from "../text";
import { useWrite } from "../write";

const LIMIT = 1000;

export function LimitsPage() {
  const app = filter("app");
  const policy = filter("policy");
  const key = filter("key");
  const look = useLook<readonly Budget[]>("limits", { app, policy, limit: LIMIT });
  const budgets = look.answer?.value ?? [];
  return (
    <Page
      title="Limits"
      look={look}
      filters={
        <Filters>
          <FilterField name="app" label="App" />
          <FilterField name="policy" label="Policy" />
        </Filters>
      }
    >
      {budgets.length > 0 && (
        <Table
          label="Budgets in use"
          columns={COLUMNS}
          rows={budgets}
          rowKey={(budget) => budget.key}
          open={(budget) => link("limits", { app, policy, key: budget.key })}
          selected={(budget) => budget.key === key}
        />
      )}
      {look.answer && !budgets.length && (
        <Empty
          title={
            app || policy ? "No places are held that match these filters." : "No places are held."
          }
        >
          <p>
            A deny policy with a <code>limit</code> has a budget for each value of its{" "}
            <code>by</code>; budgets in use are listed here, with the holders of their places.
          </p>
        </Empty>
      )}
      {key && <Holders key={key} name={key} refresh={look.refresh} />}
    </Page>
  );
}

const COLUMNS: readonly Column<Budget>[] = [
  { name: "Key", cell: ({ key }) => <code>{key.slice(0, 8)}</code> },
  { name: "App", cell: ({ app }) => app, sort: ({ app }) => app },
  { name: "Policy", cell: ({ policy }) => policy, sort: ({ policy }) => policy },
  { name: "For", cell: ({ by }) => <code>{by}</code>, sort: ({ by }) => by, wide: true },
  {
    name: "Held",
    cell: ({ held, most }) => (
      <span class="held">
        <span class="meter" aria-hidden="true">
          <span
            class={held >= most ? "full" : ""}
            style={{ width: `${Math.min(held / Math.max(most, 1), 1) * 100}%` }}
          />
        </span>
        {held} of {most}
        {held >= most && <strong> full</strong>}
      </span>
    ),
    sort: ({ held, most }) => held / Math.max(most, 1),
  },
  { name: "Held by", cell: ({ holds }) => holds },
];

function Holders({ name, refresh }: { name: string; refresh: () => void }) {
  const look = useLook<BudgetDetails>("limit", { key: name });
  const write = useWrite();
  const found = look.answer?.value;
  const release = async (holder: string) => {
    const answer = await write.run("limits/release", { key: name, holder });
    if (!answer.ok) return;
    look.refresh();
    refresh();
  };
  return (
    <Section title={found ? `${found.app}/${found.policy} for ${found.by}` : "Holders"} look={look}>
      <Written write={write}>Place released.</Written>
      {found && (
        <>
          <p>
            {found.held} of {found.most} places held, each by a{" "}
            {found.holds === "rate" ? "hook, until the period is over" : found.holds}.{" "}
            <a href={link("policy", { app: found.app, id: found.policy })}>Open the policy</a>
          </p>
          {found.places.length > 0 ? (
            <Table
              label="Holders"
              columns={placeColumns(release, write.busy)}
              rows={found.places}
              rowKey={({ holder }) => holder}
            />
          ) : (
            <p class="dim">No places are held.</p>
          )}
          <p class="dim">
            Releasing a place ends nothing: a stream, call or session that still exists continues,
            and is no longer counted.
          </p>
        </>
      )}
    </Section>
  );
}

function placeColumns(
  release: (holder: string) => void,
  busy: boolean,
): readonly Column<BudgetDetails["places"][number]>[] {
  return [
    { name: "Holder", cell: ({ holder }) => <code>{holder}</code>, wide: true },
    {
      name: "Until",
      cell: ({ until }) => (
        <>
          <Time at={until} />{" "}
          <span class="dim">
            · in {duration((Date.parse(until) - Date.now()) / 1000)} unless renewed
          </span>
        </>
      ),
      sort: ({ until }) => until,
    },
    {
      name: "",
      cell: ({ holder }) => (
        <WriteButton small busy={busy} onClick={() => release(holder)}>
          Release<span class="hidden"> the place of {holder}</span>
        </WriteButton>
      ),
    },
  ];
}
