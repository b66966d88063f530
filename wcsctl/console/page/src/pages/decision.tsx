import { Page } from "../components/page";

export function DecisionPage() {
  return <Page title="Decision">{null}</Page>;
}
