/** Everything over time, one row each: the inputs to edit, and what still counts of them. */

import { colour, drawing, pointed, put, svg } from "../lib/draw.js";
import { below, shown } from "./formulas.js";
import { reveal } from "./picture.js";
import { KEEPS } from "./unit.js";

/** @typedef {{ name: string, role: string, high: number, low: number, top: number }} Row */

const LEFT = 20;
const PITCH = 24; // of the steps: as wide as a finger needs on a phone
const BAR = 14;
const GAP = 9;
const X = 64; // height of the inputs
const MOST = 2; // largest input

/** @type {Record<string, [string, number, number, number]>} role, height, lowest, highest */
const LOOK = {
  f: ["keep", 24, 0, 1], z: ["keep", 24, 0, 1], i: ["write", 24, 0, 1], r: ["read", 24, 0, 1], o: ["read", 24, 0, 1],
  g: ["candidate", 30, -1, 1], n: ["candidate", 30, -1, 1], c: ["cell", 44, -1, 1], h: ["hidden", 40, -1, 1],
};
const ROWS = { rnn: ["h"], lstm: ["f", "i", "g", "o", "c", "h"], gru: ["z", "r", "n", "h"] };

/** A row of bars, and the way to set them. @param {number} T @param {number} y @param {number} high @param {string} role */
function bars(T, y, high, role) {
  const all = Array.from({ length: T }, (_, k) => svg("rect", { x: LEFT + k * PITCH + (PITCH - BAR) / 2, width: BAR, fill: colour(role) }));
  const zero = svg("path", { stroke: colour("muted"), "stroke-width": 1 });
  /** @param {(k: number) => number} value @param {number} low @param {number} top @param {(k: number) => number} [strength] */
  function show(value, low, top, strength) {
    const at = (/** @type {number} */ one) => y + high * (1 - (one - low) / (top - low));
    put(zero, { d: `M${LEFT} ${at(0)}h${T * PITCH}` });
    all.forEach((bar, k) => {
      const [from, to] = [at(0), at(Math.max(low, Math.min(top, value(k) || 0)))];
      put(bar, { y: Math.min(from, to).toFixed(2), height: Math.abs(to - from).toFixed(2), opacity: strength?.(k) ?? 1 });
    });
  }
  return { made: svg("g", {}, zero, ...all), show };
}

/** @param {string} text @param {number} y @param {string} role */
const letter = (text, y, role) => svg("text", { x: 8, y: y + 5, "text-anchor": "middle", class: "bench__letter", style: `fill: ${colour(role)}` }, text);

/**
 * The inputs: each a slider of its own, upright; left and right go from one to the next.
 * @param {number} T @param {number} y @param {{ edit: (k: number, value: number) => void, choose: (k: number) => void }} on
 */
function editor(T, y, on) {
  const row = bars(T, y, X, "input");
  const marks = Array.from({ length: T }, (_, k) => svg("g", { role: "slider", "aria-orientation": "vertical", "aria-valuemin": -MOST, "aria-valuemax": MOST, class: "bench__x" },
    svg("rect", { x: LEFT + k * PITCH - 0.25, y, width: PITCH + 0.5, height: X, rx: 3 })));
  /** @param {number} k @param {number} value */
  const edit = (k, value) => on.edit(k, Math.max(-MOST, Math.min(MOST, Math.round(value * 10) / 10)));
  marks.forEach((mark, k) => {
    mark.addEventListener("focus", () => (on.choose(k), reveal(mark)));
    mark.addEventListener("keydown", (event) => {
      const now = Number(mark.getAttribute("aria-valuenow"));
      const to = { ArrowUp: now + 0.1, ArrowDown: now - 0.1, PageUp: now + 1, PageDown: now - 1, Home: -MOST, End: MOST, Delete: 0 }[event.key];
      const next = marks[k + ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? T)];
      if (to === undefined && !next) return;
      event.preventDefault();
      if (to !== undefined) edit(k, to);
      next?.focus();
    });
    dragged(mark, (value) => edit(k, value), y);
  });
  const knobs = marks.map((_, k) => svg("rect", { x: LEFT + k * PITCH + (PITCH - BAR) / 2 - 1, width: BAR + 2, height: 4, rx: 2, fill: colour("input") }));
  /** @param {readonly number[]} x @param {(k: number) => number} strength */
  function show(x, strength) {
    row.show((k) => x[k], -MOST, MOST, strength);
    knobs.forEach((knob, k) => put(knob, { y: (y + X * (0.5 - x[k] / (2 * MOST)) - 2).toFixed(2), opacity: strength(k) }));
  }
  return { made: svg("g", {}, row.made, ...knobs, ...marks), marks, show };
}

/**
 * A finger or mouse that moves up or down sets the value; one that does not, chooses only.
 * @param {SVGGElement} mark @param {(value: number) => void} edit @param {number} y
 */
function dragged(mark, edit, y) {
  let from = NaN;
  mark.addEventListener("pointerdown", (event) => {
    from = event.clientY;
    mark.setPointerCapture(event.pointerId);
    mark.focus();
    event.preventDefault();
  });
  mark.addEventListener("pointermove", (event) => {
    if (Number.isNaN(from) || Math.abs(event.clientY - from) < 4) return;
    const place = pointed(event, /** @type {SVGSVGElement} */ (mark.ownerSVGElement))[1];
    edit(MOST - ((place - y) / X) * 2 * MOST);
  });
  for (const end of ["pointerup", "pointercancel"]) mark.addEventListener(end, () => (from = NaN));
}

/**
 * @param {import("../lib/cells.js").Kind} kind @param {number} T
 * @param {{ edit: (k: number, value: number) => void, choose: (k: number) => void, go: (k: number) => void }} on
 */
export function tracks(kind, T, on) {
  let y = 22;
  const [band, chosen, reached] = [1, 2, 3].map(() => svg("rect", { rx: 4 }));
  put(band, { y: 20, width: PITCH, fill: colour("panel") });
  for (const one of [chosen, reached]) put(one, { width: PITCH, fill: "none", stroke: colour("accent"), "stroke-width": 1.5, "stroke-dasharray": "4 3" });
  const inputs = editor(T, y, on);
  const hint = svg("text", { x: 0, y: 12 }, "Drag a bar of x up or down");
  const parts = [hint, letter("x", y + X / 2, "input"), inputs.made];
  put(chosen, { y: y - 2, height: X + 20 });
  y += X + 14;
  const steps = Array.from({ length: T }, (_, k) => svg("text", { x: LEFT + (k + 0.5) * PITCH, y, "text-anchor": "middle" }, String(k + 1)));
  y += GAP;
  const rows = ROWS[kind].map((name) => {
    const [role, high, low, top] = LOOK[name];
    const made = bars(T, y, high, role);
    const scale = svg("text", { x: 9, y: y + high / 2 + 19, "text-anchor": "middle", class: "bench__scale" });
    parts.push(letter(name, y + high / 2, role), scale, made.made);
    y += high + GAP;
    return { name, low, top, scale, show: made.show };
  });
  const history = y;
  /** @type {SVGElement[]} */
  const titles = [];
  const title = (/** @type {string} */ text) => {
    y += 13;
    const made = svg("text", { x: 0, y, class: "bench__title" }, text);
    titles.push(made);
    y += 7;
    return made;
  };
  const [keeps, state] = KEEPS[kind];
  put(reached, { y: y + 2 });
  const top = y + 2;
  const roadTitle = title("");
  const road = bars(T, y, 30, keeps ? "keep" : "hidden");
  y += 30 + GAP;
  const slopeTitle = title("");
  const slope = bars(T, y, 50, kind === "lstm" ? "cell" : "hidden");
  y += 50 + 2;
  put(reached, { height: y - top });
  const zone = svg("rect", { x: LEFT, y: X + 42, width: T * PITCH, height: history - X - 42, fill: "transparent", class: "bench__time" });
  put(band, { height: history - 24 });
  const made = drawing(LEFT + T * PITCH + 2, y, "", band, ...parts, road.made, slope.made, ...steps, zone, chosen, reached, ...titles);
  put(made, { role: "group" });
  scrubbed(zone, made, on.go);

  /**
   * @param {{ x: readonly number[], t: number, s: number, trace: any, reach: { slope: Float64Array, road: Float64Array } }} now t and s from 0
   */
  function show({ x, t, s, trace, reach }) {
    const past = (/** @type {number} */ k) => (k > t ? 0.3 : 1);
    put(band, { x: LEFT + t * PITCH });
    for (const one of [chosen, reached]) put(one, { x: LEFT + s * PITCH });
    inputs.show(x, past);
    inputs.marks.forEach((mark, k) => put(mark, {
      tabindex: k === s ? 0 : -1, "aria-valuenow": x[k], "aria-label": `Input at step ${k + 1}`, "aria-valuetext": shown(x[k], 1),
    }));
    for (const { name, low, top: high, scale, show: draw } of rows) {
      const most = Math.max(high, round(Math.max(...trace[name].map(Math.abs))));
      scale.textContent = most > high ? `±${most}` : ""; // c has no bounds
      draw((k) => trace[name][k], low && -most, most, past);
    }
    const at = (/** @type {Float64Array} */ all) => (/** @type {number} */ k) => (k > t ? 0 : all[t * T + k]);
    const range = (/** @type {Float64Array} */ all) => Math.max(...all.subarray(t * T, t * T + t + 1).map(Math.abs));
    const [far, high] = [round(range(reach.slope)), round(Math.max(1, range(reach.road)))];
    road.show(at(reach.road), keeps ? 0 : -high, high);
    slope.show(at(reach.slope), -far, far);
    roadTitle.textContent = `Product of ${keeps || "W_hh (1 − h²)"} from then to now${high > 1 ? ` (to ${high})` : ""}`;
    slopeTitle.textContent = `∂${state}${below(t + 1)}/∂x of each input (from −${far} to ${far})`;
    put(made, { "aria-label": `Over time: ${["x", ...ROWS[kind]].join(", ")}; and what each input still does to ${state}` });
  }
  return { made, show };
}

/** The next of 1, 2, 5, 10, 20 and so on, and a hundredth at least. @param {number} most */
function round(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 0.01)));
  return Number(((([1, 2, 5].find((n) => n * power >= most) ?? 10) * power)).toPrecision(3));
}

/** Time follows the pointer. @param {SVGRectElement} zone @param {SVGSVGElement} made @param {(k: number) => void} go */
function scrubbed(zone, made, go) {
  let held = false;
  const follow = (/** @type {PointerEvent} */ event) => go(Math.floor((pointed(event, made)[0] - LEFT) / PITCH));
  zone.addEventListener("pointerdown", (event) => {
    held = true;
    zone.setPointerCapture(event.pointerId);
    follow(event);
  });
  zone.addEventListener("pointermove", (event) => held && follow(event));
  for (const end of ["pointerup", "pointercancel"]) zone.addEventListener(end, () => (held = false));
}
