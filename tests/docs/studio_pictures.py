"""Takes docs/pictures/studio-*.png: the studio with the sample workspace, light and dark."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from shutil import copy, copytree
from time import monotonic, sleep
from typing import Final, Literal

import uvicorn
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pipeline.app import App
from pipeline.model.entry import EntryId
from pipeline.settings import load
from pipeline.studio.application import application
from pipeline.studio.desk import Desk
from pipeline.studio.guard import HOST
from pipeline.studio.server import Server

SAMPLE: Final = Path(__file__).parents[2]
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
WAIT_S: Final = 60
MAIL: Final = (540, 240, 1140, 600)  # where its title stands, px
TOKEN: Final = "pictures"  # it stands in no picture, and the studio is soon over


def take(browser: Browser, folder: Path) -> None:
    """Write two pictures into a folder."""
    with tempfile.TemporaryDirectory() as scratch, _served(Path(scratch)) as origin:
        for scheme in SCHEMES:
            context = browser.new_context(
                viewport={"width": 1440, "height": 900}, color_scheme=scheme
            )
            page = context.new_page()
            page.goto(f"{origin}/issues/043.md?scheme={scheme}")
            expect(page.locator(".count", has_text="…")).to_have_count(0, timeout=WAIT_S * 1000)
            expect(page.locator("#live")).to_have_class("on", timeout=WAIT_S * 1000)
            page.wait_for_load_state("load")
            (folder / f"studio-{scheme}.png").write_bytes(_seen(page))
            context.close()


def _seen(page: Page) -> bytes:
    """Return the picture as soon as the mail is in it: its frame may be loaded and not yet seen."""
    end = monotonic() + WAIT_S
    while True:
        picture = page.screenshot()
        with Image.open(BytesIO(picture)) as image:
            shades = image.convert("L").crop(MAIL).getcolors() or ()
        if len(shades) > 16 or monotonic() > end:
            return picture
        sleep(0.1)


@contextmanager
def _served(root: Path) -> Iterator[str]:
    """Serve a copy of the sample workspace, some of it built and approved."""
    copy(SAMPLE / "newsletter.toml", root)
    copytree(SAMPLE / "issues", root / "issues")
    app = App(settings=load(root, {}), root=root, has_workspace=True)
    app.build()([root / "issues/041-labelled.txt", root / "issues/042-sectioned.txt"])
    app.approve()(EntryId("041-labelled"), by="An editor")
    listening = socket.create_server((HOST, 0))
    port = listening.getsockname()[1]
    desk = Desk(lambda: App(settings=load(root, {}), root=root, has_workspace=True))
    config = uvicorn.Config(
        application(desk, port=port, token=TOKEN),
        log_level="warning",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = Server(config, desk, lambda: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    end = monotonic() + WAIT_S
    while not server.started and monotonic() < end:
        sleep(0.01)
    yield f"http://{HOST}:{port}/{TOKEN}"
    server.should_exit = True
    thread.join(WAIT_S)
