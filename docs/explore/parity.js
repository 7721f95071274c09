/** Does this browser get the same from the cells as PyTorch did at the build? */

import { cell, run } from "./lib/cells.js";
import { element } from "./lib/draw.js";

/** @param {any} one a layer with its weights, its input and what PyTorch made of it */
function difference(one) {
  const kind = one.name.split(",")[0].toLowerCase();
  const made = run(cell(kind, { ...one, relu: one.name.includes("relu") }), one.x.flat(), { h: one.h0, c: one.c0 });
  const pairs = [[made.h, one.output.flat()], [made.c.slice(-one.H), one.c ?? []]];
  return Math.max(...pairs.flatMap(([ours, theirs]) => theirs.map((/** @type {number} */ value, /** @type {number} */ k) => Math.abs(value - ours[k]))));
}

/** @param {import("./lib/start.js").Place} place */
export default function start({ here, data, say }) {
  const found = data.map(difference);
  const row = (/** @type {string} */ name, /** @type {string[]} */ cells) =>
    element("tr", {}, ...cells.map((text) => element(/** @type {"td"} */ (name), {}, text)));
  const rows = data.map((/** @type {any} */ one, /** @type {number} */ k) =>
    row("td", [one.name, ...[one.I, one.H, one.T].map(String), found[k].toExponential(0)]));
  const table = element("table", { class: "data" },
    element("thead", {}, row("th", ["layer", "input size", "units", "steps", "largest difference"])),
    element("tbody", {}, ...rows));
  const words = `Your browser has computed them: the largest difference from PyTorch is ${Math.max(...found).toExponential(0)}.`;
  here.append(element("p", {}, words), element("div", { class: "frame", tabindex: 0, role: "group", "aria-label": "Table" }, table));
  say(words);
}
