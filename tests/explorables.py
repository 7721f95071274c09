"""Runs the modules of docs/explore/ in Node, and reads from a page what they have drawn."""

import functools
import json
import subprocess
import sys
import time
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


def retried(check):
    """A page draws in its next frame, and a tap clicks late: what a check reads may be a moment old."""

    @functools.wraps(check)
    def again(*args, **more):
        for _ in range(20):
            try:
                return check(*args, **more)
            except AssertionError:
                time.sleep(0.1)
        return check(*args, **more)

    return again
