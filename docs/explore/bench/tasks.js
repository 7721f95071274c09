/** The challenges: what comes in, what must come out, and whether it does. */

import { run } from "../lib/cells.js";

/** @typedef {import("../lib/cells.js").Cell} Cell */
/**
 * @typedef {object} Check
 * @property {number} bit
 * @property {number} step from 1; of those after the word, the one farthest from zero
 * @property {number} h what the unit shows there
 * @property {boolean} passed
 */

export const STEPS = 12;
export const BIT = 2; // the step at which the bit comes
export const TOLD = 7; // and that at which the unit is told to forget it
export const FORGET = 2; // by this input
export const HELD = 0.5; // at least so far to the bit's side
export const GONE = 0.2; // at most so far from zero
export const DIGITS = 3;
export const TASKS = /** @type {const} */ (["free", "remember", "forget"]);

/**
 * The inputs of a challenge.
 * @param {string} task @param {number} bit 1 or −1
 */
export function inputs(task, bit) {
  const x = Array(STEPS).fill(0);
  x[BIT - 1] = bit;
  if (task === "forget") x[TOLD - 1] = FORGET;
  return x;
}

/** As h is written beside the limit, so that "0.500" is not below 0.5. @param {number} h */
const written = (h) => Number(h.toFixed(DIGITS));

/**
 * Does the unit do it, for either bit?
 * @param {string} task @param {Cell} unit
 * @returns {{ passed: boolean, checks: Check[] }}
 */
export function verdict(task, unit) {
  const checks = [1, -1].flatMap((bit) => {
    const h = run(unit, inputs(task, bit)).h.map(written);
    const held = (/** @type {number} */ step) => ({ bit, step, h: h[step - 1], passed: bit * h[step - 1] >= HELD });
    if (task === "remember") return [held(STEPS)];
    const far = h.slice(TOLD).reduce((most, one, k, after) => (Math.abs(one) > Math.abs(after[most]) ? k : most), 0);
    return [held(TOLD - 1), { bit, step: TOLD + 1 + far, h: h[TOLD + far], passed: Math.abs(h[TOLD + far]) <= GONE }];
  });
  return { passed: checks.every((one) => one.passed), checks };
}
