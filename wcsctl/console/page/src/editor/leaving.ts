import { useEffect } from "preact/hooks";

const QUESTION = "Leave without publishing? Your text is kept until this tab is closed.";

/** Asks for confirmation before a link or closing the tab leaves an unpublished text. */
export function useLeaveWarning(changed: boolean): void {
  useEffect(() => {
    if (!changed) return undefined;
    const closing = (event: BeforeUnloadEvent) => event.preventDefault();
    const clicking = (event: MouseEvent) => {
      const clicked = event.target instanceof Element ? event.target.closest("a[href^='#']") : null;
      const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
      if (clicked && !elsewhere && clicked.getAttribute("href") !== "#main" && !confirm(QUESTION)) {
        event.preventDefault();
      }
    };
    addEventListener("beforeunload", closing);
    document.addEventListener("click", clicking, true);
    return () => {
      removeEventListener("beforeunload", closing);
      document.removeEventListener("click", clicking, true);
    };
  }, [changed]);
}
