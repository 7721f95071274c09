/**
 * Controls: native, named, worked by mouse, finger and keyboard. Each is tied to
 * a field of the state: it shows it, sets it, and follows when something else does.
 */

import { element, put } from "./draw.js";

/**
 * @typedef {object} State the state of any explorable
 * @property {Record<string, any>} fields
 * @property {any} values
 * @property {(changes: any) => void} set
 * @property {(draw: (values: any) => void) => void} watch
 */
/** @typedef {{ say?: (value: any) => string, hint?: string }} Words how a value is shown and spoken; what to know of it */

let count = 0;
const newId = () => `control-${++count}`;

/**
 * A label above or beside its control.
 * @param {string} kind @param {string} label @param {HTMLElement} control @param {string} [hint] @param {...Node} more
 */
function labelled(kind, label, control, hint, ...more) {
  control.id = newId();
  const name = element("label", { for: control.id }, label);
  const row = element("div", { class: `control control--${kind}` }, name, ...more, control);
  if (hint) {
    row.append(element("small", { id: `${control.id}-hint` }, hint));
    control.setAttribute("aria-describedby", `${control.id}-hint`);
  }
  return row;
}

/**
 * A slider: arrows move it a step, Page Up and Down ten, Home and End to its ends.
 * @param {State} state @param {string} key of a `number` @param {string} label @param {Words} [words]
 */
export function slider(state, key, label, { say = String, hint } = {}) {
  const { min, max, step } = state.fields[key];
  const range = element("input", { type: "range", min, max, step });
  const shown = element("output", { "aria-hidden": "true" }); // the slider speaks it
  range.addEventListener("input", () => state.set({ [key]: range.valueAsNumber }));
  range.addEventListener("keydown", (event) => {
    const pages = { PageUp: 1, PageDown: -1 }[event.key];
    if (!pages) return;
    event.preventDefault(); // a browser's own page is a tenth of the way, on no step
    const to = state.values[key] + pages * 10 * step;
    state.set({ [key]: state.fields[key].read(to.toFixed(6)) });
  });
  state.watch((values) => {
    const words = say(values[key]);
    if (range.valueAsNumber !== values[key]) range.value = values[key];
    shown.textContent = words;
    put(range, { "aria-valuetext": words });
  });
  return labelled("slider", label, range, hint, shown);
}

/**
 * A field for a number to be typed; what is no number is not taken, and gone when the field is left.
 * @param {State} state @param {string} key of a `number` @param {string} label @param {Words} [words]
 */
export function numberField(state, key, label, { hint } = {}) {
  const { min, max, step } = state.fields[key];
  const field = element("input", { type: "number", min, max, step, inputmode: min < 0 ? null : step < 1 ? "decimal" : "numeric" });
  field.addEventListener("input", () => {
    const read = state.fields[key].read(field.value);
    if (read !== undefined) state.set({ [key]: read });
  });
  field.addEventListener("change", () => (field.value = state.values[key]));
  state.watch((values) => {
    if (state.fields[key].read(field.value) !== values[key]) field.value = values[key];
  });
  return labelled("number", label, field, hint);
}

/**
 * One of the words of a `choice`.
 * @param {State} state @param {string} key @param {string} label @param {Words} [words]
 */
export function select(state, key, label, { say = String, hint } = {}) {
  /** @type {string[]} */
  const options = state.fields[key].options;
  const list = element("select", {}, ...options.map((value) => element("option", { value }, say(value))));
  list.addEventListener("change", () => state.set({ [key]: list.value }));
  state.watch((values) => (list.value = values[key]));
  return labelled("select", label, list, hint);
}

/**
 * The same as buttons side by side, for few words: arrows go from one to the next.
 * @param {State} state @param {string} key @param {string} label @param {Words} [words]
 */
export function radios(state, key, label, { say = String } = {}) {
  const name = newId();
  /** @type {string[]} */
  const options = state.fields[key].options;
  const buttons = options.map((value) => {
    const button = element("input", { type: "radio", name, value });
    button.addEventListener("change", () => state.set({ [key]: value }));
    return element("label", {}, button, element("span", {}, say(value)));
  });
  state.watch((values) => {
    for (const one of buttons) {
      const button = /** @type {HTMLInputElement} */ (one.firstChild);
      button.checked = button.value === values[key];
    }
  });
  return element("fieldset", { class: "control control--radios" }, element("legend", {}, label), ...buttons);
}

/**
 * A box to tick, for a `flag`.
 * @param {State} state @param {string} key @param {string} label @param {Words} [words]
 */
export function toggle(state, key, label, { hint } = {}) {
  const box = element("input", { type: "checkbox" });
  box.addEventListener("change", () => state.set({ [key]: box.checked }));
  state.watch((values) => (box.checked = values[key]));
  return labelled("toggle", label, box, hint);
}

/**
 * @param {string} label @param {() => void} act
 */
export function button(label, act) {
  const made = element("button", { type: "button", class: "explore__button" }, label);
  made.addEventListener("click", act);
  return made;
}

/**
 * A button that copies a text, and says so.
 * @param {string} label @param {() => string} text
 */
export function copyButton(label, text) {
  const made = button(label, async () => {
    const done = await navigator.clipboard.writeText(text()).then(() => true, () => false);
    made.textContent = done ? "Copied" : "Your browser did not copy it";
    setTimeout(() => (made.textContent = label), 2000);
  });
  return made;
}

/** A group of controls, side by side where there is room. @param {...Node} controls */
export const controls = (...controls) => element("div", { class: "controls" }, ...controls);

/** A block of code that changes, with the copy button of all the page's blocks. */
export function codeBlock() {
  const code = element("code");
  const copy = element("button", { type: "button", class: "copy" });
  const say = (/** @type {string} */ words) => put(copy, { title: words, "aria-label": words });
  say("Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    say("Copied");
    copy.classList.add("copy--done");
    setTimeout(() => {
      say("Copy");
      copy.classList.remove("copy--done");
    }, 2000);
  });
  const frame = element("div", { class: "highlight", tabindex: 0, role: "group", "aria-label": "Code" }, element("pre", {}, code));
  const block = element("div", {}, element("div", { class: "copy-corner" }, copy), frame);
  return { block, show: (/** @type {string} */ text) => (code.textContent = text) };
}
