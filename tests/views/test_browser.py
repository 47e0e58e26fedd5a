# SPDX-License-Identifier: Apache-2.0
"""The site in a real browser, from a folder and from a server: keys, filter, sort, themes, phones, hostile names."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pellucid.store import Atlas
from pellucid.views import Site, export

UNITS = 12
PAGES = (
    "index.html",
    "layer/1/index.html",
    "layer/5/index.html",
    "layer/1/0.html",
    "layer/4/3.html",
    "layer/6/1.html",
)
HOSTILE = [
    "<script>window.__p=1</script>",
    '"><img src=x onerror=window.__p=1>',
    "</script><svg onload=window.__p=1>",
    "' autofocus onfocus='window.__p=1",
    "javascript:window.__p=1",
    "{{7*7}} ${7*7}",
    "a\tb\\u003c/script>",
    "\u202egnp.exe",
    "\u2028window.__p=1\u2029",
    "<!--<script>",
    "&lt;b&gt;&amp;amp;",
    "漢字 ﷽ 👁️‍🗨️",
]


@pytest.fixture(scope="module")
def atlas(make_atlas, tmp_path_factory):
    return make_atlas(tmp_path_factory.mktemp("browsed") / "browsed.atlas", units=UNITS)


@pytest.fixture(scope="module")
def bases(atlas, tmp_path_factory, browser) -> Iterator[dict[str, str]]:
    """Where the same site is found: in a folder, and on a server."""
    out = tmp_path_factory.mktemp("export") / "site"
    export(atlas, out)
    code = "import sys; from pellucid.views import serve; serve(sys.argv[1], port=0)"
    server = subprocess.Popen([sys.executable, "-c", code, atlas], stderr=subprocess.PIPE, text=True)
    try:
        yield {"file": out.as_uri() + "/", "http": re.search(r"http://\S+", server.stderr.readline())[0]}
    finally:
        server.kill()
        server.communicate()


@pytest.fixture(params=["file", "http"])
def base(bases, request) -> str:
    return bases[request.param]


@pytest.fixture
def open_page(browser):
    """Opens pages that must not complain, nor ask for anything from elsewhere."""
    contexts, complaints = [], []

    def start(url: str, **options):
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type in ("error", "warning") else 0,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}") or dialog.dismiss())
        page.on("requestfailed", lambda request: complaints.extend(failure(request)))
        site = re.match(r"file://.*?/site/|http://[^/]+/", url)[0]
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((site, "data:")) else complaints.append(request.url)
            ),
        )
        page.goto(url)
        return page

    yield start
    for context in contexts:
        context.close()
    assert complaints == []


def failure(request) -> list[str]:
    """A request that failed, unless the page was left before it was answered."""
    return [] if "ERR_ABORTED" in request.failure else [f"{request.failure} {request.url}"]


def where(page, base: str) -> str:
    return page.url.removeprefix(base)


def units(page) -> list[int]:
    return [int(words) for words in page.locator("#grid li:visible b").all_text_contents()]


def test_pages_open_without_complaint_and_show_their_pictures(open_page, base):
    page = open_page(base + "index.html")
    loaded = "images => images.every(image => !image.complete || image.naturalWidth > 0)"
    for path in PAGES:
        page.goto(base + path)
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        assert page.locator("img").evaluate_all(loaded), path
        assert page.locator("h1").count() == 1


def test_a_phone_needs_no_sideways_scroll(open_page, bases):
    page = open_page(bases["file"] + "index.html", viewport={"width": 360, "height": 640}, has_touch=True)
    for path in PAGES:
        page.goto(bases["file"] + path)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_arrow_keys_walk(open_page, base):
    page = open_page(base + "layer/1/0.html")
    for key, path in (
        ("ArrowRight", "layer/1/1.html"),
        ("ArrowRight", "layer/1/2.html"),
        ("ArrowLeft", "layer/1/1.html"),
        ("ArrowUp", "layer/1/index.html"),
        ("ArrowRight", "layer/4/index.html"),
        ("ArrowLeft", "layer/1/index.html"),
        ("ArrowUp", "index.html"),
    ):
        page.keyboard.press(key)
        page.wait_for_url(base + path)
    page.keyboard.press("ArrowUp")
    assert where(page, base) == "index.html"


def test_up_scrolls_before_it_leaves(open_page, bases):
    page = open_page(bases["file"] + "layer/1/0.html")
    page.evaluate("window.scrollTo({top: 300, behavior: 'instant'})")
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(600)  # long enough for a page to be left
    assert where(page, bases["file"]) == "layer/1/0.html"


def test_arrow_keys_walk_within_the_grid(open_page, bases):
    page = open_page(bases["file"] + "layer/1/index.html")
    focused = "document.activeElement.getAttribute('href')"
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == "0.html"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "1.html"
    page.keyboard.press("ArrowDown")
    below = int(page.evaluate(focused).removesuffix(".html"))
    boxes = [page.locator(f'#grid a[href="{unit}.html"]').bounding_box() for unit in (1, below)]
    assert boxes[0]["x"] == pytest.approx(boxes[1]["x"], abs=1)
    assert boxes[0]["y"] < boxes[1]["y"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/1.html")


def test_filter_by_number_range_word_and_item(open_page, base):
    page = open_page(base + "layer/4/index.html")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"
    for query, found in (
        ("7", [7]),
        ("2-4", [2, 3, 4]),
        ("dead", [3]),
        ("2-9 DEAD", [3]),
        ("nothing of that name", []),
        ("ArrowRight", []),
    ):
        page.fill("#filter", query)
        assert units(page) == found, query
        assert page.inner_text("#count") == f"{len(found)} of {UNITS} units"
    name = page.evaluate("window.pellucidUnits.words[5].split('\\n').pop()")
    page.fill("#filter", name)
    assert 5 in units(page)
    page.keyboard.type("/")  # within the filter keys are letters
    assert page.input_value("#filter") == f"{name}/"
    page.fill("#filter", "5")
    page.keyboard.press("ArrowDown")  # but down leads to what was found
    assert page.evaluate("document.activeElement.getAttribute('href')") == "5.html"
    page.keyboard.press("/")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    assert units(page) == list(range(UNITS))
    assert page.evaluate("document.activeElement.id") != "filter"
    assert page.inner_text("#count") == f"{UNITS} units"


def test_sort_by_a_number_and_back(open_page, base):
    page = open_page(base + "layer/4/index.html")
    page.select_option("#sort", "examples.mean")
    assert units(page) == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11]  # the last unit has no examples
    assert page.locator("#grid li").first.locator(".sorted").text_content() == "12.75"
    page.check("#reverse")
    assert units(page) == list(range(12))
    assert page.locator("#grid li").first.locator(".sorted").text_content() == "−2.25"
    page.select_option("#sort", "optimum.activation_positive")
    assert units(page)[-1] == 3  # dead
    page.fill("#filter", "0-5")
    assert units(page) == [5, 4, 2, 1, 0, 3]
    page.uncheck("#reverse")
    page.select_option("#sort", "")
    assert units(page) == list(range(6))
    assert page.locator(".sorted").count() == 0


def test_themes_follow_the_system_and_remember_a_choice(open_page, bases):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = open_page(bases["http"], color_scheme="light")
    dark = open_page(bases["http"], color_scheme="dark")
    bright, dim = light.evaluate(ground), dark.evaluate(ground)
    assert bright != dim
    assert (light.inner_text("#theme-button"), dark.inner_text("#theme-button")) == ("Dark", "Light")
    light.click("#theme-button")
    assert light.evaluate(ground) == dim
    light.goto(bases["http"] + "layer/1/0.html")
    assert light.evaluate(ground) == dim
    light.keyboard.press("t")
    assert light.evaluate(ground) == bright
    light.reload()
    assert light.evaluate(ground) == bright


def test_the_help_opens_and_closes_by_key(open_page, base):
    page = open_page(base + "index.html")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible()
    page.click("#keys-button")
    assert page.locator("#keys").is_visible()
    page.click("#keys form button")
    assert not page.locator("#keys").is_visible()


def test_boxes_lie_where_the_crop_was_taken(open_page, bases):
    page = open_page(bases["http"] + "layer/4/0.html")
    item = page.locator(".item").first
    crop, whole = item.locator("svg.crop").get_attribute("viewBox"), item.locator("svg.whole")
    box = whole.locator("rect.box")
    assert [box.get_attribute(name) for name in ("x", "y", "width", "height")] == crop.split()
    drawn, frame = box.bounding_box(), whole.bounding_box()
    width = float(whole.get_attribute("viewBox").split()[2])
    assert drawn["x"] - frame["x"] == pytest.approx(float(crop.split()[0]) / width * frame["width"], abs=2)
    assert box.evaluate("each => getComputedStyle(each).fill") == "none"


def test_items_open_larger_and_are_walked(open_page, base):
    page = open_page(base + "layer/4/0.html")
    item = page.locator(".item").nth(1)
    item.click()
    closer = page.locator("dialog.closer")
    assert closer.locator("bdi").text_content() == item.locator(".name").text_content()
    assert (
        closer.locator("svg.whole").bounding_box()["width"]
        > 3 * item.locator("svg.whole").bounding_box()["width"]
    )
    page.keyboard.press("ArrowRight")
    assert closer.locator("bdi").text_content() == page.locator(".item .name").nth(2).text_content()
    page.keyboard.press("Escape")
    assert not closer.is_visible()
    page.keyboard.press("Enter")  # on the item last shown
    assert closer.locator("bdi").text_content() == page.locator(".item .name").nth(2).text_content()
    closer.click()
    assert not closer.is_visible()
    assert where(page, base) == "layer/4/0.html"


def test_every_page_reads_without_scripts(open_page, bases):
    page = open_page(bases["file"] + "layer/4/index.html", java_script_enabled=False)
    assert page.locator("#grid li:visible").count() == UNITS
    assert not page.locator("#finder").is_visible()
    assert not page.locator(".tools").is_visible()


def test_everything_is_reached_and_seen_by_keyboard(open_page, bases):
    page = open_page(bases["file"] + "layer/4/index.html")
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('href')"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", seen
    assert {
        "#main",
        "../../index.html",
        "keys-button",
        "theme-button",
        "filter",
        "sort",
        "reverse",
        "0.html",
    } <= set(seen)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2 between two CSS colors `rgb(r, g, b)`."""

    def light(color: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# Every element with words of its own: the words, their ink, and the ground behind them.
INKS = """() => [...document.querySelectorAll('main *, header *, footer *')].filter(each =>
    [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())).map(each => {
    let ground = each;
    while (getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
    const own = getComputedStyle(each);
    const ink = each instanceof SVGElement ? own.fill : own.color;
    return [each.textContent.trim().slice(0, 30), ink, getComputedStyle(ground).backgroundColor];
})"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_stands_out_from_its_ground(open_page, bases, theme):
    page = open_page(bases["file"] + "index.html", color_scheme=theme)
    found = []
    for path in PAGES:
        page.goto(bases["file"] + path)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        found += page.evaluate(INKS)
    poor = [(words, ink, ground) for words, ink, ground in found if contrast(ink, ground) < 4.5]
    assert len(found) > 400
    assert poor == []


def test_hostile_names_run_nothing(open_page, make_atlas, tmp_path):
    atlas = make_atlas(tmp_path / "h.atlas", units=len(HOSTILE), side=16, names=HOSTILE)
    export(atlas, tmp_path / "site")
    base = (tmp_path / "site").as_uri() + "/"
    page = open_page(base + "index.html")
    for path in (
        "index.html",
        "layer/1/index.html",
        "layer/6/index.html",
        *(f"layer/6/{unit}.html" for unit in range(4)),
    ):
        page.goto(base + path)
        assert page.evaluate("window.__p") is None
    with Atlas.open(atlas) as opened:
        names = [layer.name for layer in opened.layers()]
        assert Site(opened)
    page.goto(base + "index.html")
    texts = page.locator("h3 bdi, .between bdi").all_text_contents()
    assert sorted(texts) == sorted(names)
    page.goto(base + "layer/6/index.html")
    for unit in range(len(HOSTILE)):
        label = HOSTILE[(6 + unit) % len(HOSTILE)] + f" {6 + unit}" * (6 + unit >= len(HOSTILE))
        assert page.locator("#grid li").nth(unit).locator("bdi").text_content() == label
        page.fill("#filter", label.strip().split()[0])
        assert unit in units(page)
        assert page.evaluate("window.__p") is None
