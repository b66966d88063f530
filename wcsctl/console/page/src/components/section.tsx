import type { ComponentChildren } from "preact";
import type { Look } from "../look";
import { CopyCommand } from "./copy";
import { ErrorNote, Looking, Remarks } from "./notes";

interface SectionProps {
  title: string;
  /** What the section reads: its command, remarks and error are shown. */
  look?: Look<unknown>;
  /** Whether it has its own Refresh button. */
  refreshes?: boolean;
  children: ComponentChildren;
}

/** A part of a page that may read something of its own. */
export function Section({ title, look, refreshes = false, children }: SectionProps) {
  return (
    <section class={look?.loading ? "stack content loading" : "stack content"}>
      <div class="page-head">
        <h2>{title}</h2>
        {look && refreshes && (
          <button type="button" onClick={look.refresh} aria-busy={look.loading}>
            Refresh
          </button>
        )}
      </div>
      {look && <ErrorNote problem={look.problem} />}
      {look && <Looking look={look} />}
      {children}
      {look && !look.problem && <Remarks remarks={look.remarks} />}
      {look && <CopyCommand command={look.command} />}
    </section>
  );
}
