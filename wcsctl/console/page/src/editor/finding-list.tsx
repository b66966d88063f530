import { Badge } from "../components/badge";
import { ErrorNote } from "../components/notes";
import type { Linted } from "../policy-shapes";
import { counted } from "../text";
import type { Asked } from "./asking";
import type { Position } from "./findings";

interface FindingListProps {
  linted: Asked<Linted>;
  /** Shows a finding's place in the text. */
  onGo: (position: Position) => void;
}

/** The compiler's findings about a text. */
export function FindingList({ linted, onGo }: FindingListProps) {
  const { answer, waiting } = linted;
  if (answer === null) return null;
  if (!answer.ok) return <ErrorNote problem={answer.error} />;
  const { findings, milliseconds } = answer.value;
  return (
    <section class="stack" aria-label="Findings" aria-busy={waiting}>
      <p class="dim" role="status">
        {findings.length ? counted(findings.length, "finding") : "No errors or warnings"} · checked
        in {Math.round(milliseconds)} ms
      </p>
      {findings.length > 0 && (
        <ul class="findings">
          {findings.map((finding, index) => {
            const { level, policy, attribute, message, from } = finding;
            const place = [policy, attribute].filter(Boolean).join(": ");
            return (
              <li key={index}>
                <Badge
                  tone={level === "error" ? "bad" : "warn"}
                  mark={level === "error" ? "!" : "?"}
                >
                  {level}
                </Badge>
                {from ? (
                  <button type="button" class="link" onClick={() => onGo(from)}>
                    line {from.line}
                    {place && `, ${place}`}
                  </button>
                ) : (
                  <span>{place}</span>
                )}
                <span class="finding-text">{message}</span>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}
