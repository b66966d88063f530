import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { filter, setFilters } from "../route";

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  /** Values to choose from; others can be typed. */
  suggestions?: readonly string[];
  /** Whether each key stroke is reported, or only Enter and leaving the field. */
  live?: boolean;
  required?: boolean;
  type?: "text" | "datetime-local";
}

/** A labelled line of text. */
export function Field(props: FieldProps) {
  const { label, value, onChange, placeholder, suggestions, live = true, required, type } = props;
  const id = useId();
  const typed = useSignal(value);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // The address may lag behind a value that is being typed here.
    if (document.activeElement !== input.current) typed.value = value;
  }, [typed, value]);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        ref={input}
        id={id}
        type={type ?? "text"}
        value={typed}
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder ?? ""}
        required={required ?? false}
        {...(suggestions ? { list: `${id}-list` } : {})}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          if (live) onChange(event.currentTarget.value);
        }}
        onChange={(event) => {
          if (!live) onChange(event.currentTarget.value);
        }}
      />
      {suggestions && (
        <datalist id={`${id}-list`}>
          {suggestions.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </div>
  );
}

interface SelectProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** Values, or pairs of a value and what is shown for it. */
  options: readonly (string | readonly [string, string])[];
}

export function Select({ label, value, onChange, options }: SelectProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => {
          const [given, shown] = typeof option === "string" ? [option, option] : option;
          return (
            <option key={given} value={given}>
              {shown}
            </option>
          );
        })}
      </select>
    </div>
  );
}

interface CheckboxProps {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

export function Checkbox({ label, checked, onChange }: CheckboxProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {label}
    </label>
  );
}

/** A row of filters. */
export function Filters({ children }: { children: ComponentChildren }) {
  return (
    <search class="filters" aria-label="Filters">
      {children}
    </search>
  );
}

interface FilterProps {
  /** Its name in the address. */
  name: string;
  label: string;
  placeholder?: string;
  suggestions?: readonly string[];
}

/** A filter of the address that is a line of text. */
export function FilterField({ name, ...shown }: FilterProps) {
  return (
    <Field
      {...shown}
      live={false}
      value={filter(name)}
      onChange={(value) => setFilters({ [name]: value.trim() })}
    />
  );
}

/** A filter of the address that is on or off. */
export function FilterCheckbox({ name, label }: { name: string; label: string }) {
  return (
    <Checkbox
      label={label}
      checked={filter(name) === "true"}
      onChange={(checked) => setFilters({ [name]: checked ? "true" : "" })}
    />
  );
}

const PERIODS: readonly (readonly [string, string])[] = [
  ["15m", "last 15 minutes"],
  ["1h", "last hour"],
  ["6h", "last 6 hours"],
  ["1d", "last 24 hours"],
  ["7d", "last 7 days"],
];

/** The period if the address has none. */
export const DEFAULT_SINCE = "1h";

/** The filter `since` of the address. */
export function sinceFilter(): string {
  return filter("since") || DEFAULT_SINCE;
}

/** Chooses the period, `since` in the address. */
export function SinceFilter() {
  const since = sinceFilter();
  const isOffered = PERIODS.some(([one]) => one === since);
  return (
    <Select
      label="Period"
      value={since}
      options={isOffered ? PERIODS : [[since, `since ${since}`], ...PERIODS]}
      onChange={(value) => setFilters({ since: value === DEFAULT_SINCE ? "" : value })}
    />
  );
}
