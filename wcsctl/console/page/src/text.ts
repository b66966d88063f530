/** Formats values. */

const NUMBER = new Intl.NumberFormat("en");

/** 12345 → "12,345". */
export function number(value: number): string {
  return NUMBER.format(value);
}

/** counted(2, "row") → "2 rows". */
export function counted(count: number, name: string, several = `${name}s`): string {
  return `${number(count)} ${count === 1 ? name : several}`;
}

/** Seconds in words, with at most two units: "1 h 30 min". */
export function duration(seconds: number): string {
  const units = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const;
  let left = Math.max(Math.round(seconds), 0);
  const parts: string[] = [];
  for (const [size, name] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${name}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** A price in US dollars, with as many digits as it needs. */
export function dollars(value: number): string {
  return `$${value.toLocaleString("en", { maximumSignificantDigits: 2 })}`;
}

/** A value on one line: a string unchanged, anything else as JSON. */
export function plain(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** Another command on the same deployment: the options before the command's words are kept. */
export function sibling(command: string, words: string, others: string): string {
  const at = command.indexOf(` ${words}`);
  return at < 0 ? "" : `${command.slice(0, at)} ${others}`;
}

/** An author's name: the last part of an ARN, which is the user's or the role session's name. */
export function author(by: string): string {
  return by.startsWith("arn:") ? (by.split(/[:/]/).at(-1) ?? by) : by;
}

/** "2030-01-31T18:00:00.123456+00:00" → "2030-01-31T18:00:00Z". */
export function wholeSecond(moment: string): string {
  return moment.replace(/\.\d+\+00:00$/, "Z");
}
