import { Page } from "../components/page";

export function PoliciesPage() {
  return <Page title="Policies">{null}</Page>;
}
