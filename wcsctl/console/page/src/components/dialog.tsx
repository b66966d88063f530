import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { type Confirmation, confirmation } from "../api";
import { PolicyChanges } from "./changes";
import { CopyCommand } from "./copy";
import { Remarks } from "./notes";

interface DialogProps {
  title: string;
  /** Called when the user closes it; the caller then stops rendering it. */
  onClose: () => void;
  children: ComponentChildren;
}

/** A modal dialog. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

/** Asks the question that a command asks before it writes. */
export function ConfirmationDialog() {
  const asked = confirmation.value;
  return asked && <Asking key={asked.question.agreed} {...asked} />;
}

function Asking({ question, command, remarks, typed, settle }: Confirmation) {
  const input = useSignal("");
  const id = useId();
  const changes = question.changes ?? [];
  const letters = changes.filter((one) => "messageId" in one);
  const agrees = !typed || input.value.trim().replaceAll(",", "") === typed;
  return (
    <Dialog title={question.text} onClose={() => settle(false)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (agrees) settle(true);
        }}
      >
        <div class="dialog-body">
          <Remarks remarks={remarks} />
          <PolicyChanges changes={changes.filter((one) => "change" in one)} />
          <ul>
            {letters.map(({ messageId, id: own, method, kind, error }) => (
              <li key={messageId}>
                <code>{own.slice(0, 8)}</code> {method || kind}: {error}
              </li>
            ))}
          </ul>
          {typed && (
            <div class="field">
              <label for={id}>Type {typed} to confirm</label>
              <input
                id={id}
                inputMode="numeric"
                autocomplete="off"
                value={input}
                onInput={(event) => {
                  input.value = event.currentTarget.value;
                }}
              />
            </div>
          )}
          <CopyCommand command={command} />
        </div>
        <div class="actions end">
          <button type="button" onClick={() => settle(false)}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={!agrees}>
            Yes, do it
          </button>
        </div>
      </form>
    </Dialog>
  );
}
