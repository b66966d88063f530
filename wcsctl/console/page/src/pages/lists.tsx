import { Page } from "../components/page";

export function ListsPage() {
  return <Page title="Lists">{null}</Page>;
}
