"""A real headless Chromium for tests of reports, or the reason why there is none."""

import base64
import contextlib
import shutil
import tempfile

import pytest

OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.contextmanager
def chromium(*, scripting=True):
    """Yield a selenium driver of Debian's chromium, with an empty profile of its own; or skip."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("chromium and chromedriver are not installed (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if not scripting:
        blocked = {"profile.managed_default_content_settings.javascript": 2}
        options.add_experimental_option("prefs", blocked)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for option in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
        try:
            resize(browser, 1200)
            yield browser
        finally:
            browser.quit()


def resize(browser, width):
    """Make the screen as wide as that, a phone's below 600."""
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


def dimensions(browser):
    """Return the width that the page takes, and the one there is; no script of the page needed."""
    metrics = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})
    return metrics["cssContentSize"]["width"], metrics["cssLayoutViewport"]["clientWidth"]


def printed(browser):
    """Return the page as PDF."""
    return base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
