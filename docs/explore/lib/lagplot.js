/** The microscope's drawing: gradient against lag on a log axis, with the rates over it. */

import { colour, drawing, path, put, scale, svg } from "./draw.js";
import { decades, extent, firstBelow, powered, tenTo } from "./lags.js";

/** @typedef {{ rule: number, step: number, low: Float64Array, median: Float64Array, high: Float64Array }} Curves */
/** @typedef {{ name: string, cell: string, curves: Curves, others: { cell: string, median: Float64Array }[], span: number, lag: number, lost: number }} Shown */

const LEFT = 50; // room for the numbers of the axis
const TOP = 22;
const BELOW = 26;
const RIGHT = 10;

/** @param {string} name @param {string} [words] @param {import("./draw.js").Attributes} [more] */
const text = (name, words = "", more = {}) => svg("text", { class: `microscope__${name}`, ...more }, words);
/** @param {string} name */
const line = (name) => svg("path", { class: `microscope__${name}`, fill: "none" });

/** @param {string} id for what must have a name of its own on the page */
export function lagPlot(id) {
  const [band, rule, step, curve, cursor] = ["band", "rule", "step", "curve", "cursor"].map(line);
  const lost = svg("rect", { class: "microscope__lost" });
  const lostText = text("muted", "here a float32 sum loses it");
  const others = [0, 1].map(() => ({ line: line("other"), text: text("name") }));
  const name = text("name", "", { "font-weight": 700 });
  const grid = svg("g", { class: "microscope__grid" });
  const mark = svg("circle", { r: 6.5, class: "microscope__mark" });
  const frame = svg("rect");
  const clip = svg("clipPath", { id: `${id}-clip` }, frame);
  const inside = svg("g", { "clip-path": `url(#${id}-clip)` }, ...others.map((one) => one.line), band, rule, step, curve);
  const whole = drawing(640, 350, "", clip, lost, grid, cursor, inside, mark, lostText, ...others.map((one) => one.text), name,
    text("muted", "gradient left", { x: 0, y: 12 }));
  whole.classList.add("microscope__drawing");

  let [width, height] = [640, 350];
  let along = scale([0, 100], [LEFT, width - RIGHT]);
  let up = scale([-24, 1], [height - BELOW, TOP]);

  /** As wide as its column, in pixels, so that its words keep their size. @param {number} room */
  function resize(room) {
    width = Math.round(Math.min(720, Math.max(240, room)));
    height = Math.round(Math.min(360, Math.max(250, 0.56 * width)));
    put(whole, { viewBox: `0 0 ${width} ${height}` });
  }

  let drawn = ""; // what the curves stand for: scrubbing moves the mark alone

  /** @param {Shown} shown */
  function draw(shown) {
    const all = `${shown.name} ${shown.span} ${width}`;
    if (all !== drawn) drawCurves(shown);
    drawn = all;
    const x = along(shown.lag);
    const y = up(shown.curves.median[shown.lag]);
    put(cursor, { d: `M${x.toFixed(1)} ${TOP}V${height - BELOW}` });
    put(mark, { cx: x, cy: y, fill: colour(shown.cell), visibility: y <= height - BELOW + 1 ? null : "hidden" });
  }

  /** @param {Shown} shown */
  function drawCurves(shown) {
    const { cell, curves, span } = shown;
    const visible = [curves.low[span], powered(curves.rule, span), powered(curves.step, span)];
    const range = extent(Math.min(...visible), curves.high.subarray(0, span + 1).reduce((a, b) => Math.max(a, b)));
    up = scale(range, [height - BELOW, TOP]);
    along = scale([0, span], [LEFT, width - RIGHT]);
    const points = (/** @type {ArrayLike<number>} */ values) => Array.from({ length: span + 1 }, (_, k) => /** @type {const} */ ([along(k), up(values[k])]));
    const straight = (/** @type {number} */ rate) => path([[along(0), up(0)], [along(span), up(powered(rate, span))]]);
    put(curve, { d: path(points(curves.median)) });
    put(band, { d: `${path([...points(curves.high), ...points(curves.low).reverse()])}Z`, fill: colour(cell) });
    put(rule, { d: straight(curves.rule) });
    put(step, { d: straight(curves.step) });
    names(shown);
    axes(range, span, shown.lost);
  }

  /** Every line has its name beside it. @param {Shown} shown */
  function names({ cell, curves, others: all, span }) {
    const bottom = up.invert(height - BELOW - 8);
    const end = (/** @type {Float64Array} */ values) => Math.min(span, firstBelow(values, bottom) ?? span);
    others.forEach(({ line, text }, k) => {
      const other = all[k];
      put(line, { d: other && path(Array.from({ length: span + 1 }, (_, k) => [along(k), up(other.median[k])])) });
      text.textContent = other ? `${other.cell.toUpperCase()}, PyTorch’s` : "";
      if (!other) return;
      const lag = Math.round((all.length > 1 && !k ? 0.35 : 0.62) * end(other.median));
      const room = along(lag) - 6 > LEFT + 90; // to its left, below it
      put(line, { stroke: colour(other.cell) });
      put(text, { x: along(lag) + (room ? -6 : 9), y: up(other.median[lag]) + (room ? 12 : 4), "text-anchor": room ? "end" : "start", fill: colour(other.cell) });
    });
    const lag = Math.round(0.78 * end(curves.median));
    name.textContent = cell.toUpperCase();
    put(name, { x: Math.min(along(lag) + 8, width - 50), y: Math.max(up(curves.median[lag]) - 9, TOP + 12), fill: colour(cell) });
  }

  /** @param {[number, number]} range @param {number} span @param {number} least below this float32 loses it */
  function axes(range, span, least) {
    const right = width - RIGHT;
    const tick = (/** @type {string} */ words, /** @type {number} */ x, anchor = "middle") => text("tick", words, { x, y: height - 7, "text-anchor": anchor });
    const ticks = along.ticks(width < 420 ? 4 : 5).filter((lag) => along(lag) < right - 110);
    grid.replaceChildren(
      ...decades(range).flatMap((one) => [
        svg("path", { d: `M${LEFT} ${up(one)}H${right}`, class: one ? null : "microscope__all" }),
        text("tick", tenTo(one), { x: LEFT - 8, y: up(one) + 4, "text-anchor": "end" }),
      ]),
      ...ticks.map((lag) => tick(String(lag), along(lag))),
      tick(`${span} steps back`, right, "end"),
    );
    const y = up(Math.max(least, range[0]));
    const deep = height - BELOW - y;
    put(lost, { x: LEFT, y, width: right - LEFT, height: deep });
    put(lostText, { x: LEFT + 7, y: height - BELOW - 8, visibility: deep > 22 ? null : "hidden" });
    put(frame, { x: LEFT, y: TOP - 4, width: right - LEFT + 2, height: height - BELOW - TOP + 4 });
  }

  return { whole, resize, draw, lagAt: (/** @type {number} */ x) => Math.round(along.invert(x)) };
}
