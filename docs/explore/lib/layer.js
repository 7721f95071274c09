/**
 * What nn.RNN, nn.LSTM or nn.GRU makes of its arguments: every shape, every
 * parameter, or PyTorch's own refusal, in the order in which PyTorch looks.
 * Compared with torch by tests/test_explore_shapes.py.
 */

/**
 * @typedef {object} Settings the arguments as PyTorch names them, and the input
 * @property {"RNN" | "LSTM" | "GRU"} layer
 * @property {number} input_size
 * @property {number} hidden_size
 * @property {number} num_layers
 * @property {string} nonlinearity of an RNN; else ignored
 * @property {boolean} bias
 * @property {boolean} batch_first
 * @property {number} dropout
 * @property {boolean} bidirectional
 * @property {number} proj_size
 * @property {boolean} unbatched one sequence without a dimension for the batch
 * @property {number} T
 * @property {number} B
 */
/** @typedef {{ name: string, shape: number[], letters: string[] }} Tensor */
/** @typedef {Tensor & { count: number, layer: number }} Parameter */
/**
 * @typedef {object} Answer
 * @property {string} call the line of code
 * @property {string} error PyTorch's, or empty; then there are no tensors and no parameters
 * @property {string} warning PyTorch's, or empty
 * @property {string} running what PyTorch says once, when the first such layer runs in float32 on a CPU, or empty
 * @property {Tensor[]} tensors
 * @property {Parameter[]} parameters
 * @property {number} total
 */

const GATES = { RNN: 1, LSTM: 4, GRU: 3 };

/** @param {number} value as Python writes a float */
const float = (value) => (Number.isInteger(value) ? `${value}.0` : String(value));

/** @param {Settings} s @returns {string} what PyTorch raises, or nothing */
function refusal({ layer, input_size, hidden_size, num_layers, nonlinearity, dropout, proj_size, T }) {
  if (layer !== "LSTM" && proj_size !== 0) return "ValueError: proj_size argument is only supported for LSTM, not RNN or GRU";
  if (layer === "RNN" && !["tanh", "relu"].includes(nonlinearity)) {
    return `ValueError: Unknown nonlinearity '${nonlinearity}'. Select from 'tanh' or 'relu'.`;
  }
  if (!(dropout >= 0 && dropout <= 1)) {
    return "ValueError: dropout should be a number in range [0, 1] representing the probability of an element being zeroed";
  }
  if (input_size <= 0) return "ValueError: input_size must be greater than zero";
  if (hidden_size <= 0) return "ValueError: hidden_size must be greater than zero";
  if (num_layers <= 0) return "ValueError: num_layers must be greater than zero";
  if (proj_size < 0) return "ValueError: proj_size should be a positive integer or zero to disable projections";
  if (proj_size >= hidden_size) return "ValueError: proj_size has to be smaller than hidden_size";
  if (T <= 0) return "RuntimeError: Expected sequence length to be larger than 0 in RNN"; // of the input
  return "";
}

/** @param {Settings} s @returns {string} */
function warning({ num_layers, dropout }) {
  if (!(dropout > 0 && num_layers === 1)) return "";
  return `dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater than 1, but got dropout=${dropout === 1 ? "1.0" : dropout} and num_layers=1`;
}

/** @param {Settings} s @returns {string} */
const running = ({ proj_size, unbatched, B }) =>
  (proj_size && (unbatched || B) ? "LSTM with projections is not supported with oneDNN. Using default implementation." : "");

/** The line that makes the layer; what is as PyTorch has it anyway is left out. @param {Settings} s */
export function call(s) {
  const words = [`${s.input_size}`, `${s.hidden_size}`];
  if (s.num_layers !== 1) words.push(`num_layers=${s.num_layers}`);
  if (s.layer === "RNN" && s.nonlinearity !== "tanh") words.push(`nonlinearity="${s.nonlinearity}"`);
  if (!s.bias) words.push("bias=False");
  if (s.batch_first) words.push("batch_first=True");
  if (s.dropout) words.push(`dropout=${float(s.dropout)}`);
  if (s.bidirectional) words.push("bidirectional=True");
  if (s.proj_size) words.push(`proj_size=${s.proj_size}`);
  return `nn.${s.layer}(${words.join(", ")})`;
}

/** @typedef {[number, string]} Size how many, and its letter */
/** @param {string} name @param {Size[]} sizes @returns {Tensor} */
const tensor = (name, sizes) => ({ name, shape: sizes.map(([n]) => n), letters: sizes.map(([, letter]) => letter) });

/** @param {Settings} s @returns {Size[]} the axes of the input */
export function inputSizes({ input_size, batch_first, unbatched, T, B }) {
  /** @type {Size[]} */
  const [time, batch, size] = [[T, "T"], [B, "B"], [input_size, "I"]];
  return unbatched ? [time, size] : batch_first ? [batch, time, size] : [time, batch, size];
}

/** @param {Settings} s */
function tensors(s) {
  const { layer, hidden_size, num_layers, bidirectional, proj_size, unbatched } = s;
  const D = bidirectional ? 2 : 1;
  /** @param {Size} size @returns {Size} once for each direction */
  const each = ([n, letter]) => [D * n, bidirectional ? `D·${letter}` : letter];
  /** @type {Size[]} */
  const [batch, cell] = [[s.B, "B"], [hidden_size, "H"]];
  /** @type {Size} */
  const hidden = proj_size ? [proj_size, "P"] : cell;
  const layers = [each([num_layers, "L"]), ...(unbatched ? [] : [batch])];
  const states = (/** @type {string} */ when) => [
    tensor(`h_${when}`, [...layers, hidden]),
    ...(layer === "LSTM" ? [tensor(`c_${when}`, [...layers, cell])] : []),
  ];
  return [
    tensor("input", inputSizes(s)),
    ...states("0"),
    tensor("output", [...inputSizes(s).slice(0, -1), each(hidden)]),
    ...states("n"),
  ];
}

/** @param {Settings} s */
function parameters({ layer, input_size, hidden_size, num_layers, bias, bidirectional, proj_size }) {
  const G = GATES[layer];
  /** @type {Size} */
  const rows = [G * hidden_size, G > 1 ? `${G}·H` : "H"];
  /** @type {Size} */
  const hidden = proj_size ? [proj_size, "P"] : [hidden_size, "H"];
  /** @type {Parameter[]} */
  const found = [];
  for (let l = 0; l < num_layers; l++) {
    for (const end of bidirectional ? ["", "_reverse"] : [""]) {
      /** @type {Size} */
      const below = bidirectional ? [2 * hidden[0], `D·${hidden[1]}`] : hidden;
      /** @type {[string, Size[]][]} */
      const own = [["weight_ih", [rows, l ? below : [input_size, "I"]]], ["weight_hh", [rows, hidden]]];
      if (bias) own.push(["bias_ih", [rows]], ["bias_hh", [rows]]);
      if (proj_size) own.push(["weight_hr", [hidden, [hidden_size, "H"]]]);
      for (const [name, sizes] of own) {
        const made = tensor(`${name}_l${l}${end}`, sizes);
        found.push({ ...made, layer: l, count: made.shape.reduce((a, b) => a * b) });
      }
    }
  }
  return found;
}

/** @param {Settings} settings @returns {Answer} */
export function layer(settings) {
  const error = refusal(settings);
  const made = error ? [] : parameters(settings);
  return {
    call: call(settings),
    error,
    warning: error ? "" : warning(settings),
    running: error ? "" : running(settings),
    tensors: error ? [] : tensors(settings),
    parameters: made,
    total: made.reduce((sum, one) => sum + one.count, 0),
  };
}
