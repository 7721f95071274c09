"""Sounds: what a snippet writes as a wav file, a page can play."""

import io
import wave

import pytest
from bs4 import BeautifulSoup
from press_project import block, build, project, snippet, write

from hooks import run

SPEAK = """\
import wave


def speak(name, samples):
    with wave.open(name, "wb") as sound:
        sound.setnchannels(CHANNELS)
        sound.setsampwidth(WIDTH)
        sound.setframerate(8000)
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


BAD = {
    "too long": ('speak("long.wav", 40_000)', "more than 32"),
    "two channels": ('CHANNELS = 2\nspeak("wide.wav", 100)', "not one channel"),
    "eight bits": ('WIDTH = 1\nspeak("coarse.wav", 100)', "not one channel"),
    "a bad name": ('speak("No 7.wav", 100)', "writes No 7.wav, which no page can name"),
    "no sound": ('open("fake.wav", "w").write("noise")', "not one channel"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_no_page_can_play(tmp_path, case):
    code, what = BAD[case]
    (fault,) = faults_of(tmp_path, code)
    assert fault.startswith("snippets/voice.py:") and what in fault


def test_two_cells_write_one_name(tmp_path):
    (fault,) = faults_of(tmp_path, 'speak("a.wav", 9)', 'speak("a.wav", 9)')
    assert "cell 'c' writes a.wav, and so does a cell before (rename one)" in fault
