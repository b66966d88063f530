import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Answer, post } from "../api";

export interface Asked<T> {
  /** The newest answer; of what was asked before, while a newer one is awaited. */
  readonly answer: Answer<T> | null;
  readonly waiting: boolean;
}

/**
 * Asks the server something about what is being typed, once typing has stopped.
 *
 * The newest answer wins: what is not the newest any more is aborted.
 *
 * @param body - null asks nothing.
 * @param pause - Milliseconds without a change before it is asked.
 */
export function useAsking<T>(
  route: string,
  body: Readonly<Record<string, unknown>> | null,
  pause: number,
): Asked<T> {
  const answer = useSignal<Answer<T> | null>(null);
  const waiting = useSignal(false);
  const text = body === null ? null : JSON.stringify(body);
  useEffect(() => {
    if (text === null) return undefined;
    const abort = new AbortController();
    waiting.value = true;
    const timer = setTimeout(async () => {
      const found = await post<T>(route, JSON.parse(text), abort.signal);
      if (abort.signal.aborted) return;
      answer.value = found;
      waiting.value = false;
    }, pause);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [route, text, pause, answer, waiting]);
  return { answer: answer.value, waiting: waiting.value };
}
