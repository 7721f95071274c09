"""Sounds: what a snippet writes as a wav file, a page can play."""

import io
import wave

import pytest
from bs4 import BeautifulSoup
from press_project import block, build, project, snippet, write

from hooks import run

SPEAK = """\
import wave


def speak(name, samples, rate=8000):
    with wave.open(name, "wb") as sound:
        sound.setnchannels(CHANNELS)
        sound.setsampwidth(WIDTH)
        sound.setframerate(rate)
        sound.writeframes(bytes(samples * WIDTH))


CHANNELS, WIDTH = 1, 2
"""


def faults_of(root, *cells):
    write(root, {"snippets/voice.py": snippet(SPEAK, *cells)})
    return run.results(root, say=lambda line: None)[2]


def test_a_page_plays_what_a_snippet_writes(tmp_path):
    root = project(tmp_path, {"snippets/voice.py": snippet(SPEAK, 'speak("seven.wav", 100)')})
    page = block("voice") + block("voice", "b") + '\n![Spoken: "7" & more](../images/voice/seven.wav "A <voice>.")\n'
    write(root, {"docs/index.md": "# Voice\n\n" + page})
    for _ in range(2):  # the second build finds it in the cache
        end = build(root)
        assert end.returncode == 0, end.stderr
        figure = BeautifulSoup((root / "site/index.html").read_text(), "html.parser").find("figure", class_="sound")
        assert figure.audio["aria-label"] == 'Spoken: "7" & more' and figure.audio["preload"] == "none"
        assert figure.figcaption.text == 'Spoken: "7" & more A <voice>.'
        with wave.open(io.BytesIO((root / "site" / figure.audio["src"]).read_bytes())) as sound:
            assert (sound.getnframes(), sound.getframerate()) == (100, 8000)
        assert "](images/voice/seven.wav " in (root / "site/index.md").read_text()


def test_a_page_asks_for_a_sound_that_is_not_there(tmp_path):
    root = project(tmp_path, {"snippets/voice.py": snippet(SPEAK, 'speak("seven.wav", 100)')})
    page = "# Voice\n\n" + block("voice") + block("voice", "b")
    write(root, {"docs/index.md": page + "\n![Six](../images/voice/six.wav)\n\n![](../images/voice/seven.wav)\n"})
    error = build(root).stderr
    assert "docs/index.md:10: snippets/voice.py writes no 'six.wav' (have: voice/seven.wav)" in error
    assert "docs/index.md:12: the image '../images/voice/seven.wav' has no alt text" in error


ASKED = {
    "![x](../images/seven.wav)": "no snippet writes 'seven.wav' (a file of a snippet is ../images/<snippet>/<name>)",
    "![x](../images/voice/seven.mp3)": "'../images/voice/seven.mp3' is no sound that a page plays (write a .wav)",
    "![x](../images/voice/seven.svg)": "no cell of snippets/voice.py draws '../images/voice/seven.svg' (let a cell ",
    "Hear ![x](../images/voice/seven.wav) now.": "the image '../images/voice/seven.wav' is not alone on its line",
    "| ![x](../images/voice/seven.wav) | y |": "the image '../images/voice/seven.wav' is not alone on its line",
    "- ![x](../images/voice/seven.wav)": "the image '../images/voice/seven.wav' is not alone on its line",
    '<audio src="../images/voice/seven.wav">': "unreadable '<audio' (write ![alt text](../images/<",
}


def test_what_no_page_may_ask_for(tmp_path):
    root = project(tmp_path, {"snippets/voice.py": snippet(SPEAK, 'speak("seven.wav", 100)')})
    page = "# Voice\n\n" + block("voice") + block("voice", "b")
    write(root, {"docs/index.md": page + "".join(f"\n{line}\n" for line in ASKED)})
    end = build(root)
    assert end.returncode == 1
    for number, what in enumerate(ASKED.values()):
        assert f"docs/index.md:{10 + 2 * number}: {what}" in end.stderr


def test_a_page_in_a_folder_plays_too(tmp_path):
    root = project(tmp_path, {"snippets/voice.py": snippet(SPEAK, 'speak("seven.wav", 100)')})
    page = "# Voice\n\n" + block("voice") + block("voice", "b")
    for name, up in {"deep/er/page": "../../../", "deep/index": "../../"}.items():
        text = page + f"\n![Seven]({up}images/voice/seven.wav)\n"
        write(root, {f"docs/{name}.md": text, "docs/index.md": "# Home\n"})
        end = build(root)
        assert end.returncode == 0, end.stderr
        html = root / "site" / (f"{name}.html" if name.endswith("index") else f"{name}/index.html")
        assert (html.parent / BeautifulSoup(html.read_text(), "html.parser").audio["src"]).is_file()
        (root / f"docs/{name}.md").unlink()


CUT = 'speak("a.wav", 99)\nwhole = open("a.wav", "rb").read()\nopen("a.wav", "wb").write(whole[:{}]) and None'
BAD = {
    "too long": ('speak("long.wav", 40_000)', "long.wav: it takes 78.2 KiB, and may take 32 (make"),
    "two channels": ('CHANNELS = 2\nspeak("wide.wav", 100)', "wide.wav: it has 2 channels of 16 bits (write"),
    "eight bits": ('WIDTH = 1\nspeak("coarse.wav", 100)', "coarse.wav: it has 1 channels of 8 bits (write"),
    "a bad name": ('speak("No 7.wav", 100)', "'No 7.wav', which no page can name"),
    "a dot more": ('speak("a.b.wav", 100)', "'a.b.wav', which no page can name"),
    "no sound": ('open("fake.wav", "w").write("noise")', "fake.wav: it is no wav file, or was never closed"),
    "nothing": ('open("empty.wav", "w").close()', "empty.wav: it is no wav file, or was never closed (write"),
    "half a head": (CUT.format(30), "a.wav: it is no wav file, or was never closed"),
    "half a body": (CUT.format(44 + 80), "a.wav: it holds 40 of 99 samples"),
    "silence": ('speak("a.wav", 0)', "a.wav: it holds 0 of 0 samples"),
    "left open": ('sound = wave.open("a.wav", "wb")\nsound.setparams((1, 2, 8000, 0, "NONE", ""))', "never closed"),
    "too slow": ('speak("a.wav", 99, 100)', "a.wav: 100 samples a second are no sound that browsers play"),
    "a folder": ('__import__("os").mkdir("a.wav")', "a.wav: it is no file"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_no_page_can_play(tmp_path, case):
    code, what = BAD[case]
    (fault,) = faults_of(tmp_path, code)
    assert fault.startswith("snippets/voice.py:17: cell 'b' writes ") and what in fault and fault.endswith(")")


def test_two_cells_write_one_name(tmp_path):
    (fault,) = faults_of(tmp_path, 'speak("a.wav", 9)', 'speak("a.wav", 9)')
    assert "cell 'c' writes a.wav, and so does a cell before (rename one)" in fault
