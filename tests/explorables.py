"""Runs the modules of docs/explore/ in Node, and checks pages that hold explorables in a browser."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NODE = Path(sys.executable).with_name("node")
AROUND = """\
import {{ text }} from "node:stream/consumers";
const given = JSON.parse(await text(process.stdin));
const plain = (_, one) => (ArrayBuffer.isView(one) ? [...one] : one);
const answer = await (async () => {{ {body} }})();
process.stdout.write(JSON.stringify(answer, plain));
"""


def node(body: str, given=None, explore: Path = ROOT / "docs/explore"):
    """What the JavaScript returns: it may `import("explore/…")`, and has `given`."""
    code = AROUND.format(body=body.replace('"explore/', f'"{explore.as_uri()}/'))
    command = [NODE, "--no-warnings", "--input-type=module", "--eval", code]
    ended = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
