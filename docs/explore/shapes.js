/** Every argument of nn.RNN, nn.LSTM and nn.GRU, and what becomes of it. */

import "./shapes.css";
import { codeBlock, controls, numberField, radios, select, toggle } from "./lib/controls.js";
import { element } from "./lib/draw.js";
import { inputSizes, layer } from "./lib/layer.js";
import { choice, flag, number } from "./lib/state.js";

const MOST = 65536;
const WIDE = 36; // characters of code, on a phone of 360 px
const LAYERS = /** @type {const} */ (["RNN", "LSTM", "GRU"]);

/** @param {number} value */
const grouped = (value) => value.toLocaleString("en");
/** @param {number[]} shape as Python writes it */
const tuple = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

/** @param {import("./lib/layer.js").Tensor} tensor its shape in numbers and in letters */
const shapeOf = ({ shape, letters }) => element("span", {}, tuple(shape), " ", element("small", {}, `(${letters.join(", ")})`));

/**
 * A table of code and numbers, its last column to the right if it counts.
 * @param {string[]} head @param {(string | Node)[][]} rows @param {boolean} counts
 */
function table(head, rows, counts = false) {
  const cells = (/** @type {"td" | "th"} */ name, /** @type {(string | Node)[]} */ row) =>
    element("tr", {}, ...row.map((one) => element(name, name === "th" ? { scope: "col" } : {}, one)));
  const made = element("table", { class: `data${counts ? " counts" : ""}` },
    element("thead", {}, cells("th", head)),
    element("tbody", {}, ...rows.map((row) => cells("td", row))));
  return element("div", { class: "frame", tabindex: 0, role: "group", "aria-label": counts ? "Parameters" : "Tensors" }, made);
}

/** @param {string} text */
const code = (text) => element("code", {}, text);

/**
 * The parameters, those of alike layers and of both directions in one row.
 * @param {import("./lib/layer.js").Parameter[]} parameters
 */
function rowsOf(parameters) {
  const last = Math.max(...parameters.map((one) => one.layer));
  const twins = parameters.some((one) => one.name.endsWith("_reverse"));
  return parameters.filter((one) => one.layer < 2 && !one.name.endsWith("_reverse")).map((one) => {
    const layers = one.layer ? last : 1;
    const alike = layers * (twins ? 2 : 1);
    const name = [code(one.name), ...(layers > 1 ? [" to ", code(`l${last}`)] : []), ...(twins ? [", ", code("_reverse")] : [])];
    return [element("span", {}, ...name), shapeOf(one), alike > 1 ? `${alike} × ${grouped(one.count)}` : grouped(one.count)];
  });
}

/**
 * A call as code that fits a phone.
 * @param {string} call
 */
function wrapped(call) {
  if (`layer = ${call}`.length <= WIDE) return call;
  const [, name, words] = call.match(/^(.*?\()(.*)\)$/) ?? [];
  const lines = words.split(", ").reduce((all, word) => {
    const longer = `${all.at(-1)} ${word},`;
    return longer.length <= WIDE ? [...all.slice(0, -1), longer] : [...all, `    ${word},`];
  }, ["   "]);
  return [name, ...lines, ")"].join("\n");
}

/** @param {import("./lib/start.js").Place} place */
export default function start({ here, state, say }) {
  const mine = state({
    layer: choice("LSTM", LAYERS),
    input_size: number(10, -1, MOST),
    hidden_size: number(20, -1, MOST),
    num_layers: number(2, -1, 64),
    nonlinearity: choice("tanh", ["tanh", "relu", "sigmoid"]),
    bias: flag(true),
    batch_first: flag(true),
    dropout: number(0, -0.5, 1.5, 0.05),
    bidirectional: flag(true),
    proj_size: number(0, -1, MOST),
    unbatched: flag(false),
    T: number(12, 0, MOST),
    B: number(3, 0, MOST),
  });
  const nonlinearity = select(mine, "nonlinearity", "nonlinearity");
  const batch = numberField(mine, "B", "B, sequences");
  const line = codeBlock();
  const results = element("div", { class: "shapes__results" });
  here.append(
    radios(mine, "layer", "Layer"),
    controls(
      ...["input_size", "hidden_size", "num_layers", "proj_size", "dropout"].map((key) => numberField(mine, key, key)),
      numberField(mine, "T", "T, steps"), batch, nonlinearity,
    ),
    controls(...["bias", "batch_first", "bidirectional", "unbatched"].map((key) => toggle(mine, key, key))),
    line.block,
    results,
  );

  mine.watch((values) => {
    const found = layer(values);
    nonlinearity.hidden = values.layer !== "RNN";
    batch.hidden = values.unbatched;
    const states = values.layer === "LSTM" ? "(h_n, c_n)" : "h_n";
    const sizes = inputSizes(values);
    const input = `x = torch.randn${tuple(sizes.map(([n]) => n))}`;
    const axes = `# (${sizes.map(([, letter]) => letter).join(", ")})`;
    const both = `${input}  ${axes}`;
    line.show(`layer = ${wrapped(found.call)}\n${both.length > WIDE ? `${axes}\n${input}` : both}\noutput, ${states} = layer(x)`);
    if (found.error) {
      results.replaceChildren(element("p", { class: "shapes__error" }, "PyTorch refuses: ", code(found.error)));
      say(`PyTorch refuses. ${found.error}`);
      return;
    }
    const total = element("p", { class: "shapes__total" }, element("b", {}, grouped(found.total)), " parameters");
    results.replaceChildren(
      table(["tensor", "shape"], found.tensors.map((one) => [code(one.name), shapeOf(one)])),
      total,
      table(["parameter", "shape", "count"], rowsOf(found.parameters), true),
    );
    const warned = [["PyTorch warns: ", found.warning], ["When it runs on a CPU, PyTorch warns once: ", found.running]].filter(([, text]) => text);
    results.prepend(...warned.map(([who, text]) => element("p", { class: "shapes__error" }, who, code(text))));
    const output = found.tensors.find((one) => one.name === "output")?.shape ?? [];
    say(`${warned.length ? "PyTorch warns. " : ""}Output ${tuple(output)}, ${grouped(found.total)} parameters.`);
  });
}
