import { Page } from "../components/page";

export function PolicyPage() {
  return <Page title="Policy">{null}</Page>;
}
