/** Unpublished texts, kept while the tab is open. */

export interface Draft {
  readonly text: string;
  /** The text that it was made from. */
  readonly base: string;
  /** The server's identifier of the state it was made from. */
  readonly seen: string;
}

export function keepDraft(app: string, id: string, draft: Draft): void {
  sessionStorage.setItem(keyOf(app, id), JSON.stringify(draft));
}

export function readDraft(app: string, id: string): Draft | null {
  const kept = sessionStorage.getItem(keyOf(app, id));
  return kept === null ? null : JSON.parse(kept);
}

export function dropDraft(app: string, id: string): void {
  sessionStorage.removeItem(keyOf(app, id));
}

function keyOf(app: string, id: string): string {
  return `draft ${JSON.stringify([app, id])}`;
}
