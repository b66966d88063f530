import { useSignal } from "@preact/signals";

interface CopyProps {
  /** What is copied. */
  text: string;
  /** What it is, for the button's name: "command". */
  what?: string;
}

/** A small button that copies a text. */
export function CopyButton({ text, what = "command" }: CopyProps) {
  const state = useSignal<"" | "copied" | "not copied">("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      state.value = "copied";
    } catch {
      state.value = "not copied";
    }
    setTimeout(() => {
      state.value = "";
    }, 1500);
  };
  return (
    <button
      type="button"
      class="copy"
      title={`Copy: ${text}`}
      aria-label={`Copy the ${what}: ${text}`}
      onClick={copy}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
        <path d="M10.5 3.5v-.5a1 1 0 0 0-1-1H3.5a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1H4" />
      </svg>
      <span class="copy-state" role="status">
        {state}
      </span>
    </button>
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
