"""The report and TensorBoard in a real browser: headless Chromium, where there is one."""

import json
import shutil
import subprocess
import sys
import urllib.request

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tf_transfer.report.reports import write_report

SWITCHES = (
    "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-component-update "
    "disable-sync"
).split()
# Relative luminance and contrast as in the Web Content Accessibility Guidelines; colours over the page's background.
CONTRASTS = """
const luminance = (color) => {
  const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((part) => {
    const x = part / 255;
    return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const page = luminance(getComputedStyle(document.body).backgroundColor);
const onPage = (element) => !element.closest("[id*=cell-]");  // not on the cells of a matrix
const texts = [...document.querySelectorAll("p, li, a, td, th, small, .quiet, .yes, svg text")];
return texts.filter(onPage).map((element) => {
  const style = getComputedStyle(element);
  const own = luminance(element.closest("svg") ? style.fill : style.color);
  return (Math.max(page, own) + 0.05) / (Math.min(page, own) + 0.05);
});
"""
# The text of a page with all that its components hide in shadow trees.
DEEP_TEXT = """
const gather = (node) => node.nodeType === Node.TEXT_NODE ? node.textContent
  : [...(node.shadowRoot ? [node.shadowRoot] : []), ...node.childNodes].map(gather).join(" ");
return gather(document.body);
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium, which keeps nothing between two runs of the tests and records what it asks for."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("no Chromium or no chromedriver on the PATH (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for switch in (*SWITCHES, f"user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield opened
    opened.quit()


def resize(browser, width):
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


def prefer(browser, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


@pytest.fixture
def page(browser, reported):
    """The report, freshly opened on a wide screen by day; its address."""
    resize(browser, 1280)
    prefer(browser, "light")
    for log in ("browser", "performance"):
        browser.get_log(log)  # which forgets it
    address = reported.page_path.as_uri()
    browser.get(address)
    return address


def cells(browser, column):
    """The cells of a column of the table of all runs, from above."""
    rows = "[...document.querySelectorAll('table.runs tbody tr')]"
    return browser.execute_script(f"return {rows}.map((row) => row.cells[arguments[0]].innerText)", column)


def test_the_page_is_whole_without_any_other_file(browser, page):
    assert browser.get_log("browser") == []  # no error, nothing that its policy forbids
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert page in asked and {address for address in asked if not address.startswith("data:")} == {page}


def test_the_table_sorts(browser, page):
    headers = browser.find_elements(By.CSS_SELECTOR, "table.runs th")
    (column,) = [number for number, header in enumerate(headers) if header.text.startswith("top1_last")]
    button = headers[column].find_element(By.TAG_NAME, "button")
    button.click()
    ascending = [float(text) for text in cells(browser, column)]
    assert ascending == sorted(ascending) and len(ascending) == 37
    assert [header.get_attribute("aria-sort") for header in headers].count("ascending") == 1
    button.send_keys(Keys.ENTER)  # without a mouse
    assert [float(text) for text in cells(browser, column)] == sorted(ascending, reverse=True)
    assert headers[column].get_attribute("aria-sort") == "descending"
    headers[0].find_element(By.TAG_NAME, "button").click()
    assert cells(browser, 0)[:2] == ["A1B_random-0_seed-0", "A1B+_random-0_seed-0"]


def copy(browser):
    """Presses the button; what the page then says, and the text field for those whose browser does not copy."""
    browser.find_element(By.ID, "copy").click()
    status = browser.find_element(By.ID, "copied")
    WebDriverWait(browser, 5).until(lambda _: status.text)
    return status.text, browser.find_element(By.ID, "csv")


def test_the_table_can_be_copied(browser, page, reported):
    permission = {"name": "clipboard-read", "allowWithoutSanitization": True}  # for this test; the page only writes
    browser.execute_cdp_cmd("Browser.setPermission", {"permission": permission, "setting": "granted"})
    said, area = copy(browser)
    assert said == "Copied." and not area.is_displayed()
    copied = browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied.splitlines() == reported.table_path.read_text().splitlines()


def test_the_table_can_be_copied_by_hand(browser, page, reported):
    # As where the page comes over plain HTTP.
    browser.execute_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    said, area = copy(browser)
    assert said.endswith("press Ctrl-C.") and area.is_displayed()
    selected = browser.execute_script("return window.getSelection().toString()")
    assert selected.splitlines() == reported.table_path.read_text().splitlines()


def content_width(browser):
    """How many pixels wide the page is with all that stands out of it."""
    return browser.execute_script("return document.documentElement.scrollWidth")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_its_screen(browser, page, width):
    resize(browser, width)
    assert content_width(browser) <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_is_legible(browser, page, scheme):
    prefer(browser, scheme)
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 28)"}[scheme]
    contrasts = browser.execute_script(CONTRASTS)
    assert len(contrasts) > 300 and min(contrasts) >= 4.5


def test_the_published_report_fits_and_is_quiet(browser, published_report):
    browser.get_log("browser")
    resize(browser, 360)
    browser.get((published_report[0] / "report.html").as_uri())
    assert content_width(browser) <= 360
    assert browser.get_log("browser") == []


@pytest.fixture
def tensorboard(trained, tmp_path):
    """The address of a TensorBoard that shows a sweep of 13 runs, and the report of that sweep."""
    directory = shutil.copytree(trained, tmp_path / "work")
    report = write_report(directory, "top1_last")
    flags = ("--host=127.0.0.1", "--port=0", "--load_fast=false", f"--logdir={report.tensorboard_path}")
    with subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", *flags],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            line = next(line for line in process.stderr if " at http" in line)
            yield line.split(" at ")[1].split()[0], report
        finally:
            process.terminate()
            process.stderr.close()


def fetch(address, data=None):
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"} if data else {})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_tensorboard_shows_tags_charts_and_runs(browser, tensorboard):
    address, report = tensorboard
    runs = set(report.table["run"])
    wait = WebDriverWait(browser, 60)
    plugins = f"{address}data/plugin"
    wait.until(lambda _: len(fetch(f"{plugins}/scalars/tags")) == len(runs) and fetch(f"{plugins}/images/tags"))
    scalars = fetch(f"{plugins}/scalars/tags")
    assert set(scalars) == runs
    tags = {"loss", "learning_rate", "top1", "train_top1", "mean_per_class", "top1/AnB+"}
    assert set(scalars["A1B+_random-0_seed-0"]) == tags
    assert {"figure2", "effects", "learning_curves"} <= set(fetch(f"{plugins}/images/tags")["report"])
    wanted = json.dumps({"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS"], "colParams": [], "sliceSize": 99})
    groups = fetch(f"{plugins}/hparams/session_groups", wanted.encode())["sessionGroups"]
    assert {group["name"] for group in groups} == runs
    shown = {group["name"]: group["metricValues"][0]["value"] for group in groups}
    assert shown == pytest.approx(dict(zip(report.table["run"], report.table["top1_last"], strict=True)), abs=1e-5)
    resize(browser, 1280)
    for tab, words in (
        ("custom_scalars", ["AnB+: fine-tuned, other task", "RnB: frozen, random", "Matches (2)", "Matches (1)"]),
        ("hparams", ["top-1, last test", "transfer-preserve1"]),
    ):
        browser.get(f"{address}#{tab}")
        browser.refresh()
        wait.until(lambda opened, words=words: all(word in opened.execute_script(DEEP_TEXT) for word in words))
