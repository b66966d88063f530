import type { PolicyChange } from "../api";
import { plain } from "../text";
import { Badge, type Tone } from "./badge";

const KINDS: Readonly<Record<PolicyChange["change"], { mark: string; tone: Tone }>> = {
  added: { mark: "+", tone: "good" },
  changed: { mark: "~", tone: "accent" },
  removed: { mark: "−", tone: "bad" },
};

/** What differs between two sets of policies, attribute by attribute. */
export function PolicyChanges({ changes }: { changes: readonly PolicyChange[] }) {
  return (
    <>
      {changes.map((one) => (
        <section class="change" key={`${one.app}/${one.id}`}>
          <p class="change-name">
            <Badge {...KINDS[one.change]}>{one.change}</Badge>
            <code>
              {one.app}/{one.id}
            </code>
          </p>
          <dl class="attributes">
            {Object.entries(one.attributes).map(([name, { before, after }]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  {before !== undefined && (
                    <del>
                      <span class="hidden">was </span>
                      {plain(before)}
                    </del>
                  )}
                  {after !== undefined && (
                    <ins>
                      <span class="hidden">becomes </span>
                      {plain(after)}
                    </ins>
                  )}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </>
  );
}
