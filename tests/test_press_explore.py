"""Explorables: bundled, put over what stands there without script, or refused with file and line."""

import re
import shutil

import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from press_project import REPO, block, build, project, snippet, tree, write

from hooks import explore, run

WRITE = (
    "import json\n\nwith open('cells.json', 'w') as file:\n    json.dump([1, 2.5], file)\nprint('|a|\\n|---|\\n|1|')"
)
DRAW = "import matplotlib.pyplot as plt\nplt.figure(figsize=(4.8, 2))\nplt.plot([1, 2], color='#2072d5')\nplt.show()"
MODULE = (
    'import { svg } from "./lib/draw.js";\nexport default function start({ here }) {\n  here.append(svg("g"));\n}\n'
)
PAGE = f"""# Home

{block("one")}
<!-- explore dots size=3 data=../images/one/cells.json -->
```table
snippets/one.py#a
```

<!-- explore dots id=second -->
![A line](../images/two.svg "It rises.")
"""
FILES = {
    "docs/index.md": PAGE,
    "docs/deep/plain.md": "# Plain\n\nNothing moves.\n",
    "docs/deep/there.md": "# There\n\n<!-- explore dots data=../../images/one/cells.json -->\n"
    "![A line](../../images/two.svg)\n",
    "snippets/one.py": snippet(WRITE),
    "snippets/two.py": '"""Draws."""\n\n# %% draw tags=["hidden"]\n' + DRAW + "\n",
    "docs/explore/dots.js": MODULE,
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = project(tmp_path_factory.mktemp("built"), FILES)
    shutil.copytree(REPO / "docs/explore/lib", root / "docs/explore/lib")
    made = build(root, SITE_URL="https://x.org/sub/")
    assert made.returncode == 0, made.stderr
    return root


def page(root, path):
    return BeautifulSoup((root / "site" / path).read_text(), "html.parser")


def test_what_stands_there_without_script(built):
    first, second = page(built, "index.html").select(".explore")
    assert first.find("table").find_all("td")[0].text == "1" and first["id"] == "explore-dots"
    assert (first["data-size"], first["data-data"]) == ("3", "images/one/cells.json")
    assert second.figure.img["alt"] == "A line" and second["id"] == "explore-second"
    assert (built / "site" / first["data-data"]).read_text() == "[1, 2.5]"
    there = page(built, "deep/there/index.html").select_one(".explore")
    assert there["data-data"] == "../../images/one/cells.json"
    for html, folder in ((first, "."), (there, "deep/there")):
        assert (built / "site" / folder / html["data-module"]).is_file()


def test_only_pages_with_an_explorable_load_its_script_and_style(built):
    for path, number in (("index.html", 1), ("deep/there/index.html", 1), ("deep/plain/index.html", 0)):
        html = page(built, path)
        scripts = html.select("script[type=module]")
        sheets = html.select("link[rel=stylesheet][href*='explore/']")
        assert len(scripts) == len(sheets) == number
        for one in [tag["src"] for tag in scripts] + [tag["href"] for tag in sheets]:
            assert re.fullmatch(r"(\.\./)*explore/start-\w{8}\.(js|css)", one)
            assert (built / "site" / path).parent.joinpath(one).is_file()


def test_the_markdown_twin_says_what_stands_there(built):
    twin = (built / "site/index.md").read_text()
    assert "<!-- explore dots size=3 data=images/one/cells.json -->\n\n|a|" in twin
    assert '<!-- explore dots id=second -->\n![A line](images/two.svg "It rises.")' in twin


def test_sources_are_not_published(built):
    published = [path for path in tree(built / "site") if "explore" in path]
    assert all(re.fullmatch(r"explore/(start|dots|shared)-\w{8}\.(js|css)", path) for path in published)


def test_the_bundle_repeats_elsewhere(built, tmp_path):
    copy = shutil.copytree(built / "docs/explore", tmp_path / "other/docs/explore").parents[1]
    assert explore.bundle(copy).files == explore.bundle(built).files


def spoil(root, files):
    """Build with these changes, which must fail and leave the site; then take them back. What it said."""
    before = tree(root / "site")
    old = {path: (root / path).read_text() if (root / path).exists() else None for path in files}
    write(root, files)
    made = build(root)
    for path, text in old.items():
        (root / path).unlink() if text is None else write(root, {path: text})
    assert made.returncode == 1 and "Traceback" not in made.stderr
    assert tree(root / "site") == before and not list(root.glob(".site-*"))
    return made.stderr


def test_faults_of_scripts(built):
    said = spoil(
        built,
        {
            "docs/explore/dots.js": MODULE + "const = 1;\n",
            "docs/explore/lines.js": 'import "./lib/lost.js";\nimport "no-such-package";\nexport default 1;\n',
        },
    )
    assert '\ndocs/explore/dots.js:5: Expected identifier but found "="' in said
    assert '\ndocs/explore/lines.js:1: Could not resolve "./lib/lost.js"' in said
    assert '\ndocs/explore/lines.js:2: Could not resolve "no-such-package"' in said
    assert "unknown explorable" not in said  # its own fault is in the list


def test_a_lost_name_of_another_module(built):
    said = spoil(built, {"docs/explore/dots.js": MODULE.replace("svg", "sgv")})
    assert '\ndocs/explore/dots.js:1: No matching export in "docs/explore/lib/draw.js" for import "sgv"' in said


def test_faults_of_comments(built):
    comments = (
        "dost",
        "dots Size=3",
        'dots size="3"',
        "dots module=x",
        "dots data=../images/one/lost.json",
        "dots data=x",
    )
    text = "\n\n".join(f"<!-- explore {one} -->\n![A line](../images/two.svg)" for one in comments)
    said = spoil(built, {"docs/index.md": "# Home\n\n" + block("one") + text + "\n"})
    for line, what in (
        (6, "unknown explorable 'dost' (have: dots)"),
        (9, "unreadable '<!-- explore dots Size=3 -->' (write <!-- explore name key=value -->"),
        (12, "unreadable '<!-- explore dots size="),
        (15, "'module' is no key for an explorable"),
        (18, "snippets/one.py writes no 'lost.json' (have: one/cells.json)"),
        (21, "no snippet writes 'x' (data is ../images/<snippet>/<name>.json)"),
    ):
        assert f"\ndocs/index.md:{line}: {what}" in said


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (" id=second", "", "docs/index.md:12: a second explorable 'dots' (give this one an id=…)"),
        ("![A line]", "Words.\n\n![A line]", "docs/index.md:12: no figure or table stands below the explorable 'dots'"),
    ],
)
def test_faults_of_places(built, old, new, fault):
    assert f"\n{fault}" in spoil(built, {"docs/index.md": PAGE.replace(old, new)})


def test_too_much_script(built):
    noise = "".join(f"{n * 7919 % 100_003:x}" for n in range(40_000))
    said = spoil(
        built,
        {
            "docs/explore/lib/noise.js": f'export default "{noise}";\n',
            "docs/explore/dots.js": 'import noise from "./lib/noise.js";\nexport default () => console.log(noise);\n',
        },
    )
    assert re.search(r"\ndocs/index.md:7: the explorables of this page weigh \d\d+ KB gzipped, more than 60", said)


BAD = {
    "too large": ("print(file=open('a.json', 'w'), end='[' + '1,' * 103_000 + '1]')", "a.json: it takes 201.2 KiB, "),
    "no number": ("open('a.json', 'w').write('[NaN]')", "writes a.json: it is no JSON: Out of range"),
    "no JSON": ("open('a.json', 'w').write('{1: 2}')", "writes a.json: it is no JSON: Expecting"),
    "a bad name": ("open('A b.json', 'w').write('1')", "writes 'A b.json', which no page can name"),
}


@pytest.mark.parametrize("case", BAD)
def test_data_that_no_page_can_load(tmp_path, case):
    code, what = BAD[case]
    write(tmp_path, {"snippets/one.py": snippet(code)})
    (fault,) = run.results(tmp_path, say=lambda line: None)[2]
    assert fault.startswith("snippets/one.py:") and what in fault


def test_the_example_of_contributing(built, tmp_path):
    guide = MarkdownIt().parse((REPO / "CONTRIBUTING.md").read_text())
    (script,) = [fence.content for fence in guide if fence.type == "fence" and fence.info == "js"]
    (asked,) = [fence.content for fence in guide if fence.content.startswith("<!-- explore bench")]
    root = shutil.copytree(built, tmp_path / "copy")
    write(
        root,
        {
            "docs/explore/bench.js": script,
            "docs/explore/bench.css": ".bench { color: red; }\n",
            "docs/lstm.md": f"# LSTM\n\n{asked}\n",
            "snippets/lstm/bench.py": FILES["snippets/two.py"] + "open('weights.json', 'w').write('[]')\n",
        },
    )
    made = build(root)
    assert made.returncode == 0, made.stderr
    html = page(root, "lstm/index.html")
    assert html.select_one(".explore")["data-cell"] == "lstm"
    sheets = [one["href"] for one in html.select("link[href*='explore/']")]
    assert [re.sub(r"-\w{8}", "", one) for one in sheets] == ["../explore/start.css", "../explore/bench.css"]
    assert not page(root, "index.html").select("link[href*=bench]")
