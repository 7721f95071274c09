"""Writes the made files that git keeps: the PNGs of images/ and the clean notebooks."""

from pathlib import Path

from hooks import notebook, run
from hooks.snippet import PressError

FIGURES = (
    "rnn_loop_architecture",
    "rnn_exploding_gradient",
    "lstm_cell_explained",
    "gru_cell_explained",
    "rnn_vs_lstm_vs_gru_comparison",
    "sequence_modeling_example_diagram",
)


def files(root: Path) -> dict[str, bytes]:
    """What each tracked file must hold, by path; PressError if a snippet fails."""
    snippets, results, faults = run.results(root, say=lambda line: None)
    if faults:
        raise PressError(*faults)
    made = {}
    for name in FIGURES:
        figure = next(figure for cell in results[name]["cells"].values() for figure in cell["figures"])
        made[f"images/{name}.png"] = (results[name]["folder"] / f"{figure['file']}.png").read_bytes()
    for snippet in snippets.values():
        if snippet.is_notebook:
            made[f"docs/notebooks/{snippet.name}.ipynb"] = notebook.clean(snippet).encode()
    return made


if __name__ == "__main__":
    root = Path(__file__).parent.parent
    for path, data in files(root).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
        print(path)
