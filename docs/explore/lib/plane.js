/**
 * A recurrent net of two units as a map of the plane: h' = tanh(W h + b), its Jacobian,
 * eigenvalues, fixed points and where it settles.
 * Compared with NumPy and torch by tests/test_explore_plane.py.
 */

/** @typedef {readonly number[]} Matrix four numbers, row after row */
/** @typedef {readonly [number, number]} Point */
/** @typedef {{ re: number, im: number }} Complex */
/** @typedef {{ W: Matrix, b: Point }} Net */
/** @typedef {"attracts" | "repels" | "saddle"} Kind */
/** @typedef {{ at: Point, eigenvalues: [Complex, Complex], kind: Kind }} Fixed */

/** One step. @param {Net} net @param {Point} h @returns {Point} */
export const step = ({ W, b }, [x, y]) => [Math.tanh(W[0] * x + W[1] * y + b[0]), Math.tanh(W[2] * x + W[3] * y + b[1])];

/**
 * All states from h on, `steps` of them after it.
 * @param {Net} net @param {Point} h @param {number} steps
 */
export function orbit(net, h, steps) {
  const states = [h];
  for (let t = 0; t < steps; t++) states.push((h = step(net, h)));
  return states;
}

/** d h' / d h where the step leads to `next`: diag(1 - next²) W. @param {Matrix} W @param {Point} next @returns {Matrix} */
export function jacobian([p, q, r, s], [x, y]) {
  const [u, v] = [1 - x * x, 1 - y * y];
  return [u * p, u * q, v * r, v * s];
}

/** The larger first; of a pair, the one above. @param {Matrix} matrix @returns {[Complex, Complex]} */
export function eigenvalues([p, q, r, s]) {
  const half = (p + s) / 2;
  const inside = ((p - s) / 2) ** 2 + q * r;
  if (inside < 0) return [{ re: half, im: Math.sqrt(-inside) }, { re: half, im: -Math.sqrt(-inside) }];
  const far = half + (half < 0 ? -1 : 1) * Math.sqrt(inside);
  const near = far === 0 ? 0 : (p * s - q * r) / far; // their product is the determinant: no digits cancel
  return [{ re: far, im: 0 }, { re: near, im: 0 }];
}

/** @param {Complex} value */
export const size = ({ re, im }) => Math.hypot(re, im);

/** The spectral radius. @param {Matrix} matrix */
export const radius = (matrix) => size(eigenvalues(matrix)[0]);

/** radius · rotation by an angle in degrees. @param {number} radius @param {number} degrees @returns {[number, number, number, number]} */
export function turned(radius, degrees) {
  const [cos, sin] = [radius * Math.cos((degrees * Math.PI) / 180), radius * Math.sin((degrees * Math.PI) / 180)];
  return [cos, -sin, sin, cos];
}

const STARTS = 13; // Newton's method starts from a grid of this many squared
const CLOSE = 1e-6;

/** One run of Newton's method on tanh(W h + b) - h; undefined if it gets nowhere. @param {Net} net @param {Point} h @returns {Point | undefined} */
function solved(net, h) {
  for (let k = 0; k < 40; k++) {
    const next = step(net, h);
    const [p, q, r, s] = jacobian(net.W, next);
    const [x, y] = [next[0] - h[0], next[1] - h[1]];
    const det = (p - 1) * (s - 1) - q * r;
    if (Math.abs(det) < 1e-14) return undefined;
    const [dx, dy] = [((s - 1) * x - q * y) / det, ((p - 1) * y - r * x) / det];
    h = [h[0] - dx, h[1] - dy];
    if (Math.abs(h[0]) > 1.5 || Math.abs(h[1]) > 1.5) return undefined;
    if (Math.hypot(dx, dy) < 1e-13) return h;
  }
  return undefined;
}

/** What happens near a fixed point. @param {[Complex, Complex]} eigenvalues @returns {Kind} */
export function kindOf([first, second]) {
  if (size(first) < 1) return "attracts";
  return size(second) > 1 ? "repels" : "saddle";
}

/** All states that a step leaves where they are, from left to right. @param {Net} net @returns {Fixed[]} */
export function fixedPoints(net) {
  /** @type {Point[]} */
  const found = [];
  const one = (/** @type {number} */ k) => Math.tanh((3 * (2 * k - STARTS + 1)) / (STARTS - 1)); // denser near the edges
  for (let k = 0; k < STARTS * STARTS; k++) {
    const at = solved(net, [one(k % STARTS), one(Math.floor(k / STARTS))]);
    if (at && !found.some(([x, y]) => Math.hypot(x - at[0], y - at[1]) < CLOSE)) found.push(at);
  }
  found.sort(([a, c], [b, d]) => a - b || c - d);
  return found.map((at) => {
    const values = eigenvalues(jacobian(net.W, at));
    return { at, eigenvalues: values, kind: kindOf(values) };
  });
}

/**
 * Where a state ends: at rest, in a cycle of so many steps, or going round without ever repeating.
 * @param {Net} net @param {Point} h
 * @returns {{ period: number, slow: boolean, states: Point[] }} period 0: none of up to 24 steps; slow: it still sinks towards 0
 */
export function settled(net, h, warm = 2000) {
  const widest = () => Math.max(...orbit(net, h, 24).map(([x, y]) => Math.hypot(x, y)));
  for (let t = 0; t < warm / 2; t++) h = step(net, h);
  const before = widest();
  for (let t = 0; t < warm / 2; t++) h = step(net, h);
  const states = orbit(net, h, 24);
  const slow = before > 1e-4 && widest() < 0.9 * before;
  if (slow) return { period: 0, slow, states };
  for (let period = 1; period <= 24; period++) {
    const [x, y] = states[period];
    if (Math.hypot(x - h[0], y - h[1]) < 1e-7) return { period, slow, states: states.slice(0, period) };
  }
  return { period: 0, slow, states };
}

/**
 * What is left, after each step, of a nudge to the first state: the size of d h_t / d h_0.
 * @param {Matrix} W @param {readonly Point[]} states
 */
export function sensitivity(W, states) {
  let [p, q, r, s] = [1, 0, 0, 1];
  return states.map((next, t) => {
    if (t) {
      const [a, b, c, d] = jacobian(W, next);
      [p, q, r, s] = [a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s];
    }
    return Math.hypot(p, q, r, s) / Math.SQRT2;
  });
}
