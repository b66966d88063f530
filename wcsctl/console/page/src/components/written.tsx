import type { ComponentChildren } from "preact";
import { whyReadOnly } from "../session";
import type { Write } from "../write";
import { CopyCommand } from "./copy";
import { Done, ErrorNote, Remarks } from "./notes";

interface WrittenProps {
  write: Write;
  /** The message after a write that succeeded. */
  children: ComponentChildren;
}

/** The outcome of a write: a message or an error, the remarks and the command. */
export function Written({ write, children }: WrittenProps) {
  const { answer } = write;
  if (!answer) return null;
  return (
    <div class="stack">
      {answer.ok ? <Done>{children}</Done> : <ErrorNote problem={answer.error} />}
      <Remarks remarks={answer.remarks} />
      <CopyCommand command={answer.command} />
    </div>
  );
}

interface WriteButtonProps {
  children: ComponentChildren;
  /** Called on a click; left out for the submit button of a form. */
  onClick?: () => void;
  busy?: boolean;
  danger?: boolean;
  primary?: boolean;
  small?: boolean;
}

/** A button that writes: disabled, with the reason, where nothing can be written. */
export function WriteButton(props: WriteButtonProps) {
  const { children, onClick, busy = false, danger, primary, small } = props;
  const why = whyReadOnly.value;
  const classes = [danger && "danger", primary && "primary", small && "small"].filter(Boolean);
  return (
    <button
      type={onClick ? "button" : "submit"}
      class={classes.join(" ")}
      disabled={why !== ""}
      aria-busy={busy}
      title={why}
      onClick={(event) => {
        // A disabled button would lose the focus, which a dialog gives back.
        if (busy) event.preventDefault();
        else onClick?.();
      }}
    >
      {children}
    </button>
  );
}
