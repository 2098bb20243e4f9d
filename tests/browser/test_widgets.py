"""A real browser opens JupyterLab, runs a notebook, moves a slider, and the figure follows."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed (extra: maintain)"
)
pytest.importorskip("jupyterlab", reason="jupyterlab is not installed (extra: lab)")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine"),
]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
STEP = 120_000  # milliseconds: a busy machine takes its time
FIGURE = ".jp-OutputArea-output .js-plotly-plot"
SAMPLE = """
import torch
from arlm_helpers.reading.widgets import temperature_explorer
TOKENS = ["\\n", " the", "快", "<b>bold</b>", "fox", "q"]

def complete(prompt, temperature, seed):
    if prompt == "boom":
        raise ValueError("no text follows 'boom'; type another prompt")
    probs = torch.softmax(torch.arange(6.0) / temperature, 0)
    rng = torch.Generator().manual_seed(seed)
    drawn = torch.multinomial(probs, 20, replacement=True, generator=rng)
    return "".join(TOKENS[i] for i in drawn), probs, TOKENS

temperature_explorer(complete, prompt="To be, or <i id='planted'>not</i>")
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab of its own with settings in a temporary folder: (address, folder of notebooks)."""
    home = tmp_path_factory.mktemp("jupyter")
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}'
    )
    folders = {
        name: str(home / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    folders |= {
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "spaces"),
    }
    notebooks = home / "notebooks"
    notebooks.mkdir()
    shutil.copytree(ROOT / "data" / "checkpoints", home / "data" / "checkpoints")  # stored models: ../data
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
        f"--port={port}", "--IdentityProvider.token=t", "--LabApp.expose_app_in_browser=True",
        "--LabApp.extension_manager=readonly", f"--ServerApp.root_dir={notebooks}",
    ]  # fmt: skip
    with open(home / "log", "w") as log:
        server = subprocess.Popen(
            command, env={**os.environ, **folders}, stdout=log, stderr=log, cwd=notebooks
        )
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/api/status?token=t", server, home / "log")
        yield f"http://127.0.0.1:{port}", notebooks
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_until_it_answers(address, server, log, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            return urllib.request.urlopen(address, timeout=5)
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=BROWSER, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(lab, chromium):
    """A page that notes script errors and requests that leave this machine; the test fails on either."""
    page = chromium.new_page(viewport={"width": 1280, "height": 1600})
    page.set_default_timeout(STEP)
    errors, abroad = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request", lambda request: abroad.append(request.url) if leaves_this_machine(request.url) else None
    )
    yield page
    page.close()
    assert not errors, f"errors in the page: {errors}"
    assert not abroad, f"requests left this machine: {abroad}"


def leaves_this_machine(address):
    parts = urlsplit(address)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost")


def open_and_run(page, lab, name):
    """Open a notebook of the folder, run all cells, and wait until the kernel has done its work."""
    address, _ = lab
    page.goto(f"{address}/lab/tree/{name}?token=t&reset")
    page.wait_for_function("window.jupyterapp && window.jupyterapp.shell.currentWidget?.sessionContext")
    status = "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status"
    page.wait_for_function(f"{status} === 'idle'")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_selector(".widget-slider .noUi-handle")
    page.wait_for_function(f"{status} === 'idle'")
    page.wait_for_selector(FIGURE)


def drawn(page):
    """What the last figure of the page shows: its title and the numbers of its first trace."""
    return page.eval_on_selector_all(
        ".widget-output .js-plotly-plot",
        "figures => JSON.stringify(figures.map(f => [f.layout.title?.text, f.data[0].x]))",
    )


def wait_for_change(page, before, milliseconds=STEP):
    page.wait_for_function(
        "before => JSON.stringify([...document.querySelectorAll('.widget-output .js-plotly-plot')]"
        ".map(f => [f.layout.title?.text, f.data[0].x])) !== before",
        arg=before,
        timeout=milliseconds,
    )


def drag_the_slider_until_the_figure_changes(page, pixels=60, tries=6):
    """Figures above may still be drawn and push the slider away under the mouse; then drag again."""
    before, handle = drawn(page), page.locator(".widget-slider .noUi-handle").first
    for attempt in range(tries):
        handle.hover()  # scrolls to it and waits until it stands still
        box = handle.bounding_box()
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + pixels, box["y"] + box["height"] / 2, steps=8)
        page.mouse.up()
        try:
            return wait_for_change(page, before, 15_000)
        except playwright.TimeoutError:
            if attempt == tries - 1:
                raise


def sources(page):
    """The source of every cell, in order."""
    cells = "window.jupyterapp.shell.currentWidget.content.widgets"
    return page.evaluate(f"{cells}.map(cell => cell.model.sharedModel.getSource())")


@pytest.fixture
def sample(lab):
    cells = [nbformat.v4.new_code_cell(SAMPLE), nbformat.v4.new_code_cell("print('another cell')")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # else a dialog asks for one
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), lab[1] / "sample.ipynb")
    return "sample.ipynb"


@pytest.mark.parametrize("name", ["00_start_here.ipynb"])
def test_a_figure_of_the_course_follows_its_slider(page, lab, name):
    source = ROOT / "notebooks" / name
    if not source.exists():
        pytest.skip(f"{name} is not written yet")
    shutil.copy(source, lab[1] / name)  # JupyterLab saves what it opens
    open_and_run(page, lab, name)
    if picture := os.environ.get("ARLM_PICTURE"):  # the picture of README.md
        page.set_viewport_size({"width": 1280, "height": 860})
        for _ in range(3):  # figures above are still being drawn and push the widget away
            page.locator(".arlm-widget").first.evaluate("widget => widget.scrollIntoView({block: 'end'})")
            page.wait_for_timeout(2000)
        page.screenshot(path=ROOT / picture)
    drag_the_slider_until_the_figure_changes(page)


def test_a_figure_follows_slider_and_keyboard_and_an_error_is_seen(page, lab, sample):
    open_and_run(page, lab, sample)
    drag_the_slider_until_the_figure_changes(page)
    before = drawn(page)
    page.locator(".widget-slider .noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    handle = page.locator(".widget-slider .noUi-handle").first
    assert handle.get_attribute("aria-label") == "temperature"
    wait_for_change(page, before)
    assert page.locator("#planted").count() == 0  # the prompt's own HTML stays text
    prompt = page.locator(".widget-text input").first
    prompt.fill("boom")
    prompt.press("Enter")
    alert = page.locator('[role="alert"]', has_text="no text follows")
    alert.wait_for()
    assert "ValueError" in alert.inner_text()


@pytest.mark.parametrize("control", [".widget-slider .noUi-handle", "button.widget-button"])
def test_keys_pressed_on_a_control_leave_the_notebook_alone(page, lab, sample, control):
    open_and_run(page, lab, sample)
    before = sources(page)
    page.locator(control).first.focus()
    page.keyboard.press("d")  # twice: JupyterLab's command to delete a cell
    page.keyboard.press("d")
    page.wait_for_timeout(1500)
    assert sources(page) == before
