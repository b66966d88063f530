import type { ComponentChildren } from "preact";
import type { AnswerKind } from "../shapes";

export type Tone = "plain" | "good" | "warn" | "bad" | "accent";

const ANSWERS: Readonly<Record<AnswerKind, { mark: string; tone: Tone }>> = {
  echoed: { mark: "=", tone: "plain" },
  overridden: { mark: "~", tone: "accent" },
  denied: { mark: "×", tone: "warn" },
  rejected: { mark: "#", tone: "warn" },
  malformed: { mark: "?", tone: "warn" },
  failed: { mark: "!", tone: "bad" },
};

/** The answer to a hook. */
export function AnswerBadge({ answer }: { answer: string | undefined }) {
  const { mark, tone } = ANSWERS[answer as AnswerKind] ?? { mark: "", tone: "plain" };
  return (
    <Badge tone={tone} mark={mark}>
      {answer ?? "unknown"}
    </Badge>
  );
}

interface BadgeProps {
  tone?: Tone;
  /** A sign with the same meaning as the colour. */
  mark?: string;
  children: ComponentChildren;
}

export function Badge({ tone = "plain", mark = "", children }: BadgeProps) {
  return (
    <span class={`badge ${tone}`}>
      {mark && (
        <span class="mark" aria-hidden="true">
          {mark}
        </span>
      )}
      {children}
    </span>
  );
}
