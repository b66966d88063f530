/** Pages and their filters, both in the address: `#/live?method=call&denied=true`. */
import { signal } from "@preact/signals";
import { type Query, queryText } from "./api";

export interface Route {
  /** The first part of the path: "" is the overview. */
  readonly page: string;
  /** What follows the page in the path, decoded: a decision's id. */
  readonly rest: string;
  readonly query: URLSearchParams;
}

export const route = signal<Route>(routeOf(location.hash));

addEventListener("hashchange", () => {
  route.value = routeOf(location.hash);
});

/** The route of a fragment. */
export function routeOf(fragment: string): Route {
  const [path = "", query = ""] = fragment.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [page = "", ...rest] = path.split("/");
  return { page, rest: decoded(rest.join("/")), query: new URLSearchParams(query) };
}

/** The address of a page: `link("live", {method: "call"})`; `link("decision/ID")`. */
export function link(path: string, query: Query = {}): string {
  return `#/${path}${queryText(query)}`;
}

/** Opens a page, as a click on its link would. */
export function go(path: string, query: Query = {}): void {
  location.hash = link(path, query);
}

/** A filter's value in the address; empty if it is not set. */
export function filter(name: string): string {
  return route.value.query.get(name) ?? "";
}

/** Sets filters in the address of this page; an empty value removes one. */
export function setFilters(values: Readonly<Record<string, string | readonly string[]>>): void {
  const { page, rest, query } = route.peek();
  const changed = new URLSearchParams(query);
  for (const [name, value] of Object.entries(values)) {
    changed.delete(name);
    for (const one of typeof value === "string" ? [value] : value) {
      if (one) changed.append(name, one);
    }
  }
  const path = rest ? `${page}/${encodeURIComponent(rest)}` : page;
  const text = changed.toString();
  // A filter is not a page: Back leaves the page.
  history.replaceState(null, "", `#/${path}${text && `?${text}`}`);
  route.value = routeOf(location.hash);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
