/** What a page reads. The last answer is kept while it is read again. */
import { type ReadonlySignal, type Signal, useSignal } from "@preact/signals";
import { useCallback, useEffect, useRef } from "preact/hooks";
import { type Answer, get, type Problem, type Query, queryText, type Success } from "./api";

export interface Look<T> {
  /** The last answer that was not an error. */
  readonly answer: Success<T> | null;
  readonly problem: Problem | null;
  /** The command of the last answer, including errors. */
  readonly command: string;
  readonly remarks: readonly string[];
  readonly loading: boolean;
  /** Reads it again. */
  readonly refresh: () => void;
}

/**
 * Reads a route when the page opens and whenever the query changes.
 *
 * @param route - null reads nothing.
 * @param every - Seconds after which it is read again while the page is visible; 0: never.
 */
export function useLook<T>(route: string | null, query: Query = {}, every = 0): Look<T> {
  const success = useSignal<Success<T> | null>(null);
  const last = useSignal<Answer<T> | null>(null);
  const loading = useSignal(route !== null);
  const abort = useRef<AbortController | null>(null);
  const address = route === null ? null : `${route}${queryText(query)}`;
  const latest = useRef(query);
  latest.current = query;

  const reread = useCallback(() => {
    if (route === null) return;
    abort.current?.abort();
    const own = new AbortController();
    abort.current = own;
    get<T>(route, latest.current, own.signal).then((answer) => {
      if (own.signal.aborted) return;
      loading.value = false;
      last.value = answer;
      if (answer.ok) success.value = answer;
    });
  }, [route, loading, last, success]);

  const refresh = useCallback(() => {
    loading.value = route !== null;
    reread();
  }, [route, loading, reread]);

  useEffect(() => {
    refresh();
    return () => abort.current?.abort();
  }, [address, refresh]);

  // A refresh that the user did not request does not dim the page.
  useInterval(reread, every);
  return read(success, last, loading, refresh);
}

function read<T>(
  success: ReadonlySignal<Success<T> | null>,
  last: ReadonlySignal<Answer<T> | null>,
  loading: Signal<boolean>,
  refresh: () => void,
): Look<T> {
  const answer = last.value;
  return {
    answer: success.value,
    problem: answer && !answer.ok ? answer.error : null,
    command: answer?.command ?? "",
    remarks: answer?.remarks ?? [],
    loading: loading.value,
    refresh,
  };
}

/** Calls a function at intervals while the page is visible; never with 0 seconds. */
export function useInterval(act: () => void, seconds: number): void {
  useEffect(() => {
    if (!seconds) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) act();
    }, seconds * 1000);
    return () => clearInterval(timer);
  }, [act, seconds]);
}
