import { useId } from "preact/hooks";
import { Field, Select } from "../components/fields";
import { methodNames } from "../session";
import { PROOFS, SESSIONS, TOKEN_STATUSES, type TrialInput } from "./input";

interface FormProps {
  input: TrialInput;
  onInput: (changed: Partial<TrialInput>) => void;
  /** Asks for an example of the method. */
  onExample: (method: string) => void;
}

/** A hook, its session and what its token proves. */
export function TrialForm({ input, onInput, onExample }: FormProps) {
  return (
    <div class="stack">
      <div class="form">
        <Select
          label="Method"
          value={input.method}
          options={methodNames.value}
          onChange={(method) => {
            onInput({ method });
            onExample(method);
          }}
        />
        <button type="button" onClick={() => onExample(input.method)}>
          Use the vendor's example
        </button>
      </div>
      <JsonField
        label="Body (JSON)"
        value={input.body}
        rows={7}
        onChange={(body) => onInput({ body })}
      />
      <div class="form">
        {input.method !== "connect" && (
          <Select
            label="Session"
            value={input.session}
            options={SESSIONS}
            onChange={(session) => onInput({ session })}
          />
        )}
        <Select
          label="Token"
          value={input.proof}
          options={PROOFS}
          onChange={(proof) => onInput({ proof })}
        />
        {input.proof === "status" && (
          <Select
            label="Token status"
            value={input.tokenStatus}
            options={TOKEN_STATUSES}
            onChange={(tokenStatus) => onInput({ tokenStatus })}
          />
        )}
        <Field
          label="Time (ISO 8601)"
          value={input.at}
          placeholder="now"
          onChange={(at) => onInput({ at: at.trim() })}
        />
      </div>
      {input.session === "connected" && input.method !== "connect" && (
        <JsonField
          label="Body of the session's connect (JSON)"
          value={input.connect}
          rows={2}
          onChange={(connect) => onInput({ connect })}
        />
      )}
      {input.proof === "claims" && (
        <JsonField
          label="Claims (JSON)"
          value={input.claims}
          rows={2}
          onChange={(claims) => onInput({ claims })}
        />
      )}
    </div>
  );
}

interface JsonFieldProps {
  label: string;
  value: string;
  rows: number;
  onChange: (value: string) => void;
}

function JsonField({ label, value, rows, onChange }: JsonFieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={rows}
        value={value}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </div>
  );
}
