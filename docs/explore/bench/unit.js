/**
 * One unit with one input: its weights by name, its numbers at a step, and how
 * much each input still counts. Compared with torch by tests/test_explore_bench.py.
 */

import { cell } from "../lib/cells.js";

/** @typedef {import("../lib/cells.js").Kind} Kind */
/** @typedef {import("../lib/cells.js").Cell} Cell */
/** @typedef {import("../lib/cells.js").Trace} Trace */

/** Every weight of a unit. A bias stands for the sum of PyTorch's two, but where the GRU's r parts them. */
export const WEIGHTS = /** @type {const} */ ({
  rnn: ["W_ih", "W_hh", "b"],
  lstm: ["W_ii", "W_if", "W_ig", "W_io", "W_hi", "W_hf", "W_hg", "W_ho", "b_i", "b_f", "b_g", "b_o"],
  gru: ["W_ir", "W_iz", "W_in", "W_hr", "W_hz", "W_hn", "b_r", "b_z", "b_in", "b_hn"],
});

/** The gate that keeps, and the state that it keeps. */
export const KEEPS = /** @type {const} */ ({ rnn: ["", "h"], lstm: ["f", "c"], gru: ["z", "h"] });

/**
 * @param {Kind} kind @param {readonly number[]} w in the order of `WEIGHTS`
 * @returns {Cell}
 */
export function unit(kind, w) {
  const gates = { rnn: 1, lstm: 4, gru: 3 }[kind];
  const part = (/** @type {number} */ n) => w.slice(n * gates, (n + 1) * gates);
  const b_hh = kind === "gru" ? [0, 0, w[9]] : undefined; // the only bias that stands inside
  return cell(kind, { W_ih: part(0), W_hh: part(1), b_ih: part(2), b_hh });
}

/**
 * Every number in the drawing of the cell at step t, by the name of its wire.
 * @param {Cell} cell @param {Trace} trace @param {readonly number[]} x @param {number} t from 0
 * @returns {Record<string, number>}
 */
export function numbersAt({ kind }, trace, x, t) {
  const h = t ? trace.h[t - 1] : 0;
  const all = { x: x[t], h, "h′": trace.h[t] };
  if (kind === "rnn") return { ...all, Wh: trace.ah[t], Wx: trace.ax[t], sum: trace.ax[t] + trace.ah[t] };
  if (kind === "gru") {
    const [r, z, n] = [trace.r[t], trace.z[t], trace.n[t]];
    return { ...all, r, z, n, "1 − z": 1 - z, kept: z * h, Wh: trace.ah[3 * t + 2], Wx: trace.ax[3 * t + 2] };
  }
  const [i, f, g, o] = [trace.i[t], trace.f[t], trace.g[t], trace.o[t]];
  const c = t ? trace.c[t - 1] : 0;
  return { ...all, c, i, f, g, o, kept: f * c, new: i * g, "c′": trace.c[t] };
}

/**
 * How the state of step t moves with the input of step s: `slope[t * T + s]`, exactly,
 * by the chain rule carried forward from s. And the product of the factors along the
 * straight road alone, from the state of step s to that of step t: `road[t * T + s]`.
 * @param {Cell} cell @param {Trace} trace of a run from zero states
 * @param {{ slope: Float64Array, road: Float64Array }} [to] room to use again
 */
export function influence(cell, trace, to) {
  const { T } = trace;
  const made = to ?? { slope: new Float64Array(T * T), road: new Float64Array(T * T) };
  const forward = { rnn: throughRNN, lstm: throughLSTM, gru: throughGRU }[cell.kind];
  const moved = { h: 0, c: 0 };
  for (let s = 0; s < T; s++) {
    moved.h = moved.c = 0;
    for (let t = s, road = 1; t < T; t++) {
      forward(cell, trace, t, t === s ? 1 : 0, moved);
      if (t > s) road *= factor(cell, trace, t);
      made.slope[t * T + s] = cell.kind === "lstm" ? moved.c : moved.h;
      made.road[t * T + s] = road;
    }
  }
  return made;
}

/**
 * What the straight road from the last state to that of step t multiplies by.
 * @param {Cell} cell @param {Trace} trace @param {number} t
 */
export function factor({ kind, W_hh }, trace, t) {
  if (kind === "rnn") return W_hh[0] * (1 - trace.h[t] ** 2);
  return kind === "lstm" ? trace.f[t] : trace.z[t];
}

/** @typedef {{ h: number, c: number }} Moved how far the states move with the input of step s, per unit */

/** @param {Cell} cell @param {Trace} trace @param {number} t @param {number} dx @param {Moved} moved */
function throughRNN({ W_ih, W_hh }, trace, t, dx, moved) {
  moved.h = (1 - trace.h[t] ** 2) * (W_ih[0] * dx + W_hh[0] * moved.h);
}

/** @param {Cell} cell @param {Trace} trace @param {number} t @param {number} dx @param {Moved} moved */
function throughLSTM({ W_ih, W_hh }, trace, t, dx, moved) {
  const [i, f, g, o] = [trace.i[t], trace.f[t], trace.g[t], trace.o[t]];
  const sum = (/** @type {number} */ k) => W_ih[k] * dx + W_hh[k] * moved.h;
  const di = i * (1 - i) * sum(0);
  const df = f * (1 - f) * sum(1);
  const dg = (1 - g * g) * sum(2);
  const dO = o * (1 - o) * sum(3);
  const before = t ? trace.c[t - 1] : 0;
  const shown = Math.tanh(trace.c[t]);
  moved.c = f * moved.c + df * before + i * dg + di * g;
  moved.h = o * (1 - shown * shown) * moved.c + dO * shown;
}

/** @param {Cell} cell @param {Trace} trace @param {number} t @param {number} dx @param {Moved} moved */
function throughGRU({ W_ih, W_hh }, trace, t, dx, moved) {
  const [r, z, n] = [trace.r[t], trace.z[t], trace.n[t]];
  const dr = r * (1 - r) * (W_ih[0] * dx + W_hh[0] * moved.h);
  const dz = z * (1 - z) * (W_ih[1] * dx + W_hh[1] * moved.h);
  const dn = (1 - n * n) * (W_ih[2] * dx + dr * trace.ah[3 * t + 2] + r * W_hh[2] * moved.h);
  const before = t ? trace.h[t - 1] : 0;
  moved.h = (1 - z) * dn + z * moved.h + dz * (before - n);
}
