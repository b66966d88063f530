import { Badge, type Tone } from "../components/badge";
import { Checkbox, Filters, SinceFilter, sinceFilter } from "../components/fields";
import { Empty } from "../components/notes";
import { Page } from "../components/page";
import { useLook } from "../look";
import { filter, link, setFilters } from "../route";
import { session } from "../session";
import type { RestErrors } from "../shapes";
import { counted, number } from "../text";

const OUTCOMES = ["declined", "aborted", "stream-ended", "error-event", "continued", "UNKNOWN"];

const MEANINGS: Readonly<Record<string, string>> = {
  declined: "The connection was refused.",
  aborted: "The action was refused, and the client was notified.",
  "stream-ended": "The stream was ended.",
  "error-event": "WCS continued, and sent the client an ErrorEvent.",
  continued: "WCS continued as if the reply had been 200.",
  UNKNOWN: "The session's restOnError could not be determined.",
};

const CAUSES: Readonly<Record<string, { tone: Tone; mark: string; meaning: string }>> = {
  policy: { tone: "warn", mark: "×", meaning: "A policy denied the hook." },
  failure: { tone: "bad", mark: "!", meaning: "A function failed." },
  caller: { tone: "accent", mark: "#", meaning: "The caller could not be verified as WCS." },
  malformed: { tone: "plain", mark: "?", meaning: "The body is not a valid hook." },
};

export function OutcomesPage() {
  const since = sinceFilter();
  const every = filter("all") === "true";
  const look = useLook<readonly RestErrors[]>("outcomes", { since, all: every });
  const cells = look.answer?.value ?? [];
  return (
    <Page
      title="Outcomes"
      look={look}
      costs
      filters={
        <Filters>
          <SinceFilter />
          <Checkbox
            label="Show the whole grid"
            checked={every}
            onChange={(checked) => setFilters({ all: checked ? "true" : "" })}
          />
        </Filters>
      }
    >
      <p>
        What WCS did when the reply was not 200. This depends on the method's{" "}
        <code>restOnError</code>, which the reply to connect set for the session.
      </p>
      {look.answer && !cells.some(({ count }) => count) && !every ? (
        <Empty title="Every reply in this period was 200.">
          <p>
            Choose a longer period, or{" "}
            <a href={link("outcomes", { all: true })}>show the whole grid</a>.
          </p>
        </Empty>
      ) : (
        <>
          <Advice cells={cells} />
          <Grid cells={cells} every={every} />
          <Legend />
        </>
      )}
    </Page>
  );
}

function Advice({ cells }: { cells: readonly RestErrors[] }) {
  const ineffective = cells
    .filter(({ cause, outcome }) => cause === "policy" && outcome === "continued")
    .reduce((sum, { count }) => sum + count, 0);
  if (!ineffective) return null;
  return (
    <div class="note warn">
      <strong>{counted(ineffective, "denial")} had no effect.</strong>
      <p>
        A policy denied the hook but WCS continued, because these sessions have{" "}
        <code>restOnError: LOG</code>. They connected before the policy was active, or their connect
        was never received. Sessions that connect now get <code>FAIL</code>, so clients that
        reconnect are denied.
      </p>
    </div>
  );
}

function Grid({ cells, every }: { cells: readonly RestErrors[]; every: boolean }) {
  const rows = new Map<string, { category: string; restOnError: string; cells: RestErrors[] }>();
  for (const cell of [...cells, ...(every ? possible() : [])]) {
    const key = `${cell.category} ${cell.restOnError}`;
    const row = rows.get(key) ?? {
      category: cell.category,
      restOnError: cell.restOnError,
      cells: [],
    };
    row.cells.push(cell);
    rows.set(key, row);
  }
  const shown = [...rows.values()].sort((one, other) =>
    `${one.category} ${one.restOnError}` < `${other.category} ${other.restOnError}` ? -1 : 1,
  );
  const columns = OUTCOMES.filter((name) => cells.some(({ outcome }) => every || outcome === name));
  if (!shown.length) return null;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table" aria-label="Outcomes by category and restOnError" tabIndex={0}>
      <table class="grid">
        <thead>
          <tr>
            <th scope="col">Category</th>
            <th scope="col">restOnError</th>
            {columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={row.category + row.restOnError}>
              <th scope="row">{row.category}</th>
              <td>{row.restOnError}</td>
              {columns.map((name) => (
                <td key={name}>
                  {row.cells
                    .filter(({ outcome, count }) => outcome === name && count)
                    .map(({ cause, count }) => (
                      <Count key={cause} cause={cause} count={count} />
                    ))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Count({ cause, count }: { cause: string; count: number }) {
  const { tone, mark } = CAUSES[cause] ?? { tone: "plain" as const, mark: "" };
  return (
    <div class="cell">
      <Badge tone={tone} mark={mark}>
        {cause} <strong>{number(count)}</strong>
      </Badge>
    </div>
  );
}

/** Each category under each restOnError, with nothing counted. */
function possible(): RestErrors[] {
  return (session.value?.categories ?? []).flatMap((category) =>
    ["FAIL", "LOG"].map((restOnError) => ({
      category,
      restOnError,
      outcome: "",
      cause: "",
      count: 0,
    })),
  );
}

function Legend() {
  return (
    <div class="columns">
      <section class="stack">
        <h2>Outcomes</h2>
        <dl class="facts">
          {OUTCOMES.map((name) => (
            <Meaning key={name} name={name} meaning={MEANINGS[name] ?? ""} />
          ))}
        </dl>
      </section>
      <section class="stack">
        <h2>Causes</h2>
        <dl class="facts">
          {Object.entries(CAUSES).map(([name, { tone, mark, meaning }]) => (
            <Meaning
              key={name}
              name={
                <Badge tone={tone} mark={mark}>
                  {name}
                </Badge>
              }
              meaning={meaning}
            />
          ))}
        </dl>
      </section>
    </div>
  );
}

function Meaning({ name, meaning }: { name: preact.ComponentChild; meaning: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{meaning}</dd>
    </>
  );
}
