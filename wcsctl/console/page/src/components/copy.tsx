import { signal, useSignal } from "@preact/signals";

/** What screen readers announce next. */
const announcement = signal("");

/** Announces what was copied, in one place for all buttons. */
export function Announcer() {
  return (
    <div class="hidden" role="status">
      {announcement}
    </div>
  );
}

interface CopyProps {
  /** What is copied. */
  text: string;
  /** What it is, for the button's name: "command". */
  what?: string;
}

/** A small button that copies a text. */
export function CopyButton({ text, what = "command" }: CopyProps) {
  const state = useSignal<"" | "copied" | "not-copied">("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      state.value = "copied";
      announcement.value = `Copied the ${what}.`;
    } catch {
      state.value = "not-copied";
      announcement.value = `The ${what} could not be copied.`;
    }
    setTimeout(() => {
      state.value = "";
      announcement.value = "";
    }, 1500);
  };
  return (
    <button
      type="button"
      class={`copy ${state}`}
      title={`Copy: ${text}`}
      aria-label={`Copy the ${what}: ${text}`}
      onClick={copy}
    />
  );
}

/** The wcsctl command that shows or does the same, to copy. */
export function CopyCommand({ command }: { command: string }) {
  if (!command) return null;
  return (
    <div class="command">
      <code>{command}</code>
      <CopyButton text={command} />
    </div>
  );
}
