import type { ComponentChildren } from "preact";
import type { Look } from "../look";
import { CopyCommand } from "./copy";
import { ErrorNote, Remarks } from "./notes";

interface SectionProps {
  title: string;
  /** What the section reads: its command, remarks and error are shown. */
  look?: Look<unknown>;
  children: ComponentChildren;
}

/** A part of a page that may read something of its own. */
export function Section({ title, look, children }: SectionProps) {
  return (
    <section class={look?.loading ? "stack content loading" : "stack content"}>
      <h2>{title}</h2>
      {look && <ErrorNote problem={look.problem} />}
      {children}
      {look && !look.problem && <Remarks remarks={look.remarks} />}
      {look && <CopyCommand command={look.command} />}
    </section>
  );
}
