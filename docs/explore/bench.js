/** One unit on the bench: its cell with the numbers in it, time to scrub, weights to turn. */

import "./bench.css";
import { below, explain, faint, inner, shown } from "./bench/formulas.js";
import { picture } from "./bench/picture.js";
import { BIT, DIGITS, FORGET, GONE, HELD, inputs, STEPS, TASKS, TOLD, verdict } from "./bench/tasks.js";
import { tracks } from "./bench/tracks.js";
import { factor, influence, KEEPS, numbersAt, unit, WEIGHTS } from "./bench/unit.js";
import { room, run } from "./lib/cells.js";
import { controls, radios, slider } from "./lib/controls.js";
import { element, frame } from "./lib/draw.js";
import { choice, number, numbers } from "./lib/state.js";

/** @typedef {import("./lib/controls.js").State} State */

const BOUND = 10; // of a weight
const STEP = 0.1;
const TASK_WORDS = { free: "none", remember: "remember a bit", forget: "forget when told" };

/**
 * One weight of the list `w` as a state of its own, for a slider.
 * @param {State} mine @param {string} name @param {number} k its place
 * @returns {State}
 */
function one(mine, name, k) {
  const changed = (/** @type {number} */ value) => mine.values.w.map((/** @type {number} */ old, /** @type {number} */ j) => (j === k ? value : old));
  return {
    fields: { [name]: number(0, -BOUND, BOUND, STEP) },
    get values() { return { [name]: mine.values.w[k] }; },
    set: (changes) => mine.set({ w: changed(changes[name]) }),
    watch: (draw) => mine.watch(({ w }) => draw({ [name]: w[k] })),
  };
}

/** What a weight leads from, and to. @param {string} name */
const from = (name) => {
  const [letter, gate] = name.split("_");
  if (!gate) return "bias";
  const to = gate.at(-1);
  if (name === "b_hn") return "inside r";
  return letter === "b" ? `bias of ${to}` : `${gate[0] === "h" ? "h" : "x"} to ${to === "h" ? "h′" : to}`;
};

/** The sliders: those that matter, and the others behind a word. @param {State} mine @param {import("./bench/picture.js").Wiring} wiring */
function weights(mine, { kind, main }) {
  const names = /** @type {readonly string[]} */ (WEIGHTS[kind]);
  const make = (/** @type {string} */ name) => slider(one(mine, name, names.indexOf(name)), name, `${name}, ${from(name)}`, { say: (value) => shown(value, 1) });
  const rest = names.filter((name) => !main.includes(name));
  const all = [controls(...main.map(make))];
  if (!rest.length) return all;
  return [...all, element("details", { class: "bench__rest" }, element("summary", {}, "All other weights"), controls(...rest.map(make)))];
}

const GOALS = {
  remember: "At step 2 comes a bit, +1 or −1. At step 12 h must still say which.",
  forget: `At step 2 comes a bit, +1 or −1, and at step 7 the word to forget it: x = ${FORGET}. Just before, h must say which bit it was. From step 8 on it must be near 0.`,
};

/** The verdict in words. @param {string} task @param {import("./lib/cells.js").Cell} cell */
function judged(task, cell) {
  const { passed, checks } = verdict(task, cell);
  const rows = checks.map(({ bit, step, h, passed: fits }) => {
    const want = step > TOLD && task === "forget" ? `between −${GONE} and ${GONE}` : bit > 0 ? `at least ${HELD}` : `at most −${HELD}`;
    return element("li", {}, `${fits ? "✓" : "✗"} bit ${bit > 0 ? "+1" : "−1"}: h${below(step)} is ${shown(h, DIGITS)}, must be ${want}`);
  });
  const done = task === "remember" ? "It remembers." : "It remembers, and forgets when told.";
  return { passed, words: passed ? `✓ Passed. ${done}` : "✗ Not yet.", rows };
}

/** What the chosen input does to the state now, in a sentence. @param {any} now t and s from 0 */
function sentence({ cell, t, s, trace, reach, T }) {
  if (s > t) return `The input of step ${s + 1} is still to come.`;
  const [keeps, state] = KEEPS[/** @type {"lstm"} */ (cell.kind)];
  const slope = `∂${state}${below(t + 1)}/\u2060∂x${below(s + 1)} = ${faint(reach.slope[t * T + s])}`;
  if (s === t) return `The input of this step: ${slope}.`;
  const factors = Array.from({ length: t - s }, (_, k) => inner(factor(cell, trace, s + 1 + k)));
  const list = factors.length > 4 ? [...factors.slice(0, 2), "…", ...factors.slice(-1)] : factors;
  const ends = [...new Set([s + 2, t + 1])];
  const name = keeps ? ends.map((step) => keeps + below(step)).join(" … ") : `W_hh (1 − h²), step ${ends.join(" to ")}`;
  const product = factors.length > 1 ? ` = ${faint(reach.road[t * T + s])}` : "";
  return `From step ${s + 1} to now, ${name}: ${list.join(" · ")}${product}. Over all paths, ${slope}.`;
}

/** @param {import("./lib/start.js").Place} place */
export default function start({ here, data, state, say }) {
  /** @type {import("./bench/picture.js").Wiring} */
  const wiring = data;
  const { kind } = wiring;
  const T = STEPS;
  const mine = state({
    x: numbers(data.x, -2, 2, STEP),
    w: numbers(data.w, -BOUND, BOUND, STEP),
    t: number(data.t, 1, T),
    s: number(data.s, 1, T),
    pick: choice(kind === "lstm" ? "c′" : "h′", Object.keys(wiring.numbers)),
    task: choice("free", TASKS),
  });
  const cellView = picture(wiring, (pick) => mine.set({ pick }));
  const timeView = tracks(kind, T, {
    edit: (k, value) => mine.set({ x: mine.values.x.map((old, j) => (j === k ? value : old)), s: k + 1 }),
    choose: (k) => mine.set({ s: k + 1 }),
    go: (k) => mine.set({ t: Math.max(1, Math.min(T, k + 1)) }),
  });
  const [named, formula, filled] = ["b", "code", "code"].map((name) => element(/** @type {"b"} */ (name)));
  const effect = element("p", { class: "bench__effect" });
  const result = element("div", { class: "bench__verdict" });
  const chosen = radios(mine, "task", "Challenge", { say: (task) => TASK_WORDS[/** @type {"free"} */ (task)] });
  here.append(
    element("div", { class: "bench" },
      element("div", {}, cellView.made,
        element("p", { class: "bench__formula" }, named, formula, filled),
        slider(mine, "t", "now: step", { say: (t) => `${t} of ${T}` })),
      element("div", {}, timeView.made, effect)),
    ...weights(mine, wiring), chosen, result);

  /** @type {{ trace: import("./lib/cells.js").Trace, reach: ReturnType<typeof influence> } | undefined} */
  let kept;
  let task = mine.values.task;
  mine.watch(frame((values) => {
    if (values.task !== task) {
      const w = task === "free" ? data.poor : values.w; // from one challenge to the next the weights stay
      task = values.task;
      if (task !== "free") return mine.set({ x: inputs(task, 1), w, t: T, s: BIT });
    }
    const cell = unit(kind, values.w);
    const trace = run(cell, values.x, { to: kept?.trace ?? room(cell, T) });
    const reach = influence(cell, trace, kept?.reach);
    kept = { trace, reach };
    const [t, s] = [values.t - 1, values.s - 1];
    const at = numbersAt(cell, trace, values.x, t);
    cellView.show(at, values.pick, `The cell at step ${values.t}`);
    timeView.show({ x: values.x, t, s, trace, reach });
    const told = explain(kind, values.pick, values.t, at, values.w);
    named.textContent = told.says;
    formula.textContent = told.formula;
    filled.textContent = told.filled;
    effect.textContent = sentence({ cell, t, s, trace, reach, T });
    result.hidden = values.task === "free";
    let words = `Step ${values.t}, ${told.says} ${shown(at[values.pick])}. ${effect.textContent.replace(/∂.*?\/∂x[₀-₉]+ =/, "the derivative is")}`;
    if (values.task !== "free") {
      const found = judged(values.task, cell);
      result.className = `bench__verdict bench__verdict--${found.passed ? "passed" : "open"}`;
      result.replaceChildren(GOALS[values.task], element("b", {}, found.words), element("ul", {}, ...found.rows));
      words = `${found.words} ${words}`;
    }
    say(words);
  }));
}
