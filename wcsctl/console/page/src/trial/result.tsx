import { Badge, type Tone } from "../components/badge";
import { CopyCommand } from "../components/copy";
import { Json } from "../components/json";
import { ErrorNote, Remarks } from "../components/notes";
import type { Asked } from "../editor/asking";
import type { ConsideredPolicy, Tried, TriedAnswer } from "../policy-shapes";
import { link } from "../route";
import { counted, plain } from "../text";
import { byReach } from "./input";

const ANSWERS: Readonly<Record<TriedAnswer["answer"], { mark: string; tone: Tone; word: string }>> =
  {
    echo: { mark: "=", tone: "plain", word: "echoed" },
    override: { mark: "~", tone: "accent", word: "overridden" },
    deny: { mark: "×", tone: "warn", word: "denied" },
    suppressed: { mark: "=", tone: "warn", word: "echoed (denial suppressed)" },
  };

const MOST_OTHERS = 200;

/** The last result, also while a new one is awaited. */
export function TrialResult({ asked }: { asked: Asked<Tried> }) {
  const { answer, waiting } = asked;
  if (answer === null) return null;
  return (
    <div class={waiting ? "content loading" : "content"} aria-live="polite">
      {answer.ok ? <Verdicts tried={answer.value} /> : <ErrorNote problem={answer.error} />}
      <Remarks remarks={answer.remarks} />
      <CopyCommand command={answer.command} />
    </div>
  );
}

function Verdicts({ tried }: { tried: Tried }) {
  const { inForce, candidate, changed } = tried;
  if (candidate === undefined) return <Verdict title="With the active policies" found={inForce} />;
  return (
    <>
      <p class={changed ? "note warn" : "note"}>
        {changed ? "Your text changes the reply." : "Your text does not change the reply."}
      </p>
      <Verdict title="With your text" found={candidate} />
      <Verdict title="With the active policies" found={inForce} />
    </>
  );
}

function Verdict({ title, found }: { title: string; found: TriedAnswer }) {
  const { mark, tone, word } = ANSWERS[found.answer];
  const versions = Object.entries(found.versions).filter(([, version]) => version);
  const changes = Object.entries(found.changed);
  const config = withoutEmpty(found.restClientConfig);
  return (
    <section class="trial">
      <h2>
        {title}
        {versions.length > 0 && (
          <span class="dim">
            {" "}
            ({versions.map(([app, version]) => `${app} version ${version}`).join(", ")})
          </span>
        )}
      </h2>
      <p class="trial-answer">
        <Badge tone={tone} mark={mark}>
          {word}
        </Badge>{" "}
        <strong>{found.status}</strong> {found.reason}
      </p>
      <p>{found.wcs}</p>
      <dl class="facts">
        {found.policies.length > 0 && (
          <>
            <dt>Decided by</dt>
            <dd>
              {found.considered
                .filter(({ app, policy }) => found.policies.includes(`${app}/${policy}`))
                .map((one) => (
                  <PolicyLink key={nameOf(one)} considered={one} />
                ))}
            </dd>
          </>
        )}
        <Shadow name="Would deny (shadow)" policies={found.shadowDenied} />
        <Shadow name="Would override (shadow)" policies={found.shadowOverridden} />
        {changes.length > 0 && (
          <>
            <dt>Changed fields</dt>
            <dd>
              {changes.map(([name, { was, becomes, isNew }]) => (
                <div key={name}>
                  <code>{name}</code>
                  {!isNew && (
                    <del>
                      <span class="hidden">was </span>
                      {plain(was)}
                    </del>
                  )}
                  <ins>
                    <span class="hidden">becomes </span>
                    {plain(becomes)}
                  </ins>
                </div>
              ))}
            </dd>
          </>
        )}
        {found.token && (
          <>
            <dt>Token</dt>
            <dd>{tokenText(found.token)}</dd>
            <dt>Claims</dt>
            <dd>{found.claims === null ? "none" : <Json value={found.claims} />}</dd>
          </>
        )}
        <dt>restOnError</dt>
        <dd>{found.restOnError}</dd>
        <dt>restClientConfig</dt>
        <dd>
          {Object.keys(config).length ? <Json value={config} /> : "none: WCS uses its defaults"}
        </dd>
      </dl>
      <ConsideredPolicies considered={found.considered} />
    </section>
  );
}

function Shadow({ name, policies }: { name: string; policies: readonly string[] }) {
  if (!policies.length) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{policies.join(", ")}</dd>
    </>
  );
}

function ConsideredPolicies({ considered }: { considered: readonly ConsideredPolicy[] }) {
  if (!considered.length) return <p class="dim">No policy names this method.</p>;
  const { evaluated, others } = byReach(considered);
  return (
    <>
      <PolicyRows policies={evaluated} label="Policies that were evaluated" />
      {others.length > 0 && (
        <details>
          <summary>{counted(others.length, "policy", "policies")} skipped</summary>
          <PolicyRows policies={others.slice(0, MOST_OTHERS)} label="Policies skipped" />
          {others.length > MOST_OTHERS && (
            <p class="dim">To list all of them, run the command below with -o json.</p>
          )}
        </details>
      )}
    </>
  );
}

function PolicyRows({ policies, label }: { policies: readonly ConsideredPolicy[]; label: string }) {
  if (!policies.length) return null;
  return (
    <ul class="considered" aria-label={label}>
      {policies.map((one) => (
        <li key={nameOf(one)}>
          <Badge
            tone={one.outcome === "applied" ? "accent" : "plain"}
            mark={one.outcome === "applied" ? "✓" : "–"}
          >
            {one.outcome}
          </Badge>
          <PolicyLink considered={one} />
          <span class="dim">
            {one.action}
            {one.mode === "enforce" ? "" : ` (${one.mode})`}
          </span>
          <span class="why">{whyOf(one)}</span>
        </li>
      ))}
    </ul>
  );
}

/** What kept a policy from applying, and which rows it looked up. */
function whyOf({ detail, rows }: ConsideredPolicy): string {
  const looked = Object.entries(rows).map(([alias, said]) => `rows.${alias}: ${said}`);
  return [detail, ...looked].filter(Boolean).join("; ");
}

/** restClientConfig without empty values. */
function withoutEmpty(config: TriedAnswer["restClientConfig"]): TriedAnswer["restClientConfig"] {
  return JSON.parse(JSON.stringify(config, (_, value) => (value === "" ? undefined : value)));
}

/** A policy's name as a link to its editor. */
function PolicyLink({ considered }: { considered: ConsideredPolicy }) {
  const { app, policy } = considered;
  return (
    <a class="policy-link" href={link("policy", { app, id: policy })}>
      {nameOf(considered)}
    </a>
  );
}

function nameOf({ app, policy }: ConsideredPolicy): string {
  return `${app}/${policy}`;
}

function tokenText(token: Readonly<Record<string, string>>): string {
  const { status, trust, alg, kid, detail } = token;
  const key = [alg, kid].filter(Boolean).join(" ");
  return [status, trust && `by ${trust}`, key && `(${key})`, detail].filter(Boolean).join(" ");
}
