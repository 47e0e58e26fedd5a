# SPDX-License-Identifier: Apache-2.0
"""Pages: whole, linked, generic, and safe whatever the names in an atlas are."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import numpy as np
import pytest

from pellucid.figures import Blob, Item, Items, Number, Picture
from pellucid.records import Kind, Layer, Panel, Record
from pellucid.store import Atlas, AtlasWriter
from pellucid.views import Site
from pellucid.views.tile import tile
from pellucid.views.typeset import link_from, thumbnail

HOSTILE = [
    "<script>window.__p=1</script>",
    '"><img src=x onerror=window.__p=1>',
    "</script><svg onload=window.__p=1>",
    "' autofocus onfocus='window.__p=1",
    "javascript:window.__p=1",
    "{{7*7}}{% raw %}",
    "../../../../etc/passwd",
    "a\r\nSet-Cookie: x=1",
    "\u202egnp.exe",
    "\u2028window.__p=1\u2029",
    "\x00\x01\x1b[2J",
    "CON",
    "<!--",
    "&lt;b&gt;&amp;amp;",
    "]]>",
    "\\u003c/script\\u003e",
    "漢字 ﷽ 👁️‍🗨️",
    "%3Cscript%3E",
    "a" * 255,
]


class Page(HTMLParser):
    """A page's tags, attributes, texts, and the places its links lead to."""

    def __init__(self, path: str, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.path, self.tags, self.attributes, self.texts, self.links = path, [], [], [], []
        self.images_without_words = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        named = dict(attrs)
        if tag == "img" and "alt" not in named:
            self.images_without_words += 1
        if tag == "svg" and not (named.get("aria-label") or named.get("aria-hidden") == "true"):
            self.images_without_words += 1
        for name in ("href", "src"):
            if named.get(name):
                self.links.append(named[name])

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        self.texts.append(data)

    def target(self, link: str) -> str:
        parts = urlsplit(link)
        assert (parts.scheme, parts.netloc) == ("", ""), link
        assert not link.startswith("/")
        place: list[str] = list(PurePosixPath(self.path).parent.parts)
        for part in parts.path.split("/"):
            place = place[:-1] if part == ".." else [*place, part]
        return "/".join(place) if parts.path else self.path


@pytest.fixture(scope="module")
def site(atlas_path):
    with Atlas.open(atlas_path) as atlas:
        yield Site(atlas)


@pytest.fixture(scope="module")
def files(site):
    return dict(site.files())


@pytest.fixture(scope="module")
def hostile_files(make_atlas, tmp_path_factory):
    path = make_atlas(
        tmp_path_factory.mktemp("hostile") / "h.atlas", units=len(HOSTILE), side=16, names=HOSTILE
    )
    with Atlas.open(path) as atlas:
        yield dict(Site(atlas).files())


PARSED: dict[int, list[Page]] = {}


def pages_of(files):
    if id(files) not in PARSED:
        texts = ((path, data.decode()) for path, data in files.items() if path.endswith(".html"))
        PARSED[id(files)] = [Page(path, text) for path, text in texts]
    return PARSED[id(files)]


def test_files_are_what_render_gives(site, files):
    for path, data in files.items():
        assert site.render(path)[0] == data, path
    assert list(site.paths()) == [*files, "manifest.json"]


def test_two_readings_give_the_same_bytes(atlas_path, files):
    with Atlas.open(atlas_path) as atlas:
        assert dict(Site(atlas).files()) == files


def test_every_unit_layer_and_blob_has_its_file(files):
    layers = (1, 4, 5, 6)
    units = {f"layer/{layer}/{unit}.html" for layer in layers for unit in range(8)}
    lists = {f"layer/{layer}/{name}" for layer in layers for name in ("index.html", "units.js")}
    assert {path for path in files if path.startswith("layer/")} == units | lists
    assert {path for path in files if "/" not in path} == {"index.html"}
    assert all(
        re.fullmatch(r"blob/[0-9a-f]{64}\.(png|webp)", path) for path in files if path.startswith("blob/")
    )


@pytest.mark.parametrize("which", ["files", "hostile_files"])
def test_no_link_is_dead_and_no_file_unreachable(which, request):
    files = request.getfixturevalue(which)
    reached = {"index.html", "static/unknown.svg"}
    for page in pages_of(files):
        for link in page.links:
            if not link.startswith(("#", "data:image/png;base64,")):
                assert page.target(link) in files, f"{page.path} links to {link}"
                reached.add(page.target(link))
    assert reached == set(files)


@pytest.mark.parametrize("which", ["files", "hostile_files"])
def test_pages_hold_under_a_strict_policy(which, request):
    for page in pages_of(request.getfixturevalue(which)):
        assert page.tags.count("script") in (2, 3, 4), page.path
        assert "style" not in page.tags
        assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on")]
        assert not page.images_without_words, page.path
        assert page.tags.count("h1") == page.tags.count("main") == 1
        ids = [value for name, value in page.attributes if name == "id"]
        assert len(ids) == len(set(ids))


def test_hostile_names_stand_as_text(hostile_files):
    pages = {page.path: page for page in pages_of(hostile_files)}
    home = pages["index.html"].texts
    for name in HOSTILE[:5]:  # the layers
        assert name in home
    items = pages["layer/1/0.html"]
    assert HOSTILE[5] in [value for name, value in items.attributes if name == "title"]
    for index in range(len(HOSTILE)):
        label = HOSTILE[(6 + index) % len(HOSTILE)] + f" {6 + index}" * (6 + index >= len(HOSTILE))
        assert label in pages[f"layer/6/{index}.html"].texts
    assert not [path for path in hostile_files if not re.fullmatch(r"[a-z0-9./]+", path)]


def test_hostile_names_stay_data_in_scripts(hostile_files):
    for path, data in hostile_files.items():
        if path.endswith("units.js"):
            script = data.decode("ascii")
            assert "<" not in script
            head, _, body = script.partition(" = ")
            assert head == "window.pellucidUnits"
            assert len(json.loads(body.removesuffix(";\n"))["units"]) == len(HOSTILE)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "/",
            "..",
            "../index.html",
            "index.html/",
            "INDEX.HTML",
            "static/",
            "static/style.css/",
            "blob/",
        ),
        *("static/../static/style.css", "static/..%2fstyle.css", "layer/1/../1/0.html", "layer/01/0.html"),
        *("layer/1/00.html", "layer/1/-1.html", "layer/١/0.html", "layer/1/0.html\0", "layer/1/0.html\n"),
        *("layer/2/index.html", "layer/99/index.html", "layer/1/8.html", "layer/1/99999999999999999999.html"),
        *(
            f"blob/{'0' * 64}.png",
            f"blob/{'g' * 64}.png",
            "blob/../../etc/passwd",
            "layer\\1\\0.html",
            "//etc/passwd",
        ),
        *(
            "/etc/passwd",
            "static/theme.js.map",
            "....//....//etc/passwd",
            "C:\\boot.ini",
            "file:///etc/passwd",
        ),
    ],
)
def test_paths_that_are_not_of_the_site_are_nothing(site, path):
    assert site.render(path) is None


def test_a_blob_answers_to_its_own_ending_only(site, files):
    png = next(path for path in files if path.startswith("blob/") and path.endswith(".png"))
    assert site.render(png)[1] == "image/png"
    assert site.render(png.replace(".png", ".webp")) is None
    assert site.render(png.replace(".png", ".html")) is None


def test_units_walk_to_their_neighbors_and_up(files):
    html = files["layer/1/4.html"].decode()
    assert '<link rel="prev" href="3.html">' in html
    assert '<link rel="next" href="5.html">' in html
    assert '<link rel="up" href="index.html">' in html
    assert 'rel="prev"' not in files["layer/1/0.html"].decode()
    assert 'rel="next"' not in files["layer/1/7.html"].decode()
    layer = files["layer/4/index.html"].decode()
    assert '<link rel="prev" href="../../layer/1/index.html">' in layer
    assert '<link rel="next" href="../../layer/5/index.html">' in layer


def test_rectified_layers_say_so_and_lead_to_the_negative_side(files):
    for path in ("layer/5/index.html", "layer/5/2.html"):
        html = files[path].decode()
        assert "no negative side" in html
        assert '<a href="../../layer/4/index.html"><bdi>features.3.squeeze</bdi></a>' in html
        assert "<bdi>features.2</bdi>" in html  # feeds it too, and has no page
    assert "no negative side" not in files["layer/4/2.html"].decode()


def test_dead_units_are_marked_and_their_blanks_say_why(files):
    unit, layer, home = (
        files[path].decode() for path in ("layer/4/3.html", "layer/4/index.html", "index.html")
    )
    assert "<li>dead</li>" in unit
    assert "dead: nothing the climb tried changed this unit" in unit
    assert '<a href="3.html" class="flagged"><span class="blank">dead</span>' in layer
    assert home.count('<span class="blank">dead</span>') == 3
    assert "flagged" not in files["layer/4/2.html"].decode()


def test_a_unit_without_a_picture_shows_its_strongest_item():
    kind = Kind("examples", "Examples", "unit", (Panel("Most", "Nine of many.", ("max",)),))
    item = Item("a.png", 2.0, (0, 0), (8, 0, 24, 16), 64, 32, Blob.of(b"\x89PNG-not-really", "image/png"))
    record = Record("examples", "conv", 0, {"max": Items((item,))}, None)
    shown = thumbnail(tile(0, "", [kind], {"examples": record}), link_from("index.html"))
    assert shown.startswith('<svg viewBox="8 0 16 16"')
    assert f'href="blob/{item.preview.hash}.png"' in shown
    bare = Record("examples", "conv", 0, {"max": Items((replace(item, preview=None),))}, None)
    assert "no picture yet" in thumbnail(tile(0, "", [kind], {"examples": bare}), link_from("index.html"))


def test_home_tells_the_nets_facts_its_notes_and_its_data(files):
    page = Page("index.html", files["index.html"].decode())
    words = " ".join(" ".join(page.texts).split())
    for fact in (
        *(
            "squeezenet1_0",
            "image 3 × 224 × 224",
            "0.485 0.456 0.406",
            "photographs, 250 items",
            "5f2e5f2e5f2e5f2e",
        ),
        *("the prefix module. was stripped", "NASA (public domain)", "photo/0017.jpg the file ends early"),
        *("Filters: all 8 units of features.0", "features.1 ReLU", "features.2 MaxPool2d", "torch 2.13.0"),
    ):
        assert fact in words, fact


def test_the_filters_of_one_layer_are_a_plate_and_strips_show_smoother_pictures(files):
    home = files["index.html"].decode()
    plate = re.search(r'<ul class="mosaic few">(.*?)</ul>', home, re.S)[1]
    strips = re.findall(r'<ul class="strip.*?">(.*?)</ul>', home, re.S)
    assert plate.count('class="pixelated"') == 8
    assert len(strips) == 4
    assert not any("pixelated" in strip for strip in strips[1:])
    assert strips[0].count("pixelated") == 1  # the dead unit has no other picture


def test_layer_data_holds_what_a_page_sorts_and_filters_by(files):
    data = json.loads(files["layer/4/units.js"].decode().partition(" = ")[2].removesuffix(";\n"))
    assert data["units"] == list(range(8))
    assert data["numbers"]["examples.mean"] == [-2.25, -0.75, 0.75, 2.25, 3.75, 5.25, 6.75, None]
    assert data["numbers"]["optimum.activation_positive"][3] is None
    assert "dead" in data["words"][3]
    assert "dead" not in data["words"][2]
    assert data["words"][0].count(".jpg") == 9
    html = files["layer/4/index.html"].decode()
    assert '<option value="examples.mean">mean response</option>' in html
    assert re.findall(r'<optgroup label="(.*?)">', html) == ["Optimum", "Examples"]


def test_what_is_missing_for_one_unit_only_is_said(files):
    assert "Not yet in this atlas for this unit: examples." in files["layer/4/7.html"].decode()
    assert "Not yet" not in files["layer/4/6.html"].decode()


def test_records_about_a_layer_stand_on_its_page(files):
    assert "filters that look untrained" in files["layer/1/index.html"].decode()
    assert "filters that look untrained" not in files["layer/1/0.html"].decode()


def test_a_kind_nobody_has_heard_of_shows_without_new_code(tmp_path):
    kind = Kind(
        "moods", "Moods", "unit", (Panel("Mood", "A note.", ("depth", "face", "glow_face", "face_note")),)
    )
    picture = Picture.of(np.zeros((5, 5, 3), np.uint8), {}, alt="a face")
    records = [
        Record(
            "moods", "a", 0, {"face": picture, "glow_face": Number(3.5, "glow"), "depth": Number(2, "depth")}
        ),
        Record("moods", "a", 1, {"depth": Number(1, "depth"), "face_note": Number("it hid", "no face")}),
    ]
    with AtlasWriter.open(tmp_path / "m.atlas") as writer:
        writer.put_layers([Layer("a", "Odd", (), 2, None, None, False)])
        writer.put_kinds([kind])
        writer.commit_job("all", records)
    with Atlas.open(tmp_path / "m.atlas") as atlas:
        files = dict(Site(atlas).files())
    first, second = files["layer/1/0.html"].decode(), files["layer/1/1.html"].decode()
    cell = re.search(r'<div class="cell">.*?</div>', first, re.S)[0]
    assert 'alt="a face"' in cell
    assert "3.5" in cell  # a number called X_face is the caption of face
    assert first.count("3.5") == 1
    assert "depth" not in cell
    assert "depth" in first
    assert '<p class="blank">it hid</p>' in second
    assert "a network" in files["index.html"].decode()  # no card was ever written


def test_an_atlas_of_nothing_has_a_page(tmp_path):
    with AtlasWriter.open(tmp_path / "empty.atlas") as writer:
        writer.put_layers([Layer("a", "Odd", (), 2, None, None, False)])
    with Atlas.open(tmp_path / "empty.atlas") as atlas:
        files = dict(Site(atlas).files())
    assert [path for path in files if path.endswith(".html")] == ["index.html"]


def test_blobs_that_are_no_pictures_are_never_served(tmp_path):
    evil = Blob.of(b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.__p=1'/>", "image/svg+xml")
    kind = Kind("k", "K", "unit", (Panel("P", "N", ("a",)),), "a")
    with AtlasWriter.open(tmp_path / "e.atlas") as writer:
        writer.put_layers([Layer("a", "Odd", (), 1, None, None, False)])
        writer.put_kinds([kind])
        writer.commit_job("all", [Record("k", "a", 0, {"a": Picture(evil, 1, 1)})])
    with Atlas.open(tmp_path / "e.atlas") as atlas:
        site = Site(atlas)
        files = dict(site.files())
        assert not [path for path in files if path.startswith("blob/")]
        assert 'src="../../static/unknown.svg"' in files["layer/1/0.html"].decode()
        assert site.render(f"blob/{evil.hash}.svg") is None
        assert site.render(f"blob/{evil.hash}.png") is None


def test_no_absolute_path_leaves_the_machine(make_atlas, tmp_path):
    card = {
        "name": "/home/secretuser/My nets/net.py:build",
        "notes": [
            "weights read from /home/secretuser/w.safetensors, 3 keys stripped",
            "as C:\\Users\\secretuser\\x",
        ],
        "input": {"kind": "image", "shape": [3, 8, 8]},
        "versions": {"torch": "2.13.0"},
    }
    path = make_atlas(tmp_path / "leak.atlas", units=2, side=8, card=card)
    with AtlasWriter.open(path) as writer:
        data = {
            "name": "/mnt/secretuser/photos",
            "items": 2,
            "digest": "",
            "credits": ["file:///home/secretuser/c"],
        }
        passes = [{"kind": "optimum", "settings": {"source": "/home/secretuser/s"}}]
        writer.put_plan({"data": data, "passes": passes})
    with Atlas.open(path) as atlas:
        files = dict(Site(atlas).files())
    assert not [path for path, data in files.items() if b"secretuser" in data or b"file://" in data]
    home = files["index.html"].decode()
    assert "net.py:build" in home
    assert "weights read from w.safetensors, 3 keys stripped" in home
    assert "photos, 250 items" in home


def test_scripts_make_text_and_never_markup(files):
    scripts = {
        path: data.decode()
        for path, data in files.items()
        if path.startswith("static/") and path.endswith(".js")
    }
    assert len(scripts) == 5
    banned = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|fetch\(|import\b|\.style\b"
    for path, script in scripts.items():
        assert not re.search(banned, script), path
        assert '"use strict"' in script
