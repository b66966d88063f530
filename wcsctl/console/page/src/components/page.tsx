import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Look } from "../look";
import { session } from "../session";
import { dollars } from "../text";
import { CopyCommand } from "./copy";
import { ErrorNote, Looking, Remarks } from "./notes";

interface PageProps {
  title: string;
  /** What the page reads: its command, remarks and error are shown. */
  look?: Look<unknown>;
  /** Whether each refresh reads CloudWatch metrics, which cost money. */
  costs?: boolean;
  /** Buttons beside the title. */
  actions?: ComponentChildren;
  filters?: ComponentChildren;
  children: ComponentChildren;
}

/** A page: its title, what it read, and what to do with it. */
export function Page({ title, look, costs = false, actions, filters, children }: PageProps) {
  const deployment = session.value?.deployment;
  useEffect(() => {
    document.title = [title, deployment, "wcsctl console"].filter(Boolean).join(" · ");
  }, [title, deployment]);
  const price = costs ? (session.value?.costs.perLook ?? 0) : 0;
  return (
    <>
      <div class="page-head">
        <h1>{title}</h1>
        <div class="actions">
          {price > 0 && <span class="dim">CloudWatch: about {dollars(price)} per refresh</span>}
          {actions}
          {look && (
            <button type="button" onClick={look.refresh} aria-busy={look.loading}>
              Refresh
            </button>
          )}
        </div>
      </div>
      {filters}
      {look && <ErrorNote problem={look.problem} />}
      {look && <Looking look={look} />}
      <div class={look?.loading ? "content loading" : "content"}>{children}</div>
      {look && !look.problem && <Remarks remarks={look.remarks} />}
      {look && <CopyCommand command={look.command} />}
    </>
  );
}
