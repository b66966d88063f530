/** Writes, and their outcomes. */
import { useSignal } from "@preact/signals";
import { useCallback } from "preact/hooks";
import { type Answer, post } from "./api";

export interface Write {
  readonly busy: boolean;
  /** The answer to the last write; null before the first. */
  readonly answer: Answer<unknown> | null;
  readonly run: <T>(route: string, body: Readonly<Record<string, unknown>>) => Promise<Answer<T>>;
}

/** Writes one thing at a time. */
export function useWrite(): Write {
  const busy = useSignal(false);
  const answer = useSignal<Answer<unknown> | null>(null);
  const run = useCallback(
    async <T>(route: string, body: Readonly<Record<string, unknown>>) => {
      busy.value = true;
      const given = await post<T>(route, body);
      busy.value = false;
      answer.value = given;
      return given;
    },
    [busy, answer],
  );
  return { busy: busy.value, answer: answer.value, run };
}
