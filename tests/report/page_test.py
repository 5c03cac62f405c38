import base64
import hashlib
import html.parser
import re

import pandas as pd
import pytest

from tf_transfer.analysis.effects import COLUMNS
from tf_transfer.experiment.config import Experiment
from tf_transfer.report import page as html_page
from tf_transfer.results import result_files
from tf_transfer.results.contents import Contents


class Reader(html.parser.HTMLParser):
    """Gathers elements and their attributes, and whether each is closed."""

    VOID = {"meta", "link", "br", "img", "path", "use", "stop"}

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(reported):
    return reported.page_path.read_text()


@pytest.fixture(scope="module")
def elements(page):
    reader = Reader(page)
    assert not reader.open
    return reader.elements


def test_nothing_is_loaded_from_elsewhere(elements, page):
    loaded = [attrs[name] for _, attrs in elements for name in ("src", "href", "xlink:href") if name in attrs]
    assert loaded and all(address.startswith(("#", "data:")) for address in loaded)
    assert "@import" not in page and not re.search(r"url\((?!#)", page)
    assert not [name for _, attrs in elements for name in attrs if name.startswith("on")]


def test_the_policy_allows_the_pages_own_script_alone(elements, page):
    (policy,) = [attrs["content"] for _, attrs in elements if attrs.get("http-equiv") == "Content-Security-Policy"]
    script = page[page.index("<script>") + len("<script>") : page.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}'; ")


def test_ids_are_unique_and_links_lead_somewhere(elements):
    ids = [attrs["id"] for _, attrs in elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs.get("href") or attrs.get("xlink:href") or "" for _, attrs in elements]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)


def test_every_picture_has_an_alternative_text(elements):
    texts = [attrs.get("aria-label") for tag, attrs in elements if tag == "svg" and attrs.get("role") == "img"]
    texts += [attrs.get("alt") for tag, attrs in elements if tag == "img"]
    assert len(texts) == 11 and all(texts)
    assert "AnB 49.0, 48.0, 47.0, 46.0, 45.0, 44.0, 43.0 % at n = 1, 2, 3, 4, 5, 6, 7" in texts[0]


def test_black_and_white_are_the_readers(page):
    figures = page[page.index("<svg") : page.rindex("</svg>")]
    assert "var(--ink)" in figures and "#000000" not in figures and "#ffffff" not in figures


def test_columns_that_never_vary_are_named_once(elements, page):
    assert "split random-0, images_per_class 0, seed 0, steps 20, num_classes 10, num_train_images 1000" in page
    assert "num_test_images 1000, chance 10.0 %, status finished." in page
    headers = [attrs for tag, attrs in elements if tag == "th" and "aria-sort" in attrs]
    assert len(headers) == 12 and {attrs["aria-sort"] for attrs in headers} == {"none"}


def test_numbers_sort_by_their_value_and_show_in_percent():
    row = {"top1_last": 0.12345, "n": 3, "kind": "base", "loss_last": float("nan")}
    cells = [html_page._cell(name, value) for name, value in row.items()]
    assert cells == [("12.3", "0.12345"), ("3", "3"), ("base", "base"), ("", "")]


def test_effects_without_an_interval_have_none():
    row = dict.fromkeys(COLUMNS) | {"effect": "recovery", "layers": "1", "n": 1, "estimate": 2.0, "low": float("nan")}
    made = html_page._effect_rows(pd.DataFrame([row | {"p_holm": float("nan")}]))
    assert made["rows"] == {"recovery": [{"estimate": "2.0", "interval": "", "found": False}]}
    assert made["patterns"] == {"recovery": ["AnB+", "AnB"]}


def test_commands_can_be_pasted_into_a_shell():
    command = html_page.report_command("a b", "top1_last")
    assert command == "tf-transfer report '--workdir=a b' --metric=top1_last"
    assert html_page.report_command("w", compare=True) == "tf-transfer report --workdir=w --compare=published"
    assert html_page.sweep_command("a b") == "tf-transfer sweep '--like=a b' '--workdir=a b-again'"


def test_the_configuration_is_shown_by_the_names_of_its_fields(make_result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = {"volumes": {"split": "all", "treatments": (), "images_per_class": (5, 10)}}
    made = (make_result("baseB"),)
    experiment = Experiment(str(tmp_path / "stores" / "x"), blocks=blocks)
    contents = Contents(tmp_path, experiment, made, result_files.table(made))
    settings = dict(html_page._settings(contents))
    assert settings["store"] == "stores/x"  # below the present directory
    assert settings["recipe.batch_size"] == "64" and settings["blocks.volumes.images_per_class"] == "(5, 10)"
    assert settings["precision used"] == "float32" and settings["computed with"] == "python 3.11"
