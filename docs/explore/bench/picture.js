/** The cell's drawing, with its numbers in it: the wires of the figures, made live. */

import { colour, drawing, put, svg } from "../lib/draw.js";
import { shown, wordsFor } from "./formulas.js";

/**
 * What snippets/playground/cells.py writes of a cell.
 * @typedef {object} Wiring
 * @property {import("../lib/cells.js").Kind} kind
 * @property {Record<string, [string, number, number, string, number?, number?, string?]>} nodes operation, place, role, half its size, word
 * @property {[string, string, ...[number, number][]][]} wires from, to, the corners between
 * @property {string[]} thick sources of the wires that carry a state
 * @property {Record<string, [number, number]>} numbers where each is shown
 * @property {[number, number, number, number]} panel
 * @property {number} height
 * @property {string[]} main the weights to begin with
 */

const WIDTH = 360;
const HEADER = 90; // as high as it gets
const MARGIN = 4; // for the numbers that stand outside
const UNNAMED = ["kept", "new", "Wh", "Wx", "sum"]; // numbers without a letter of their own
const SIGNED = ["g", "n"]; // gates from −1 to 1

/** @param {Wiring["nodes"][string]} node half its width and height */
const half = ([operation, , , , w, h]) => (w && h ? [w, h] : operation === "tanh" ? [17, 17] : [11, 11]);

/**
 * Where a node's outline meets a wire to or from a point.
 * @param {Wiring["nodes"][string]} node @param {number[]} toward
 */
function edge(node, toward) {
  const at = [node[1], node[2]];
  const size = node[0] ? half(node) : node[1] < 40 || node[1] > 320 ? [23, 11] : [11, 11];
  return at.map((place, k) => {
    const away = toward[k] - place;
    return Math.abs(away) >= size[k] ? place + size[k] * Math.sign(away) : place + away;
  });
}

/**
 * The `d` of a wire, round at its corners.
 * @param {Wiring} wiring @param {Wiring["wires"][number]} wire
 */
function route({ nodes }, [from, to, ...corners]) {
  const [a, b] = [nodes[from], nodes[to]];
  const start = edge(a, corners[0] ?? [b[1], b[2]]);
  const end = edge(b, corners.at(-1) ?? [a[1], a[2]]);
  const points = [start, ...corners, end];
  let d = `M${start}`;
  for (let k = 1; k < points.length - 1; k++) {
    const near = (/** @type {number[]} */ other) => points[k].map((place, axis) => place + 8 * Math.sign(other[axis] - place));
    d += `L${near(points[k - 1])}Q${points[k]} ${near(points[k + 1])}`;
  }
  return `${d}L${end}`;
}

/** An arrow's head at the end of a wire. @param {Wiring} wiring @param {Wiring["wires"][number]} wire */
function head({ nodes, thick }, [from, to, ...corners]) {
  const b = nodes[to];
  const last = corners.at(-1) ?? [nodes[from][1], nodes[from][2]];
  const [x, y] = edge(b, last);
  const [dx, dy] = [Math.sign(Math.round(x - last[0])), Math.sign(Math.round(y - last[1]))];
  const [long, wide] = thick.includes(from) ? [9, 5] : [7, 3.6];
  return `M${x} ${y}L${x - long * dx - wide * dy} ${y - long * dy - wide * dx}L${x - long * dx + wide * dy} ${y - long * dy + wide * dx}Z`;
}

/** @param {Wiring} wiring @param {string} source all wires from it, and the gap they cut into what they cross */
function wires(wiring, source) {
  const mine = wiring.wires.filter(([from]) => from === source);
  const paint = colour(wiring.nodes[source][3]);
  const width = wiring.thick.includes(source) ? 4 : 2;
  const d = mine.map((one) => route(wiring, one)).join("");
  return svg("g", {},
    svg("path", { d, fill: "none", stroke: colour("panel"), "stroke-width": 8 }),
    svg("path", { d, fill: "none", stroke: paint, "stroke-width": width }),
    svg("path", { d: mine.map((one) => head(wiring, one)).join(""), fill: paint }));
}

/** @param {Wiring["nodes"][string]} node an operation as a circle, a learned map as a box that fills with its value */
function body(node) {
  const [operation, x, y, role, w, h, word] = node;
  if (!w || !h) {
    const [r] = half(node);
    return { made: svg("g", {},
      svg("circle", { cx: x, cy: y, r, fill: colour("paper"), stroke: colour("ink"), "stroke-width": 1.2 }),
      svg("text", { x, y: y + 4.5, "text-anchor": "middle" }, operation)) };
  }
  const box = { x: x - w, y: y - h, width: 2 * w, height: 2 * h, rx: 6 };
  const level = svg("rect", { ...box, class: "bench__level", fill: colour(role), height: 0, rx: 0 });
  const made = svg("g", {},
    svg("rect", { ...box, fill: colour("paper") }), level,
    svg("rect", { ...box, fill: "none", stroke: colour(role), "stroke-width": 2 }),
    svg("text", { x, y: y + (word ? -4 : 4.5), "text-anchor": "middle" }, operation));
  if (word) made.append(svg("text", { x, y: y + 13, "text-anchor": "middle" }, word));
  return { made, level: { rect: level, top: y - h, high: 2 * h } };
}

/**
 * The number on a wire, to be chosen like a radio button.
 * @param {Wiring} wiring @param {string} name
 */
function chip(wiring, name) {
  const [x, y] = wiring.numbers[name];
  const role = name === "kept" || name === "c′" ? wiring.nodes[name][3] : wiring.nodes[name]?.[3] ?? "hidden";
  const letter = UNNAMED.includes(name) ? "" : name;
  const value = svg("text", { "text-anchor": "middle" });
  const sign = svg("text", { "text-anchor": "middle", class: "bench__letter", style: `fill: ${colour(role)}` }, letter);
  const outside = x < 40 || x > 320;
  const wide = outside || !letter ? 46 : letter.length > 1 ? 84 : SIGNED.includes(name) || name === "x" ? 60 : 52;
  const high = outside ? 44 : 20;
  if (outside) {
    put(sign, { x, y: y - 6 });
    put(value, { x, y: y + 13 });
  } else {
    put(sign, { x: x - wide / 2 + (letter.length > 1 ? 25 : 9), y: y + 5 });
    put(value, { x: letter ? x + wide / 2 - (letter.length > 1 ? 18 : 20 + (wide - 52) / 4) : x, y: y + 5 });
  }
  const made = svg("g", { role: "radio", class: "bench__number", "data-number": name },
    svg("rect", { x: x - wide / 2 - 1, y: y - Math.max(high, 26) / 2, width: wide + 2, height: Math.max(high, 26), fill: "transparent" }),
    svg("rect", { class: "bench__chip", x: x - wide / 2, y: y - high / 2, width: wide, height: high, rx: 5, style: `stroke: ${colour(role)}` }),
    sign, value);
  return { made, value };
}

/**
 * A part of a drawing that takes the focus, out from under the page's header: no style moves these.
 * @param {Element} part
 */
export function reveal(part) {
  const { top } = part.getBoundingClientRect();
  if (top < HEADER && part.matches(":focus-visible")) scrollBy(0, top - HEADER);
}

/**
 * The drawing, its numbers a group of which one is chosen.
 * @param {Wiring} wiring @param {(name: string) => void} choose
 */
export function picture(wiring, choose) {
  const names = Object.keys(wiring.numbers);
  const lines = [...new Set(wiring.wires.map(([from]) => from))].map((source) => ({ source, made: wires(wiring, source) }));
  const bodies = Object.entries(wiring.nodes).filter(([, [operation]]) => operation).map(([name, node]) => ({ name, ...body(node) }));
  const chips = names.map((name) => ({ name, ...chip(wiring, name) }));
  const [x, y, width, height] = wiring.panel;
  const group = svg("g", { role: "radiogroup", "aria-label": "The numbers of this step" }, ...chips.map((one) => one.made));
  const made = drawing(WIDTH, wiring.height, "", svg("rect", { x, y, width, height, rx: 12, fill: colour("panel") }),
    ...lines.map((one) => one.made), ...bodies.map((one) => one.made), group);
  put(made, { role: "group", viewBox: `${-MARGIN} 0 ${WIDTH + 2 * MARGIN} ${wiring.height}` });
  chips.forEach(({ name, made: one }, k) => {
    one.addEventListener("click", () => choose(name));
    one.addEventListener("focus", () => (choose(name), reveal(one)));
    one.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      chips[(k + by + chips.length) % chips.length].made.focus();
    });
  });

  /** @param {Record<string, number>} at @param {string} chosen @param {string} label */
  function show(at, chosen, label) {
    put(made, { "aria-label": label });
    for (const { name, made: one, value } of chips) {
      const text = shown(at[name], Math.abs(at[name]) < 9.995 ? 2 : 1); // as wide as its place
      if (value.textContent !== text) value.textContent = text;
      put(one, { "aria-label": `${wordsFor(name, wiring.kind)}: ${text}`, "aria-checked": String(name === chosen), tabindex: name === chosen ? 0 : -1 });
    }
    for (const { name, level } of bodies) {
      if (!level || !(name in at)) continue;
      fill(level, at[name], SIGNED.includes(name) || name.startsWith("W"));
    }
    for (const { source, made: one } of lines) {
      const carried = { squashed: at["c′"], sum: at[wiring.kind === "rnn" ? "sum" : "c′"] ?? at["h′"], shown: at["h′"], out: at["h′"] }[source] ?? at[source] ?? 1;
      for (const line of [...one.children].slice(1)) put(line, { opacity: (0.3 + 0.7 * Math.min(1, Math.abs(carried))).toFixed(2) });
    }
  }
  return { made, show };
}

/**
 * Fill a box: from below by a gate, from the middle by what has a sign.
 * @param {{ rect: SVGElement, top: number, high: number }} level @param {number} value @param {boolean} signed
 */
function fill({ rect, top, high }, value, signed) {
  const part = Math.min(1, Math.abs(value)) * (signed ? high / 2 : high);
  const middle = top + high / 2;
  const from = signed ? (value > 0 ? middle - part : middle) : top + high - part;
  put(rect, { y: from.toFixed(2), height: part.toFixed(2) });
}
