import { Done } from "../components/notes";
import type { Edited, EditOutcome, Reconfigured } from "../policy-shapes";
import { link } from "../route";

/** Describes the outcome of an edit. */
export function EditResult({ edited }: { edited: Edited }) {
  return (
    <>
      {edited.apps.map((outcome) => (
        <OutcomeNote key={outcome.app} outcome={outcome} edited={edited} />
      ))}
    </>
  );
}

function OutcomeNote({ outcome, edited }: { outcome: EditOutcome; edited: Edited }) {
  const { app, version, ok, pinned, errors, replaced } = outcome;
  const place = app === "*" ? "every app" : `app ${app}`;
  if (!ok) {
    return (
      <div class="note bad" role="alert">
        <strong>Written, but not active</strong>
        <p>
          {version ? `Version ${version} stays active for ${place}.` : "Nothing is active yet."}
        </p>
        {errors.map((error) => (
          <p key={error}>{error}</p>
        ))}
      </div>
    );
  }
  if (pinned !== null) {
    return (
      <div class="note warn" role="status">
        Written, but version {pinned} is pinned and stays active for {place} until you{" "}
        <a href={link("versions", { app })}>unpin it</a>.
      </div>
    );
  }
  if (replaced.length) {
    return (
      <div class="note warn" role="status">
        Written, but somebody else has edited {replaced.join(", ")} since: version {version} of{" "}
        {place} has their text.
      </div>
    );
  }
  const later = laterLines(edited.fromNextConnect.filter((one) => one.app === app));
  return (
    <Done>
      <p>
        {edited.changes.length ? "" : "Nothing to write: the table already has this text. "}
        <strong>Active as version {version}</strong> for {place}.
      </p>
      {later.length > 0 && (
        <>
          <p>Sessions that connect from now on get:</p>
          <ul class="bullets">
            {later.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          <p>Connected sessions keep the configuration that their connect returned.</p>
        </>
      )}
    </Done>
  );
}

/** "restOnError FAIL for publishStream, playStream". */
function laterLines(changes: readonly Reconfigured[]): string[] {
  const methods = new Map<string, string[]>();
  for (const { attribute, after, method } of changes) {
    const name = `${attribute} ${after || "(none)"}`;
    methods.set(name, [...(methods.get(name) ?? []), method]);
  }
  return [...methods].map(([name, some]) => `${name} for ${some.join(", ")}`);
}
