/** What each number in the drawing is: its formula, and the same with the values in it. */

import { WEIGHTS } from "./unit.js";

/** @typedef {import("../lib/cells.js").Kind} Kind */
/** @typedef {{ name: string, says: string, formula: string, filled: string }} Told */

/** @param {number} value @param {number} [digits] */
export const shown = (value, digits = 2) => {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text.replace("-", "−");
};
/** @param {number} n */
export const below = (n) => String(n).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]);

/**
 * Small numbers keep their digits: 3.2 · 10⁻⁷ is not 0.
 * @param {number} value
 */
export function faint(value) {
  if (value === 0 || Math.abs(value) >= 0.01) return shown(value, 3);
  const [digits, power] = value.toExponential(1).split("e-");
  return `${digits.replace("-", "−")}\u00a0·\u00a010⁻${power.replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)])}`;
}

/** @param {number} value in a product or a sum: signs in brackets */
export const inner = (value) => shown(value).replace(/^−.*/, "($&)");

const WORDS = {
  x: "the input", h: "the hidden state before", c: "the cell state before", "h′": "the new hidden state", "c′": "the new cell state",
  f: "the forget gate", i: "the input gate", g: "the candidate", o: "the output gate", r: "the reset gate", z: "the update gate",
  n: "the candidate", "1 − z": "how much is written", kept: "what is kept", new: "what is written",
  Wh: "what the old state says", Wx: "what the input says", sum: "both together",
};
/** @param {string} name @param {Kind} kind @returns {string} */
export function wordsFor(name, kind) {
  if (kind === "gru" && (name === "Wh" || name === "Wx")) return `${WORDS[name]} to the candidate`;
  return WORDS[/** @type {keyof typeof WORDS} */ (name)];
}

/**
 * @param {Kind} kind @param {string} name of a number @param {number} t from 1
 * @param {Record<string, number>} at all numbers of the step @param {readonly number[]} w
 * @returns {Told}
 */
export function explain(kind, name, t, at, w) {
  const [now, ago] = [below(t), below(t - 1)];
  const weight = (/** @type {string} */ of) => w[/** @type {readonly string[]} */ (WEIGHTS[kind]).indexOf(of)];
  const told = (/** @type {string} */ formula, /** @type {string} */ filled) => ({ name, says: wordsFor(name, kind), formula, filled });
  const result = ` = ${shown(at[name])}`;
  const gate = (/** @type {string} */ squash) => {
    const sum = weight(`W_i${name}`) * at.x + weight(`W_h${name}`) * at.h + weight(`b_${name}`);
    return told(`${name}${now} = ${squash}(W_i${name} · x${now} + W_h${name} · h${ago} + b_${name})`,
      `${squash}(${inner(weight(`W_i${name}`))} · ${inner(at.x)} + ${inner(weight(`W_h${name}`))} · ${inner(at.h)} + ${inner(weight(`b_${name}`))}) = ${squash}(${shown(sum)})${result}`);
  };
  if (name === "x") return told(`x${now}`, `You set it:${result.slice(2)}`);
  if (name === "h" || name === "c") {
    return told(`${name}${ago}`, t === 1 ? `At the start there is nothing:${result.slice(2)}` : `From step ${t - 1}:${result.slice(2)}`);
  }
  if ("fiorz".includes(name)) return gate("σ");
  if (name === "g") return gate("tanh");
  if (kind === "lstm") return ofLSTM(name, now, ago, at, told, result);
  return (kind === "gru" ? ofGRU : ofRNN)(name, now, ago, at, told, result, weight);
}

/** @typedef {(formula: string, filled: string) => Told} Tell */

/** @param {string} name @param {string} now @param {string} ago @param {Record<string, number>} at @param {Tell} told @param {string} result */
function ofLSTM(name, now, ago, at, told, result) {
  if (name === "kept") return told(`f${now} · c${ago}`, `${inner(at.f)} · ${inner(at.c)}${result}`);
  if (name === "new") return told(`i${now} · g${now}`, `${inner(at.i)} · ${inner(at.g)}${result}`);
  if (name === "c′") {
    return told(`c${now} = f${now} · c${ago} + i${now} · g${now}`,
      `${inner(at.f)} · ${inner(at.c)} + ${inner(at.i)} · ${inner(at.g)} = ${shown(at.kept)} + ${inner(at.new)}${result}`);
  }
  return told(`h${now} = o${now} · tanh c${now}`, `${inner(at.o)} · tanh(${shown(at["c′"])}) = ${inner(at.o)} · ${inner(Math.tanh(at["c′"]))}${result}`);
}

/** @param {string} name @param {string} now @param {string} ago @param {Record<string, number>} at @param {Tell} told @param {string} result @param {(of: string) => number} weight */
function ofGRU(name, now, ago, at, told, result, weight) {
  if (name === "Wx") return told(`W_in · x${now} + b_in`, `${inner(weight("W_in"))} · ${inner(at.x)} + ${inner(weight("b_in"))}${result}`);
  if (name === "Wh") return told(`W_hn · h${ago} + b_hn`, `${inner(weight("W_hn"))} · ${inner(at.h)} + ${inner(weight("b_hn"))}${result}`);
  if (name === "n") {
    return told(`n${now} = tanh(W_in · x${now} + b_in + r${now} · (W_hn · h${ago} + b_hn))`,
      `tanh(${inner(at.Wx)} + ${inner(at.r)} · ${inner(at.Wh)}) = tanh(${shown(at.Wx + at.r * at.Wh)})${result}`);
  }
  if (name === "1 − z") return told(`1 − z${now}`, `1 − ${shown(at.z)}${result}`);
  if (name === "kept") return told(`z${now} · h${ago}`, `${inner(at.z)} · ${inner(at.h)}${result}`);
  return told(`h${now} = (1 − z${now}) · n${now} + z${now} · h${ago}`,
    `${inner(at["1 − z"])} · ${inner(at.n)} + ${inner(at.z)} · ${inner(at.h)}${result}`);
}

/** @param {string} name @param {string} now @param {string} ago @param {Record<string, number>} at @param {Tell} told @param {string} result @param {(of: string) => number} weight */
function ofRNN(name, now, ago, at, told, result, weight) {
  if (name === "Wx") return told(`W_ih · x${now} + b`, `${inner(weight("W_ih"))} · ${inner(at.x)} + ${inner(weight("b"))}${result}`);
  if (name === "Wh") return told(`W_hh · h${ago}`, `${inner(weight("W_hh"))} · ${inner(at.h)}${result}`);
  if (name === "sum") return told(`W_hh · h${ago} + W_ih · x${now} + b`, `${inner(at.Wh)} + ${inner(at.Wx)}${result}`);
  return told(`h${now} = tanh(W_hh · h${ago} + W_ih · x${now} + b)`, `tanh(${shown(at.sum)})${result}`);
}
