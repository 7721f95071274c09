/** What is left of the gradient, lag by lag: any cell, any start, and the closed-form rates over it. */

import "./microscope.css";
import { radios, slider } from "./lib/controls.js";
import { element, frame, pointed, put, svg } from "./lib/draw.js";
import { lagPlot } from "./lib/lagplot.js";
import { firstAbove, firstBelow, nameOf, powered, shown, spoken, unpacked } from "./lib/lags.js";
import { choice, number } from "./lib/state.js";

/** @typedef {import("./lib/lags.js").Start} Start */
/** @typedef {{ start: Start, low: Float64Array, median: Float64Array, high: Float64Array }} Read */

const HUNDREDTH = -2;
const LARGEST = Math.log10(3.4028235e38); // that float32 can hold
const RULES = /** @type {Record<string, string>} */ ({ rnn: "radius × slope", lstm: "forget gate f", gru: "update gate z" });

/** @param {string} cell */
const upper = (cell) => cell.toUpperCase();
/** Near 1 the third digit counts. @param {number} rate */
const perStep = (rate) => rate.toFixed(Math.abs(rate - 1) < 0.1 ? 3 : 2);
/** @param {number} count */
const steps = (count) => `${count} ${count === 1 ? "step" : "steps"}`;

/** The table below the drawing: what is left at the lag, as measured and by each rate. */
function readout() {
  const [curve, rule, step] = ["curve", "rule", "step"].map((kind) => {
    const swatch = svg("svg", { viewBox: "0 0 30 10", class: "microscope__swatch", "aria-hidden": "true" },
      svg("path", { d: "M1 5H29", class: `microscope__${kind}`, fill: "none" }));
    const [name, rate, left] = [element("span"), element("td"), element("td")];
    return { kind, swatch, name, rate, left, row: element("tr", {}, element("th", { scope: "row" }, element("span", {}, swatch, name)), rate, left) };
  });
  const lag = element("th", { scope: "col" });
  const head = element("tr", {}, element("td"), element("th", { scope: "col" }, "per step"), lag);
  const table = element("table", { class: "microscope__table" },
    element("thead", {}, head), element("tbody", {}, curve.row, rule.row, step.row));
  curve.name.textContent = "measured";
  step.name.textContent = "mean step";
  return { table, lag, curve, rule, step };
}

/** Where it ends: a hundredth, a float32 sum, float32 itself at either end. @param {Read} read @param {number} most */
function ends({ start, median }, most) {
  const bold = (/** @type {number} */ lag) => element("b", {}, String(lag));
  const hundredth = firstBelow(median, HUNDREDTH);
  const words = hundredth ? ["Less than a hundredth is left after ", bold(hundredth), " steps. "] : [`More than a hundredth is left after all ${most} steps. `];
  const { lost, gone } = { lost: start.lost.median, gone: start.gone.median };
  const burst = firstAbove(median, LARGEST);
  if (burst) return [...words, "From ", bold(burst), " steps on it is more than float32 can hold."];
  if (lost > most) return [...words, `In float32 it does not run out within ${most}.`];
  const zero = gone > most ? "." : `, and about ${Math.round(gone / 5) * 5} steps back float32 has only zeros.`;
  return [...words, "After ", bold(lost), ` it is lost in a float32 sum, beside the gradient of lag 0${zero}`];
}

/** @param {import("./lib/start.js").Place} place */
export default function start({ here, id, data, state, say }) {
  const mine = state({
    cell: choice("lstm", ["rnn", "lstm", "gru"]),
    matrix: choice("default", ["default", "random", "orthogonal"]),
    radius: choice("1", ["0.5", "0.8", "1", "1.3", "2", "3"]),
    bias: choice("default", ["default", "0", "1", "2", "3", "5"]),
    span: choice("100", ["50", "100", "200", "400"]),
    lag: number(40, 0, 400),
  });
  const torchs = (/** @type {string} */ value) => (value === "default" ? "PyTorch’s" : value);
  const matrix = radios(mine, "matrix", "Recurrent matrix at the start", { say: torchs });
  const radius = radios(mine, "radius", "Spectral radius");
  const forget = radios(mine, "bias", "Bias of the forget gate f", { say: torchs });
  const update = radios(mine, "bias", "Bias of the update gate z", { say: torchs });
  const back = slider(mine, "lag", "Look back", { say: steps });
  const range = /** @type {HTMLInputElement} */ (back.querySelector("input"));
  const plot = lagPlot(id);
  const table = readout();
  const end = element("p", { class: "microscope__ends" });
  here.append(
    element("div", { class: "microscope__choices" }, radios(mine, "cell", "Cell", { say: upper }), matrix, radius, forget, update,
      radios(mine, "span", "Steps shown")),
    plot.whole, back, table.table, end,
  );

  /** @type {Map<string, Read>} */
  const known = new Map();
  /** @param {string} name */
  function read(name) {
    const before = known.get(name);
    if (before) return before;
    const start = data.starts[name];
    const [low, median, high] = /** @type {const} */ (["low", "median", "high"]).map((end) => unpacked(start.curve[end], data.fine));
    const made = { start, low, median, high };
    known.set(name, made);
    return made;
  }

  /** @param {typeof mine.values} values the starts that stand behind, for comparison */
  function others({ cell, matrix, bias }) {
    const changed = (cell === "rnn" ? matrix : bias) !== "default";
    const names = [...(changed && cell !== "rnn" ? [cell] : []), ...(changed || cell !== "rnn" ? ["rnn"] : [])];
    return names.map((cell) => ({ cell, median: read(`${cell} default`).median }));
  }

  /** @param {typeof mine.values} values @param {Read} now */
  function tell({ cell, lag }, { start, low, median, high }) {
    const { factor, rule, step } = start;
    const by = { rule: powered(rule.median, lag), step: powered(step.median, lag) };
    table.lag.textContent = `left after ${steps(lag)}`;
    table.curve.rate.textContent = perStep(factor.median);
    table.curve.left.replaceChildren(element("b", {}, shown(median[lag])), element("small", {}, `${shown(low[lag])} to ${shown(high[lag])}`));
    table.rule.name.textContent = RULES[cell];
    for (const kind of /** @type {const} */ (["rule", "step"])) {
      table[kind].rate.textContent = perStep(start[kind].median);
      table[kind].left.textContent = shown(by[kind]);
    }
    put(here, { style: `--of: var(--${cell}); --by: var(--${cell === "rnn" ? "hidden" : "keep"})` });
    say(`${steps(lag)} back, ${spoken(median[lag])} is left; by the ${RULES[cell]} it would be ${spoken(by.rule)}, by the mean step ${spoken(by.step)}.`);
  }

  const draw = frame(() => {
    const { cell, span, lag } = mine.values;
    const now = read(nameOf(mine.values));
    const curves = { ...now, rule: now.start.rule.median, step: now.start.step.median };
    plot.draw({ name: nameOf(mine.values), cell, curves, others: others(mine.values), span: Number(span), lag, lost: data.sum });
    put(plot.whole, {
      "aria-label": `Gradient left against steps back, log scale, 0 to ${span} steps: ${upper(cell)}, median and range of ${data.seeds} seeds. `
        + `After ${span} steps ${spoken(now.median[Number(span)])} is left.`,
    });
    tell(mine.values, now);
    end.replaceChildren(...ends(now, now.median.length - 1));
  });

  mine.watch((values) => {
    const span = Number(values.span);
    if (values.lag > span) return mine.set({ lag: span });
    put(range, { max: span });
    range.value = String(values.lag); // it was held back by the old end
    matrix.hidden = values.cell !== "rnn";
    radius.hidden = values.cell !== "rnn" || values.matrix === "default";
    forget.hidden = values.cell !== "lstm";
    update.hidden = values.cell !== "gru";
    draw();
  });

  /** @param {PointerEvent} event */
  const scrub = (event) => {
    const lag = plot.lagAt(pointed(event, plot.whole)[0]);
    mine.set({ lag: Math.min(Number(mine.values.span), Math.max(0, lag)) });
  };
  plot.whole.addEventListener("pointerdown", (event) => {
    plot.whole.setPointerCapture(event.pointerId);
    scrub(event);
  });
  plot.whole.addEventListener("pointermove", (event) => event.buttons && scrub(event));
  new ResizeObserver(() => {
    if (!here.clientWidth) return; // not shown, as on paper
    plot.resize(here.clientWidth);
    draw();
  }).observe(here);
}
