import { Page } from "../components/page";

export function TryPage() {
  return <Page title="Try">{null}</Page>;
}
