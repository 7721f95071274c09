"""Fits the press to MkDocs: the only file of ours that knows it."""

import atexit
import contextlib
import logging
import os
import platform
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File
from mkdocs.utils.meta import get_data

sys.path.insert(0, str(Path(__file__).parent.parent))
from hooks import explore, html, mathfont, mend, notebook, publish, run
from hooks.claims import LEDGER, verdicts
from hooks.expand import Book, expand, leftovers, page_folder
from hooks.snippet import PressError, read_text

DEFAULT_REPO = "https://github.com/Shadabur-Rahaman/Daily-ML-Dose"
log = logging.getLogger("mkdocs.plugins.press")


class State:
    """What one build hands from event to event."""

    serving = False
    root: Path
    site: Path  # where the finished site belongs
    book: Book
    sources: dict[str, str]  # docs path -> Markdown as written
    pages: dict[str, str]  # docs path -> Markdown as published
    contents: dict[str, str]  # docs path -> HTML of its content
    faults: list[str]
    unset: list[str]  # faults of formulas, found page by page
    warnings: list[str]


state = State()


class Collect(logging.Handler):
    """Remembers warnings: MkDocs' own strict mode counts them after the site is in place."""

    def emit(self, record: logging.LogRecord) -> None:
        state.warnings.append(record.getMessage())


def on_startup(command: str, dirty: bool) -> None:
    state.serving = command == "serve"
    state.warnings = []
    logging.getLogger("mkdocs").addHandler(Collect(logging.WARNING))


def git(*args: str) -> str:
    """What git says about the project; empty where it has nothing to say."""
    try:
        answer = subprocess.run(["git", "-C", state.root, *args], capture_output=True, text=True)
    except OSError:  # there is no git
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def repo_address() -> str:
    """The repository's web address: from the environment, from git, or the default."""
    remote = os.environ.get("REPO_URL") or git("remote", "get-url", "origin")
    match = re.fullmatch(r"(?:https://|git@|ssh://git@)([\w.-]+)[/:]([\w.-]+)/([\w.-]+?)(?:\.git)?/?", remote)
    return f"https://{match[1]}/{match[2]}/{match[3]}" if match else DEFAULT_REPO


def site_address(repo: str) -> str:
    """Where GitHub Pages publishes that repository."""
    owner, name = repo.rsplit("/", 2)[1:]
    return f"https://{owner.lower()}.github.io/{name}/"


def on_config(config):
    state.root = Path(config.config_file_path).parent
    state.site = Path(config.site_dir)
    config.repo_url = repo_address()
    config.repo_name = config.repo_url.rpartition("/")[2]
    config.edit_uri = "edit/main/docs/"
    if not state.serving:
        config.site_url = (os.environ.get("SITE_URL") or site_address(config.repo_url)).rstrip("/") + "/"
        config.site_dir = str(state.site.with_name(f".{state.site.name}-{os.getpid()}"))
    os.environ["SOURCE_DATE_EPOCH"] = git("log", "-1", "--format=%ct") or "0"
    return config


@event_priority(100)  # before mkdocs-jupyter looks for notebooks
def on_files(files, config):
    for file in [file for file in files if file.src_uri.startswith(explore.SOURCES.removeprefix("docs/") + "/")]:
        files.remove(file)  # the site has them bundled
    snippets, results, state.faults = run.results(state.root, lambda line: log.info(line))
    written = {path.relative_to(state.root / "snippets") for path in (state.root / "snippets").rglob("*.py")}
    unreadable = {path.with_suffix("").as_posix() for path in written} - set(snippets)
    state.book = Book(snippets, results, unreadable=unreadable, facts={"build": build_facts()})
    try:
        state.book.scripts = explore.bundle(state.root)
    except PressError as error:
        state.faults += error.faults
        state.book.scripts = None
    state.sources, state.pages, state.contents, state.unset = sources(files), {}, {}, []
    state.book.facts["ledger"] = verdicts(state.sources.get(LEDGER, ""))
    for page, text in sorted(state.sources.items(), key=lambda item: (item[0] == LEDGER, item[0])):
        state.book.claims.complete = not state.faults
        try:
            state.pages[page] = expand(text, page, state.book)
        except PressError as error:
            state.faults += error.faults
            state.pages[page] = text
    if not state.faults:
        state.faults = leftovers(state.book)
    if state.faults and not state.serving:
        raise PluginError("\n" + "\n".join(state.faults))
    for fault in state.faults:
        log.error(fault)
    if not state.faults:
        add_notebooks(files, config)
    return files


def on_nav(nav, config, files):
    place = {page.file.src_uri: number for number, page in enumerate(nav.pages)}
    state.pages = dict(sorted(state.pages.items(), key=lambda item: place.get(item[0], len(place))))


def build_facts() -> dict[str, str]:
    """What a page may say of the build: `{{ build.date }}` is that of the last commit."""
    date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"])))
    versions = {name: version(name).partition("+")[0] for name in ("torch", "numpy", "onnxruntime", "keras")}
    return {"date": date, "python": platform.python_version(), **versions}


def sources(files) -> dict[str, str]:
    """Every page as written: the files of docs/, and one page per notebook."""
    pages = {}
    for file in files.documentation_pages():
        if file.src_uri.endswith(".md"):
            try:
                pages[file.src_uri] = read_text(state.root, posixpath.join("docs", file.src_uri))
            except PressError as error:
                state.faults += error.faults
                pages[file.src_uri] = file.content_string = ""  # MkDocs could not read it either
    for snippet in notebooks():
        try:
            pages[f"notebooks/{snippet.name}.ipynb"] = notebook.page_source(snippet, state.book)
        except PressError as error:
            state.faults += error.faults
    return pages


def notebooks() -> list:
    return [snippet for snippet in state.book.snippets.values() if snippet.is_notebook]


def add_notebooks(files, config) -> None:
    """Put the executed notebooks in the place of the clean ones."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for snippet in notebooks():
        uri = f"notebooks/{snippet.name}.ipynb"
        above, figures = {}, {}
        for cell in snippet.code:
            folder_and_repo = page_folder(uri), config.repo_url
            above[cell.name] = html.source_line(snippet.file, cell.name, bool(above), *folder_and_repo)
            drawn = f"images/{snippet.name}/{cell.name}.svg"
            if drawn in state.book.figures:
                figures[cell.name] = html.figure_html(drawn, cell.alt, "", state.book, *folder_and_repo)
        made = state.book.results[snippet.name]
        path = Path(folder, uri)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(notebook.for_page(snippet, above, figures, made, config.repo_url).encode())
        if old := files.get_file_from_path(uri):
            files.remove(old)
        files.append(File(uri, folder, config.site_dir, config.use_directory_urls))


def on_page_markdown(markdown, page, config, files):
    uri = page.file.src_uri
    if uri not in state.pages or uri.endswith(".ipynb"):
        return markdown
    text, page.meta = get_data(state.pages[uri])
    if state.faults:
        faults = "\n".join(state.faults)
        return f"~~~text\nThe press cannot build this page:\n{faults}\n~~~\n\n{text}"
    return html.dress(text, uri, state.book, config.repo_url)


def on_page_content(content, page, config, files):
    uri = page.file.src_uri
    if uri.endswith(".ipynb"):
        page.edit_url = f"{config.repo_url}/edit/main/snippets/{posixpath.basename(uri)[:-6]}.py"
    if state.faults:  # while serving: the page is shown as written
        return content
    try:
        source = state.sources.get(uri, "")
        content = mend.frame(html.set_formulas(content, uri, source))
        state.contents[uri] = explore.place(content, uri, source, page_folder(uri), state.book.scripts)
        return state.contents[uri]
    except PressError as error:
        state.unset += error.faults
        if state.serving:
            log.error(str(error))
        return f"<pre>{error}</pre>{content}"


def on_env(env, config, files):
    if state.unset and not state.serving:
        raise PluginError("\n" + "\n".join(state.unset))


def on_post_page(output, page, config):
    output = mend.mend(output)
    return output if state.faults else explore.head(output, page_folder(page.file.src_uri), state.book.scripts)


def on_post_template(output, template_name, config):
    return mend.mend(output) if template_name.endswith(".html") else output


def on_post_build(config):
    site = Path(config.site_dir)
    if not state.faults:
        about = {uri: get_data(text)[1].get("description", "") for uri, text in state.pages.items()}
        pages = {uri: get_data(text)[0] for uri, text in state.pages.items()}
        head = f"# {config.site_name}\n\n> {config.site_description}\n"
        publish.write_pages(site, pages, about, head, config.site_url)
        publish.write_files(state.root, site, state.book)
        for path, text in state.book.scripts.files.items():
            publish.write(site, path, text)
        font = mathfont.subset(list(state.contents.values()))
        publish.write(site, "assets/math.woff", font)
        publish.write(site, "assets/math.LICENSE.txt", mathfont.LICENSE.read_bytes())
    if state.serving:
        return
    if state.warnings and config.strict:
        raise PluginError(f"{len(state.warnings)} warnings, each a fault (see above); the site was not replaced")
    put_in_place(site, state.site)
    log.info(f"The site is in {state.site}; look at it with: make serve")


def put_in_place(new: Path, site: Path) -> None:
    """Replace the previous site by the new one; a build killed here loses neither for long."""
    with FileLock(state.root / ".cache" / "site.lock"):
        old = new.with_name(new.name + "-old")
        shutil.rmtree(old, ignore_errors=True)
        if site.exists():
            site.rename(old)
        new.rename(site)
        shutil.rmtree(old, ignore_errors=True)
    for left in site.parent.glob(f".{site.name}-*"):
        with contextlib.suppress(FileNotFoundError):  # another build's, in its place by now
            if time.time() - left.stat().st_mtime > 3600:  # of a build that was killed
                shutil.rmtree(left, ignore_errors=True)


def on_build_error(error):
    site = getattr(state, "site", None)
    if site and not state.serving:
        shutil.rmtree(site.with_name(f".{site.name}-{os.getpid()}"), ignore_errors=True)


def on_serve(server, config, builder):
    if (state.root / "snippets").exists():
        server.watch(str(state.root / "snippets"))
    return server
