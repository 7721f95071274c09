/** The drawings of two recurrent units: their plane, W's eigenvalues, and the states over time. */

import { drawing, path, put, scale, svg } from "./draw.js";
import { orbit } from "./plane.js";

/** @typedef {import("./plane.js").Point} Point */
/** @typedef {import("./plane.js").Fixed} Fixed */

/** @param {string} name @param {string} words @param {number} x @param {number} y @param {string} [anchor] */
const text = (name, words, x, y, anchor = "middle") => svg("text", { class: `plane__${name}`, x, y, "text-anchor": anchor }, words);
/** @param {string} name @param {string} [d] */
const line = (name, d) => svg("path", { class: `plane__${name}`, fill: "none", d });

/** A fixed point's shape says what it does: full attracts, hollow repels, a cross does both. @param {string} kind @param {number} x @param {number} y */
function marker(kind, x, y, r = 6) {
  if (kind === "saddle") return svg("path", { class: "plane__fixed plane__saddle", d: `M${x - r} ${y - r}L${x + r} ${y + r}M${x - r} ${y + r}L${x + r} ${y - r}` });
  return svg("circle", { class: `plane__fixed plane__${kind}`, cx: x, cy: y, r });
}

/** The same among words. @param {string} kind */
export const key = (kind) => svg("svg", { viewBox: "0 0 16 16", class: "plane__swatch", "aria-hidden": "true" }, marker(kind, 8, 8));

const GRID = [-0.9, -0.6, -0.3, 0, 0.3, 0.6, 0.9];
const FADE = 14; // steps of the trajectories from the grid

/** The plane of both states, -1 to 1, with where everything goes. */
export function portrait() {
  const across = scale([-1, 1], [26, 314]);
  const up = scale([-1, 1], [304, 16]);
  const points = (/** @type {readonly Point[]} */ states) => path(states.map(([x, y]) => /** @type {const} */ ([across(x), up(y)])));
  const steps = Array.from({ length: FADE }, (_, t) => faint(line("flow"), 0.5 * (1 - t / FADE) + 0.06));
  const [way, ends, fixed] = [line("way"), svg("g"), svg("g")];
  const dots = svg("path", { class: "plane__dots" });
  const handle = svg("g", { class: "plane__handle", role: "slider", tabindex: 0, "aria-label": "Start of the trajectory", "aria-valuemin": -1, "aria-valuemax": 1 },
    svg("circle", { r: 18, fill: "transparent" }), svg("circle", { r: 8, class: "plane__start" }));
  const whole = drawing(320, 330, "", svg("rect", { x: 26, y: 16, width: 288, height: 288, class: "plane__frame" }),
    line("axis", "M26 160H314M170 16V304"), ...steps, ends, way, dots, fixed, handle,
    text("tick", "−1", 26, 320), text("tick", "h₁", 242, 320), text("tick", "0", 170, 320), text("tick", "1", 314, 320),
    text("tick", "1", 14, 21), text("tick", "h₂", 12, 92), text("tick", "0", 14, 164));
  put(whole, { class: "explore__drawing plane__portrait", role: "group" });

  /** @param {import("./plane.js").Net} net @param {Point[]} states @param {Fixed[]} all @param {{ states: Point[], period: number }} end
   * @param {boolean} jumps to the other side and back: dots say more than lines
   */
  function draw(net, states, all, end, jumps) {
    whole.classList.toggle("plane--jumps", jumps);
    const spots = (/** @type {readonly Point[]} */ some) => some.map(([x, y]) => `M${across(x).toFixed(2)} ${up(y).toFixed(2)}h0`).join("");
    const flows = GRID.flatMap((x) => GRID.map((y) => orbit(net, [x, y], FADE)));
    steps.forEach((one, t) => put(one, { d: flows.map((flow) => (jumps ? spots([flow[t]]) : points(flow.slice(t, t + 2)))).join("") }));
    put(way, { d: points(states) });
    put(dots, { d: spots(states) });
    ends.replaceChildren(...(end.period > 1 ? end.states : []).map(([x, y]) => svg("circle", { class: "plane__end", cx: across(x), cy: up(y), r: 9 })));
    fixed.replaceChildren(...all.map(({ at: [x, y], kind }) => marker(kind, across(x), up(y))));
    put(handle, { transform: `translate(${across(states[0][0])} ${up(states[0][1])})` });
  }
  return { whole, handle, draw, at: /** @param {Point} place @returns {[number, number]} */ ([x, y]) => [across.invert(x), up.invert(y)] };
}

/** @param {SVGPathElement} one @param {number} opacity */
function faint(one, opacity) {
  put(one, { opacity });
  return one;
}

/** The complex plane: W's eigenvalues, to be dragged, and those of each fixed point. */
export function eigenPlane() {
  const across = scale([-1.8, 1.8], [6, 234]);
  const up = scale([-1.8, 1.8], [242, 14]);
  const unit = across(1) - across(0);
  const [own, others] = [svg("g"), svg("g")];
  const whole = drawing(240, 256, "Eigenvalues of W in the complex plane, with the unit circle",
    svg("circle", { cx: across(0), cy: up(0), r: unit, class: "plane__unit" }),
    line("axis", `M6 ${up(0)}H234M${across(0)} 14V242`),
    text("tick", "1", across(1) + 8, up(0) + 15), text("tick", "real", 234, up(0) - 16, "end"), text("tick", "imaginary", across(0) + 6, 24, "start"),
    text("muted", "grows", 12, 238, "start"), text("muted", "fades", across(0) - 6, up(0) + 16, "end"), others, own);
  whole.classList.add("plane__eigen");

  /** @param {[import("./plane.js").Complex, import("./plane.js").Complex]} values @param {Fixed[]} fixed */
  function draw(values, fixed) {
    const place = (/** @type {import("./plane.js").Complex} */ { re, im }) => {
      const far = Math.max(1, Math.hypot(re, im) / 1.74); // what is far out stands at the rim
      return /** @type {const} */ ([across(re / far), up(im / far)]);
    };
    own.replaceChildren(...values.map((one) => {
      const [x, y] = place(one);
      return svg("g", {}, svg("circle", { cx: x, cy: y, r: 16, fill: "transparent" }), svg("rect", { x: x - 7, y: y - 7, width: 14, height: 14, class: "plane__own" }));
    }));
    others.replaceChildren(...fixed.filter(({ at }) => Math.hypot(...at) > 1e-6).flatMap(({ kind, eigenvalues }) =>
      eigenvalues.map((one) => marker(kind, ...place(one), 5))));
  }
  return { whole, draw, at: /** @param {Point} place @returns {[number, number]} */ ([x, y]) => [across.invert(x), up.invert(y)] };
}

/** Both states, step by step. @param {number} steps */
export function timeline(steps) {
  const across = scale([0, steps], [22, 234]);
  const up = scale([-1, 1], [104, 18]);
  const [first, second] = [line("first"), line("second")];
  const whole = drawing(240, 128, "Both states over time", line("axis", `M22 ${up(0)}H234M22 14V104`), second, first,
    text("tick", "1", 17, 18, "end"), text("tick", "−1", 17, 108, "end"), text("tick", `step ${steps}`, 234, 124, "end"),
    text("tick", "— h₁", 34, 11, "start"), text("tick", "┄ h₂", 110, 11, "start"));
  put(whole, { class: "explore__drawing plane__time" });
  /** @param {Point[]} states */
  const draw = (states) => {
    put(first, { d: path(states.map(([x], t) => /** @type {const} */ ([across(t), up(x)]))) });
    put(second, { d: path(states.map(([, y], t) => /** @type {const} */ ([across(t), up(y)]))) });
  };
  return { whole, draw };
}
