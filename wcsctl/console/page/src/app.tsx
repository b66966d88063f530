import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { signedOut } from "./api";
import { Announcer } from "./components/copy";
import { ConfirmationDialog } from "./components/dialog";
import { Empty, ErrorNote } from "./components/notes";
import { Page } from "./components/page";
import { DeadLettersPage } from "./pages/dead-letters";
import { DecisionPage } from "./pages/decision";
import { LimitsPage } from "./pages/limits";
import { ListsPage } from "./pages/lists";
import { LivePage } from "./pages/live";
import { OutcomesPage } from "./pages/outcomes";
import { OverviewPage } from "./pages/overview";
import { PoliciesPage } from "./pages/policies";
import { PolicyPage } from "./pages/policy";
import { TryPage } from "./pages/try";
import { VersionsPage } from "./pages/versions";
import { link, route } from "./route";
import { session, sessionProblem, whyReadOnly } from "./session";

const PAGES: Readonly<Record<string, ComponentType>> = {
  "": OverviewPage,
  live: LivePage,
  decision: DecisionPage,
  outcomes: OutcomesPage,
  policies: PoliciesPage,
  policy: PolicyPage,
  try: TryPage,
  versions: VersionsPage,
  "dead-letters": DeadLettersPage,
  lists: ListsPage,
  limits: LimitsPage,
};

const NAVIGATION = [
  ["", "Overview"],
  ["live", "Live"],
  ["outcomes", "Outcomes"],
  ["policies", "Policies"],
  ["try", "Try"],
  ["versions", "Versions"],
  ["dead-letters", "Dead letters"],
  ["lists", "Lists"],
  ["limits", "Limits"],
] as const;

/** The page of the navigation that another page belongs to. */
const BELONGS_TO: Readonly<Record<string, string>> = { decision: "live", policy: "policies" };

export function App() {
  if (signedOut.value) return <SignedOut />;
  const { page } = route.value;
  // Not of its prototype: an address may say #/constructor.
  const Shown = (Object.hasOwn(PAGES, page) && PAGES[page]) || UnknownPage;
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to content
      </button>
      <Header />
      <Navigation open={BELONGS_TO[page] ?? page} />
      <main id="main" tabIndex={-1}>
        <ErrorNote problem={sessionProblem.value} />
        <Shown key={page} />
      </main>
      <ConfirmationDialog />
      <Announcer />
    </div>
  );
}

function Header() {
  const known = session.value;
  return (
    <header class={known && !known.local ? "bar remote" : "bar"}>
      <a class="brand" href={link("")}>
        wcsctl
      </a>
      {known && (
        <>
          <span class="deployment">
            <strong>{known.deployment}</strong> <span>{known.region}</span>
          </span>
          <span class="place">{known.local ? "local" : "AWS: edits affect real clients"}</span>
          {whyReadOnly.value && (
            <span class="place" title={whyReadOnly}>
              read-only
            </span>
          )}
        </>
      )}
    </header>
  );
}

function Navigation({ open }: { open: string }) {
  const pages = useRef<HTMLElement>(null);
  useEffect(() => {
    const link = pages.current?.querySelector("[aria-current]");
    link?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [open]);
  return (
    <nav aria-label="Pages" ref={pages}>
      <ul>
        {NAVIGATION.map(([page, name]) => (
          <li key={page}>
            <a href={link(page)} aria-current={page === open ? "page" : undefined}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function SignedOut() {
  return (
    <main class="signed-out">
      <h1>wcsctl console</h1>
      <p>
        Open the address that <code>wcsctl console</code> printed.
      </p>
      <p class="dim">
        Its token is valid while that command runs. Each start of the command prints a new address.
      </p>
    </main>
  );
}

function UnknownPage() {
  return (
    <Page title="Page not found">
      <Empty title="There is no page at this address.">
        <p>
          Choose one from the navigation, or go to the <a href={link("")}>overview</a>.
        </p>
      </Empty>
    </Page>
  );
}
