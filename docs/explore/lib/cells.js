/**
 * The forward passes of RNN, LSTM and GRU, in PyTorch's conventions and float64.
 *
 * Rows of the weights, one block of H for each gate: LSTM i, f, g, o; GRU r, z, n,
 * with the reset after the matrix product; two biases, which stay apart.
 * Compared with torch by tests/test_explore_cells.py.
 */

/** @typedef {"rnn" | "lstm" | "gru"} Kind */
/** @typedef {ArrayLike<number> | ArrayLike<ArrayLike<number>>} Numbers flat, or a list of rows */
/**
 * @typedef {object} Cell
 * @property {Kind} kind
 * @property {boolean} relu an RNN with relu in tanh's place
 * @property {number} I input size
 * @property {number} H hidden size
 * @property {Float64Array} W_ih (G·H, I), row after row; change a weight here and run again
 * @property {Float64Array} W_hh (G·H, H)
 * @property {Float64Array} b_ih (G·H)
 * @property {Float64Array} b_hh (G·H)
 */
/**
 * Everything that a run computes, (T, H) each, row after row, but for `ax` and `ah`.
 * What a kind of cell does not have is empty.
 * @typedef {object} Trace
 * @property {number} T
 * @property {Float64Array} h
 * @property {Float64Array} c
 * @property {Float64Array} i
 * @property {Float64Array} f
 * @property {Float64Array} g
 * @property {Float64Array} o
 * @property {Float64Array} r
 * @property {Float64Array} z
 * @property {Float64Array} n
 * @property {Float64Array} ax (T, G·H): W_ih x + b_ih
 * @property {Float64Array} ah (T, G·H): W_hh h + b_hh; of the GRU's n, what r multiplies
 */

/** The gates of each kind, in the order of their rows. */
export const GATES = /** @type {const} */ ({ rnn: ["h"], lstm: ["i", "f", "g", "o"], gru: ["r", "z", "n"] });

/** @param {number} a */
export const sigmoid = (a) => 1 / (1 + Math.exp(-a));

/** @param {Numbers} numbers @returns {Float64Array} a flat copy */
function flat(numbers) {
  const list = /** @type {number[]} */ (Array.from(/** @type {ArrayLike<any>} */ (numbers), (row) => (typeof row === "number" ? row : [...row])).flat());
  return Float64Array.from(list);
}

/**
 * A cell with these weights. The biases are 0 where they are left out.
 * @param {Kind} kind
 * @param {{ W_ih: Numbers, W_hh: Numbers, b_ih?: Numbers, b_hh?: Numbers, relu?: boolean }} weights
 * @returns {Cell}
 */
export function cell(kind, { W_ih, W_hh, b_ih, b_hh, relu = false }) {
  const G = GATES[kind].length;
  const [ih, hh] = [flat(W_ih), flat(W_hh)];
  const H = Math.sqrt(hh.length / G);
  const I = ih.length / (G * H);
  const made = { kind, relu, I, H, W_ih: ih, W_hh: hh, b_ih: flat(b_ih ?? []), b_hh: flat(b_hh ?? []) };
  if (!b_ih) made.b_ih = new Float64Array(G * H);
  if (!b_hh) made.b_hh = new Float64Array(G * H);
  const whole = Number.isInteger(H) && Number.isInteger(I) && H > 0;
  if (!whole || made.b_ih.length !== G * H || made.b_hh.length !== G * H) {
    throw new RangeError(`no ${kind} has weights of these sizes: ${[ih, hh, made.b_ih, made.b_hh].map((one) => one.length)}`);
  }
  return made;
}

/**
 * Room for a run of T steps. Use it again for the next run: running allocates nothing.
 * @param {Cell} cell @param {number} T
 * @returns {Trace}
 */
export function room({ kind, H }, T) {
  /** @param {boolean} has */
  const rows = (has) => new Float64Array(has ? T * H : 0);
  const [lstm, gru] = [kind === "lstm", kind === "gru"];
  const wide = () => new Float64Array(T * GATES[kind].length * H);
  return {
    T, h: rows(true), c: rows(lstm), i: rows(lstm), f: rows(lstm), g: rows(lstm), o: rows(lstm),
    r: rows(gru), z: rows(gru), n: rows(gru), ax: wide(), ah: wide(),
  };
}

/**
 * out[at + k] = W[k] · v + b[k], for each row k.
 * @param {Float64Array} W @param {ArrayLike<number>} v @param {number} from where v begins
 * @param {number} size of v @param {Float64Array} b @param {Float64Array} out @param {number} at
 */
function affine(W, v, from, size, b, out, at) {
  for (let k = 0, w = 0; k < b.length; k++) {
    let sum = b[k];
    for (let j = 0; j < size; j++, w++) sum += W[w] * v[from + j];
    out[at + k] = sum;
  }
}

/**
 * Step t of a run, into its room.
 * @param {Cell} cell @param {ArrayLike<number>} x @param {number} t @param {Trace} to
 * @param {ArrayLike<number>} h @param {ArrayLike<number>} c the states before @param {number} at where those begin
 */
function advance(cell, x, t, to, h, c, at) {
  const { kind, relu, I, H } = cell;
  const own = t * H; // where this step's H numbers begin
  const p = t * cell.b_ih.length; // and its sums
  const { ax, ah } = to;
  affine(cell.W_ih, x, t * I, I, cell.b_ih, ax, p);
  affine(cell.W_hh, h, at, H, cell.b_hh, ah, p);
  for (let k = 0; k < H; k++) {
    const a = p + k;
    if (kind === "rnn") {
      const sum = ax[a] + ah[a];
      to.h[own + k] = relu ? Math.max(0, sum) : Math.tanh(sum);
    } else if (kind === "lstm") {
      const i = (to.i[own + k] = sigmoid(ax[a] + ah[a]));
      const f = (to.f[own + k] = sigmoid(ax[a + H] + ah[a + H]));
      const g = (to.g[own + k] = Math.tanh(ax[a + 2 * H] + ah[a + 2 * H]));
      const o = (to.o[own + k] = sigmoid(ax[a + 3 * H] + ah[a + 3 * H]));
      const kept = (to.c[own + k] = f * c[at + k] + i * g);
      to.h[own + k] = o * Math.tanh(kept);
    } else {
      const r = (to.r[own + k] = sigmoid(ax[a] + ah[a]));
      const z = (to.z[own + k] = sigmoid(ax[a + H] + ah[a + H]));
      const n = (to.n[own + k] = Math.tanh(ax[a + 2 * H] + r * ah[a + 2 * H]));
      to.h[own + k] = (1 - z) * n + z * h[at + k];
    }
  }
}

/**
 * A whole sequence: x is (T, I), row after row. States begin at 0 unless they are given.
 * @param {Cell} cell @param {ArrayLike<number>} x
 * @param {{ h?: ArrayLike<number>, c?: ArrayLike<number>, to?: Trace }} [start] states before, and room to use again
 * @returns {Trace}
 */
export function run(cell, x, { h, c, to = room(cell, x.length / cell.I) } = {}) {
  if (x.length !== to.T * cell.I) throw new RangeError(`${x.length} numbers are not ${to.T} steps of ${cell.I}`);
  const zero = h && (c || cell.kind !== "lstm") ? [] : new Float64Array(cell.H);
  if (to.T) advance(cell, x, 0, to, h ?? zero, c ?? zero, 0);
  for (let t = 1; t < to.T; t++) advance(cell, x, t, to, to.h, to.c, (t - 1) * cell.H);
  return to;
}

/**
 * One step; what it returns is the trace of a run of one step, and goes in again as the next `before`.
 * @param {Cell} cell @param {ArrayLike<number>} x (I) @param {{ h: ArrayLike<number>, c?: ArrayLike<number> }} [before]
 * @param {Trace} [to] room to use again, but not that of `before`
 */
export const step = (cell, x, before, to) => run(cell, x, { ...before, to: to ?? room(cell, 1) });
