import { render } from "preact";
import { login, signedOut } from "./api";
import { App } from "./app";
import { readSession } from "./session";
import "./style.css";

const TOKEN = "#token=";

async function open(): Promise<void> {
  const token = location.hash.startsWith(TOKEN) ? location.hash.slice(TOKEN.length) : "";
  if (token) {
    // The token must not stay in the address or in the history.
    history.replaceState(null, "", "#/");
    signedOut.value = !(await login(token));
  }
  dispatchEvent(new HashChangeEvent("hashchange"));
  if (!signedOut.value) readSession();
}

addEventListener("hashchange", () => {
  if (location.hash.startsWith(TOKEN)) location.reload();
});

await open();
const root = document.getElementById("page");
if (root) render(<App />, root);
