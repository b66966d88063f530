import { duration } from "../text";

const DAY = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

interface TimeProps {
  /** ISO 8601, or milliseconds since the epoch. */
  at: string | number;
  /** Adds how long ago that is. */
  ago?: boolean;
  /** Adds the milliseconds. */
  exact?: boolean;
}

/** A moment in the local time zone; its title has it in ISO 8601. */
export function Time({ at, ago = false, exact = false }: TimeProps) {
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return <span>{at}</span>;
  const iso = moment.toISOString();
  return (
    <time dateTime={iso} title={iso}>
      {DAY.format(moment)} {CLOCK.format(moment)}
      {exact && `.${String(moment.getMilliseconds()).padStart(3, "0")}`}
      {ago && <span class="dim"> · {duration((Date.now() - moment.getTime()) / 1000)} ago</span>}
    </time>
  );
}
