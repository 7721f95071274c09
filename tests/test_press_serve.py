"""`mkdocs serve`: a fault is shown in the page, the server goes on, and mending it shows the page."""

import contextlib
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from press_project import block, environment, mkdocs, project, snippet, write

PAGE = f"# Home\n\n{block('one')}{block('one', 'a', 'text')}"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A project with a snippet that fails, served; returns its folder and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    root = tmp_path_factory.mktemp("served")
    project(root, {"docs/index.md": PAGE, "snippets/one.py": snippet("print(1 / 0)")})
    write(root, {"docs/explore/lib/start.js": "export {};\n"})
    log = open(root / "log", "w")  # noqa: SIM115
    server = subprocess.Popen(mkdocs("serve", "--dev-addr", address), cwd=root, env=environment(), stderr=log)
    yield root, f"http://{address}/", server
    server.terminate()
    server.wait()


def wait_for(served, text: str, path: str = "") -> str:
    """The page, as soon as it holds the text."""
    root, address, server = served
    page = ""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert server.poll() is None, (root / "log").read_text()
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            page = urllib.request.urlopen(address + path, timeout=5).read().decode()
        if text in page:
            return page
        time.sleep(0.1)
    raise AssertionError(f"never shows {text!r}:\n{page}\n{(root / 'log').read_text()}")


def test_faults_are_shown_and_mended(served):
    root, _, _ = served
    page = wait_for(served, "snippets/one.py:3: ZeroDivisionError: division by zero")
    assert "cannot build this page" in page
    assert "snippets/one.py:3: ZeroDivisionError" in (root / "log").read_text()
    write(root, {"snippets/one.py": snippet("print('it is', 2)")})
    page = wait_for(served, "it is 2")
    assert "cannot build this page" not in page and "snippets/one.py#a" not in page
    assert "it is 2" in wait_for(served, "it is 2", "index.md")

    write(root, {"docs/index.md": PAGE + "{{ one.lost }}\n"})
    wait_for(served, "docs/index.md:9: unknown value")
    write(root, {"docs/index.md": PAGE + r"$\frac{1$ is bad"})
    wait_for(served, "docs/index.md:9: formula ")
    write(root, {"docs/index.md": PAGE + "<math><mi>q</mi></math>\n\n$$\nh\n$$\n"})
    wait_for(served, "docs/index.md:9: unreadable '&lt;math'")
    write(root, {"docs/index.md": PAGE.encode() + b"K\xfcche\n"})
    wait_for(served, "docs/index.md:9: is not UTF-8 text")
    write(root, {"docs/index.md": PAGE + "Mended.\n"})
    assert "cannot build this page" not in wait_for(served, "Mended.")


def test_a_fault_of_a_script_is_shown_and_mended(served):
    root, _, _ = served
    write(root, {"docs/index.md": PAGE, "snippets/one.py": snippet("print('it is', 3)")})
    wait_for(served, "it is 3")
    write(root, {"docs/explore/dots.js": "export default (;\n"})
    assert "cannot build this page" in wait_for(served, "docs/explore/dots.js:1: Unexpected")
    table = snippet("print('it is', 4)", "print('|a|\\n|---|\\n|1|')")
    asked = "\n<!-- explore dots -->\n" + block("one", "b").replace("python", "table")
    write(root, {"snippets/one.py": table, "docs/index.md": PAGE + block("one", "b") + asked})
    write(root, {"docs/explore/dots.js": "export default () => {};\n"})
    assert 'id="explore-dots"' in wait_for(served, "it is 4")
