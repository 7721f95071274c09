/**
 * The character models of docs/applications/text.md: weights of one byte each, read
 * back, and run. Held against torch by tests/test_explore_live.py.
 */

import { cell, room, run } from "./cells.js";

/** @typedef {{ shape: number[], int8: string, scale: string }} Part a matrix: bytes, and a scale for each row, in base64 */
/**
 * @typedef {object} Guesser
 * @property {import("./cells.js").Cell} cell
 * @property {Float64Array} embed (V, I)
 * @property {Float64Array} W (V, H) from h to the scores
 * @property {Float64Array} b (V)
 */
/** @typedef {{ unit: number, value: number } | null} Held a unit whose h is one number at every step */
/**
 * What was read: row t is after t characters, row 0 before any.
 * @typedef {object} Reading
 * @property {number[]} ids the characters read
 * @property {Float64Array} h (most + 1, H)
 * @property {Float64Array} c the same of an LSTM
 * @property {number} stamp another after every change
 * @property {(ids: number[], held: Held) => void} read a text; what it shares with the last one is not read again
 */

/** As the study folds what its manual writes: phones type these. */
const FOLD = Object.fromEntries([..."“”‘’—–"].map((one, k) => [one, "\"\"''--"[k]]));

/** @param {string} packed */
const bytes = (packed) => Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));

/** @param {Part} part @returns {Float64Array} row after row */
export function matrix({ int8, scale }) {
  const q = new Int8Array(bytes(int8).buffer);
  const view = new DataView(bytes(scale).buffer); // the same on any machine: little end first
  const columns = q.length / (view.byteLength / 4);
  return Float64Array.from(q, (one, k) => one * view.getFloat32(4 * Math.floor(k / columns), true));
}

/**
 * @param {import("./cells.js").Kind} kind
 * @param {Record<string, Part>} weights by their names in the record
 * @returns {Guesser}
 */
export function guesser(kind, weights) {
  const [W_ih, W_hh, b_ih, b_hh] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map((name) => matrix(weights[`recurrent.${name}_l0`]));
  const [embed, W, b] = ["embed.weight", "score.weight", "score.bias"].map((name) => matrix(weights[name]));
  return { cell: cell(kind, { W_ih, W_hh, b_ih, b_hh }), embed, W, b };
}

/**
 * A text as the nets read it: what the alphabet lacks is its first character, as in training.
 * @param {string} alphabet @param {string} text
 * @returns {{ ids: number[], shown: string[], lacking: string[] }} and what it lacks, each once
 */
export function encode(alphabet, text) {
  const folded = Array.from(text.replace(/\r\n?/g, "\n"), (one) => FOLD[one] ?? one);
  const ids = folded.map((one) => Math.max(0, alphabet.indexOf(one)));
  return {
    ids,
    shown: ids.map((id) => alphabet[id]),
    lacking: [...new Set(folded.filter((one) => !alphabet.includes(one)))],
  };
}

/**
 * One character more, from row t of these states into row t + 1.
 * @param {Guesser} net
 * @param {number} id @param {{ h: Float64Array, c: Float64Array }} states @param {number} t @param {Held} held
 * @param {import("./cells.js").Trace} to room for one step
 */
function advance({ cell, embed }, id, { h, c }, t, held, to) {
  const { I, H } = cell;
  const before = { h: h.subarray(t * H, (t + 1) * H), c: c.subarray(t * H, (t + 1) * H), to };
  run(cell, embed.subarray(id * I, (id + 1) * I), before);
  if (held) to.h[held.unit] = held.value;
  h.set(to.h, (t + 1) * H);
  if (to.c.length) c.set(to.c, (t + 1) * H);
}

/**
 * Reads texts of at most this many characters with a net.
 * @param {Guesser} net @param {number} most
 * @returns {Reading}
 */
export function reading(net, most) {
  const rows = () => new Float64Array((most + 1) * net.cell.H);
  const to = room(net.cell, 1);
  let before = /** @type {Held} */ (null);
  const made = {
    ids: /** @type {number[]} */ ([]), h: rows(), c: rows(), stamp: 0,
    /** @param {number[]} ids @param {Held} held */
    read(ids, held) {
      const same = held?.unit === before?.unit && held?.value === before?.value;
      let t = 0;
      while (same && t < made.ids.length && t < ids.length && ids[t] === made.ids[t]) t++;
      if (t < ids.length || t < made.ids.length) made.stamp++;
      for (; t < ids.length; t++) advance(net, ids[t], made, t, held, to);
      before = held && { ...held };
      made.ids = ids.slice();
    },
  };
  return made;
}

/**
 * The chances of the next character, when t have been read.
 * @param {Guesser} net @param {{ h: Float64Array }} states @param {number} t
 * @param {number} [heat] divides the scores
 * @param {Float64Array} [p] room to use again
 * @returns {Float64Array} (V)
 */
export function chances({ cell: { H }, W, b }, { h }, t, heat = 1, p = new Float64Array(b.length)) {
  for (let k = 0, w = 0; k < p.length; k++) {
    let sum = b[k];
    for (let j = 0; j < H; j++, w++) sum += W[w] * h[t * H + j];
    p[k] = sum / heat;
  }
  const most = p.reduce((a, one) => Math.max(a, one), -Infinity);
  let all = 0;
  for (let k = 0; k < p.length; k++) all += p[k] = Math.exp(p[k] - most);
  for (let k = 0; k < p.length; k++) p[k] /= all;
  return p;
}

/**
 * Numbers from 0 to 1 that look random and repeat: a counter, its bits mixed (the finaliser of MurmurHash3).
 * @param {number} seed
 * @returns {() => number}
 */
export function generator(seed) {
  const mix = (/** @type {number} */ a) => {
    a = Math.imul(a ^ (a >>> 16), 0x85ebca6b);
    a = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
    return (a ^ (a >>> 16)) >>> 0;
  };
  const start = mix(seed + 1);
  let count = 0;
  return () => mix(start + Math.imul(++count, 0x9e3779b9)) / 2 ** 32;
}

/** The first character at which the chances add up to more than u. @param {Float64Array} p @param {number} u */
function drawn(p, u) {
  let k = 0;
  for (let sum = p[0]; sum <= u && k < p.length - 1; sum += p[k]) k++;
  return k;
}

/**
 * Texts that go on from what was read: each draws a character, reads it, and again.
 * @param {Guesser} net @param {Reading} read @param {number} t characters of it
 * @param {{ heat: number, seed: number, count: number, length: number, held: Held }} how
 * @returns {number[][]} (count, length)
 */
export function futures(net, read, t, { heat, seed, count, length, held }) {
  const { H } = net.cell;
  const random = generator(seed);
  const states = { h: new Float64Array((length + 1) * H), c: new Float64Array((length + 1) * H) };
  const to = room(net.cell, 1);
  const p = new Float64Array(net.b.length);
  return Array.from({ length: count }, () => {
    states.h.set(read.h.subarray(t * H, (t + 1) * H));
    states.c.set(read.c.subarray(t * H, (t + 1) * H));
    return Array.from({ length }, (_, k) => {
      const id = drawn(chances(net, states, k, heat, p), random());
      advance(net, id, states, k, held, to);
      return id;
    });
  });
}

/** The likeliest characters, the likeliest first; this one is always among them. @param {Float64Array} p @param {number} many @param {number} always */
export function likeliest(p, many, always) {
  const order = Array.from(p.keys()).sort((a, b) => p[b] - p[a] || a - b).slice(0, many);
  return order.includes(always) ? order : [...order.slice(0, many - 1), always];
}

/** Whether a quotation mark is open: an odd number of them since the last blank line. @param {string} text */
export const isOpen = (text) => text.slice(text.lastIndexOf("\n\n") + 1).split('"').length % 2 === 0;
