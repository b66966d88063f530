"""The console in Chromium: a process of `wcsctl console`, and its page as a person uses it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

from local.workspace import REPOSITORY

type Shade = Literal["light", "dark"]
SHADES: Final[tuple[Shade, ...]] = ("light", "dark")

WIDE: Final[ViewportSize] = {"width": 1440, "height": 900}
NARROW: Final[ViewportSize] = {"width": 390, "height": 844}

_CHROMIUM: Final = os.environ.get("CHROMIUM", "chromium chromium-browser google-chrome")
_OPTIONS: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # the tests may run as root, for whom Chromium has no sandbox
)
_AXE: Final = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
_VIOLATIONS: Final = """() => axe.run().then(({ violations }) => violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`))"""
_SECONDS: Final = 20


@contextmanager
def console_address(directory: Path, *options: str) -> Iterator[str]:
    """Run `wcsctl console` as a person does, and yield the address that it prints.

    Parameters
    ----------
    directory
        That of the local deployment.
    """
    wcsctl = str(REPOSITORY / ".venv" / "bin" / "wcsctl")
    command = [wcsctl, "--local", "console", "--no-open", *options]
    environment = {**os.environ, "WCSCTL_LOCAL": str(directory)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser that reaches nothing but this machine."""
    found = next(filter(None, map(shutil.which, _CHROMIUM.split())), None)
    assert found is not None, "there is no Chromium: local/install-chromium.sh installs it"
    expect.set_options(timeout=_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(_OPTIONS))
        yield browser
        browser.close()


@dataclass
class ConsolePage:
    """A tab with the console.

    Attributes
    ----------
    page
        The tab.
    complaints
        What the browser complained about: scripts that failed, refused content, other hosts.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(_SECONDS * 1000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type in {"error", "warning"} and "Failed to load" not in message.text
                else None
            ),
        )
        self.page.on(
            "request",
            lambda request: (
                self.complaints.append(request.url)
                if not request.url.startswith(("http://127.0.0.1:", "data:"))
                else None
            ),
        )

    @classmethod
    def open(cls, browser: Browser, address: str) -> "ConsolePage":
        """Open the address that the terminal shows."""
        console = cls(browser.new_context(viewport=WIDE).new_page())
        console.page.goto(address)
        console.heading("Overview").wait_for()
        return console

    def go(self, route: str) -> None:
        """Go to a page by its part of the address, and wait until it has all it asks for."""
        base = self.page.url.partition("#")[0]
        self.page.goto(f"{base}#/{route}")
        expect(self.page.locator("[aria-busy=true]")).to_have_count(0)

    def show(self, size: ViewportSize, shade: Shade) -> None:
        """Show the same in a window of another size, in light or dark."""
        self.page.set_viewport_size(size)
        self.page.emulate_media(color_scheme=shade)

    def heading(self, text: str) -> Locator:
        return self.page.get_by_role("heading", name=text, level=1)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def write(self, text: str) -> None:
        """Type a policy into the editor, in place of what is there."""
        self.page.get_by_role("textbox", name=re.compile("YAML")).click()
        self.page.keyboard.press("ControlOrMeta+a")
        # Chromium gives a text that replaces another one the other's style, which is refused.
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(text)

    def publish(self, message: str) -> None:
        """Publish what is in the editor, after a look at the difference."""
        self.page.get_by_label("Message for the history").fill(message)
        self.page.get_by_role("button", name=re.compile("^Publish")).click()
        self.button("Yes, do it").click()

    def violations(self) -> list[str]:
        """Return what axe has to say of the accessibility of what is shown."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found: list[str] = self.page.evaluate(_VIOLATIONS)
        return found

    @property
    def overflow(self) -> int:
        """How many pixels of the page are beyond its right edge."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return width
