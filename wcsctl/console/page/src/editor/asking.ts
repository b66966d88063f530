import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Answer, post } from "../api";

export interface Asked<T> {
  /** The newest answer. While a request is running, it answers an earlier one. */
  readonly answer: Answer<T> | null;
  readonly waiting: boolean;
}

/**
 * Sends a request about the text being typed, once typing has stopped.
 *
 * A newer request aborts the one before.
 *
 * @param body - null sends nothing.
 * @param pause - Milliseconds without a change before the request is sent.
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
