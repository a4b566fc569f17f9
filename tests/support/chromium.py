"""Headless Chromium as a reader of our pages, and axe-core as one who cannot see or hold a mouse."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
NOT_INSTALLED = "chromium is not installed: apt-get install chromium"

# As root, in a container without a graphics card, and without the browser's own talk to the network.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
GRAVE = ("serious", "critical")


class BrowserUnavailableError(RuntimeError):
    """No Chromium is installed here; the text says what to do."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine, headless, with an empty profile that is gone afterwards."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise BrowserUnavailableError(NOT_INSTALLED)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass(slots=True)
class Opened:
    """A page that is open, and what it has said and asked for beside itself."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)

    def grave_defects(self) -> list[str]:
        """What axe-core finds that is serious or critical, with the element it finds it on."""
        self.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
        found: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
            if violation["impact"] in GRAVE
        ]


@contextmanager
def opened(
    browser: Browser, file: Path, *, width: int = 1280, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Opened]:
    """A file in a window of that width and colour scheme, as somebody opens it from a folder."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    reader = Opened(page)

    def note(request: Request) -> None:
        if request.url.partition("#")[0] != file.as_uri():
            reader.asked_for.append(request.url)

    page.on("request", note)
    page.on("console", lambda message: reader.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: reader.said.append(str(error)))
    page.goto(file.as_uri())
    try:
        yield reader
    finally:
        context.close()
