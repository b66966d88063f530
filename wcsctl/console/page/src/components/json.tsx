import { useSignal } from "@preact/signals";

/** What the server writes in place of a secret. */
const MASK = "***";

export type Path = readonly (string | number)[];

interface JsonProps {
  value: unknown;
  /** Returns the value behind a mask. Without it, masks have no button. */
  reveal?: (path: Path) => Promise<unknown>;
}

/** A readable tree of a value. At most one of its secrets is revealed at a time. */
export function Json({ value, reveal }: JsonProps) {
  const shown = useSignal<{ path: string; value: unknown } | null>(null);
  const toggle = async (path: Path) => {
    const key = JSON.stringify(path);
    if (shown.value?.path === key) shown.value = null;
    else if (reveal) shown.value = { path: key, value: await reveal(path) };
  };
  const leaf = (one: unknown, path: Path) => {
    if (!reveal || typeof one !== "string" || !one.includes(MASK)) return <Leaf value={one} />;
    const open = shown.value?.path === JSON.stringify(path) ? shown.value : null;
    return (
      <>
        <Leaf value={open ? open.value : one} />{" "}
        <button type="button" class="small" onClick={() => toggle(path)}>
          {open ? "hide" : "reveal"}
          <span class="hidden"> {path.join(".")}</span>
        </button>
      </>
    );
  };
  return <div class="json">{tree(value, [], leaf)}</div>;
}

type LeafOf = (value: unknown, path: Path) => preact.ComponentChild;

function tree(value: unknown, path: Path, leaf: LeafOf): preact.ComponentChild {
  if (typeof value !== "object" || value === null) return leaf(value, path);
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.map((one, index) => [index, one])
    : Object.entries(value);
  if (!entries.length) return <code>{Array.isArray(value) ? "[]" : "{}"}</code>;
  return (
    <ul>
      {entries.map(([name, one]) => (
        <li key={name}>
          <span class="json-name">{name}</span> {tree(one, [...path, name], leaf)}
        </li>
      ))}
    </ul>
  );
}

function Leaf({ value }: { value: unknown }) {
  return <code class={typeof value}>{JSON.stringify(value) ?? ""}</code>;
}
