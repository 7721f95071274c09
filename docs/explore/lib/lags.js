/**
 * What is left of a gradient at each lag: curves that a snippet measured, in decades
 * (log10), and the closed-form rates beside them.
 * Compared with torch by tests/test_explore_microscope.py.
 */

/** @typedef {"low" | "median" | "high"} End over the seeds */
/** @typedef {Record<End, number>} Spread */
/**
 * @typedef {object} Start one cell with one initialisation, as the snippet wrote it
 * @property {Record<End, number[]>} curve thousandths of a decade, each less its predecessor
 * @property {Spread} factor left per step, measured
 * @property {Spread} rule the rule of thumb: the mean gate; of the RNN radius times mean slope
 * @property {Spread} step the largest eigenvalue of the mean step
 * @property {Spread} lost from this lag on it is lost in a float32 sum
 * @property {Spread} gone from this lag on it is 0 in float32
 */
/** @typedef {{ cell: string, matrix: string, radius: string, bias: string }} Choice */

/** The name of a start in the data. @param {Choice} choice */
export function nameOf({ cell, matrix, radius, bias }) {
  if (cell !== "rnn") return `${cell} ${bias}`;
  return matrix === "default" ? "rnn default" : `rnn ${matrix} ${radius}`;
}

/**
 * A curve as it was measured, in decades by lag.
 * @param {readonly number[]} differences @param {number} fine parts of a decade
 */
export function unpacked(differences, fine) {
  let sum = 0;
  return Float64Array.from(differences, (one) => (sum += one) / fine);
}

/** A rate to the power of a lag, in decades. @param {number} rate @param {number} lag */
export const powered = (rate, lag) => lag * Math.log10(rate);

/**
 * The first lag at which less than this is left; undefined if there is none.
 * @param {ArrayLike<number>} curve @param {number} decades
 */
export function firstBelow(curve, decades) {
  for (let lag = 0; lag < curve.length; lag++) if (curve[lag] < decades) return lag;
  return undefined;
}

/**
 * The first lag at which more than this is left; undefined if there is none.
 * @param {ArrayLike<number>} curve @param {number} decades
 */
export function firstAbove(curve, decades) {
  for (let lag = 0; lag < curve.length; lag++) if (curve[lag] > decades) return lag;
  return undefined;
}

const REACHES = [-2, -4, -8, -12, -16, -24, -36, -48];
const RISES = [1, 3, 6, 12, 24, 36, 48, 60];

/**
 * From where to where an axis goes that holds these, in decades: a few sizes, so that it seldom jumps.
 * @param {number} least @param {number} most
 * @returns {[number, number]}
 */
export function extent(least, most) {
  const low = REACHES.find((one) => one <= least) ?? -48;
  const high = RISES.find((one) => one >= most) ?? 60;
  return [low, high];
}

/** Decades at round places. @param {readonly [number, number]} extent @returns {number[]} */
export function decades([low, high]) {
  const step = [1, 2, 3, 4, 6, 12, 24].find((one) => (high - low) / one <= 7) ?? 24;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, k) => (first + k) * step);
}

/**
 * A number given in decades, to two digits: itself, or a factor and a power of ten.
 * @param {number} decade
 * @returns {[string, number | undefined]}
 */
export function parts(decade) {
  if (decade > -2.0001 && decade < 3) {
    const plain = 10 ** decade;
    return [plain >= 99.5 ? plain.toFixed(0) : plain.toPrecision(2), undefined];
  }
  const [factor, power] = (10 ** (decade - Math.floor(decade))).toExponential(1).split("e").map(Number);
  return [factor.toFixed(1), Math.floor(decade) + power];
}

const SUPER = /** @type {Record<string, string>} */ (Object.fromEntries([..."-0123456789"].map((one, k) => [one, "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"[k]])));

/** @param {number} power */
export const tenTo = (power) => (power === 0 ? "1" : power === 1 ? "10" : `10${[...String(power)].map((one) => SUPER[one]).join("")}`);

/** As it is shown. @param {number} decade */
export function shown(decade) {
  const [factor, power] = parts(decade);
  return power === undefined ? factor : `${factor}·${tenTo(power)}`;
}

/** As it is spoken. @param {number} decade */
export function spoken(decade) {
  const [factor, power] = parts(decade);
  return power === undefined ? factor : `${factor} times ten to the ${power < 0 ? "minus " : ""}${Math.abs(power)}`;
}
