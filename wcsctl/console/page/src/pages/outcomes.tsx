import { Page } from "../components/page";

export function OutcomesPage() {
  return <Page title="Outcomes">{null}</Page>;
}
