/** Three character models, live: what comes next, what a unit knows, and what breaks without it. */

import "./live.css";
import { button, controls, radios, slider, toggle } from "./lib/controls.js";
import { element, frame, put } from "./lib/draw.js";
import { chances, encode, futures, guesser, isOpen, likeliest, reading } from "./lib/guesser.js";
import { choice, flag, number, text } from "./lib/state.js";

const MOST = 240; // characters of a text
const ROWS = 6;
const [COUNT, LENGTH] = [8, 40]; // futures, and how long each is
const KINDS = /** @type {const} */ (["rnn", "lstm", "gru"]);
/** @typedef {typeof KINDS[number]} Kind */
/** @type {Record<string, string>} */
const MARKS = { " ": "space", "\n": "newline", "□": "□ rare" };
/** @type {Record<string, string>} */
const SPOKEN = { ...MARKS, '"': "quotation mark", "□": "a rare character" };
/** @type {Record<string, string>} what a unit goes with, as the page's table has it */
const FINDS = { quotes: "quotes", column: "place in line", depth: "brackets" };

/** @param {number} p */
const percent = (p) => `${(100 * p).toFixed(p < 0.0995 ? 1 : 0)}%`;
/** @param {number} h */
const signed = (h) => h.toFixed(2).replace("-", "−");

/** The field to type in. @param {import("./lib/controls.js").State} state */
function writing(state) {
  const field = element("textarea", { id: "live-text", rows: 2, maxlength: MOST, spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  field.addEventListener("input", () => state.set({ text: field.value.slice(0, MOST), at: MOST }));
  state.watch((values) => {
    if (field.value !== values.text) field.value = values.text;
  });
  return element("div", { class: "control live__writing" }, element("label", { for: "live-text" }, `Type: a text of at most ${MOST} characters`), field);
}

/**
 * The likeliest next characters of one net, as bars.
 * @param {Kind} kind @param {string} alphabet
 */
function bars(kind, alphabet) {
  const rows = Array.from({ length: ROWS }, () => {
    const [name, value] = [element("span", { class: "live__name" }), element("span")];
    const [bar, tick] = [element("i", { class: "live__bar" }), element("i", { class: "live__tick" })];
    return { row: element("li", {}, name, value, element("span", { class: "live__track" }, bar, tick)), name, value, bar, tick };
  });
  const note = element("small");
  const list = element("ol", {}, ...rows.map((one) => one.row));
  const block = element("div", { class: "live__net", style: `--net: var(--${kind})` }, element("b", {}, kind.toUpperCase()), note, list);
  /** @param {Float64Array} p @param {Float64Array | null} intact @param {string} words */
  function draw(p, intact, words) {
    note.textContent = words;
    likeliest(p, ROWS, alphabet.indexOf('"')).forEach((id, k) => {
      const { row, name, value, bar, tick } = rows[k];
      name.textContent = MARKS[alphabet[id]] ?? alphabet[id];
      put(name, { class: alphabet[id] in MARKS ? "live__word" : "live__name" });
      value.textContent = percent(p[id]);
      bar.style.width = `${100 * p[id]}%`;
      tick.hidden = !intact;
      if (intact) tick.style.left = `${100 * intact[id]}%`;
      put(row, { class: alphabet[id] === '"' ? "live__quote" : null });
    });
  }
  return { block, draw };
}

/**
 * The text, below each character the h of a unit and the chance of a quotation mark.
 * @param {(at: number) => void} go
 */
function strip(go) {
  const here = element("div", { class: "live__strip", role: "img" });
  /** @type {{ cell: HTMLElement, glyph: HTMLElement, h: HTMLElement, was: HTMLElement, quote: HTMLElement, tick: HTMLElement }[]} */
  const cells = [];
  for (const name of /** @type {const} */ (["pointerdown", "pointermove"])) {
    here.addEventListener(name, (event) => {
      if (!event.buttons) return;
      const at = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-at]");
      if (at && here.contains(at)) go(Number(at.getAttribute("data-at")));
    });
  }
  /** @param {number} k */
  function make(k) {
    const [glyph, h, was, quote, tick] = ["b", "i", "i", "i", "i"].map((tag) => element(/** @type {"i"} */ (tag)));
    const cell = element("span", { "data-at": k + 1 }, glyph, element("span", { class: "live__h" }, h, was), element("span", { class: "live__p" }, quote, tick));
    cells.push({ cell, glyph, h, was, quote, tick });
    here.append(cell);
  }
  /** @typedef {{ h: number[], quotes: number[] }} Lanes one number for each character */
  /** @param {string[]} shown @param {Lanes} now @param {Lanes | null} intact */
  function draw(shown, { h: values, quotes }, intact) {
    while (cells.length < shown.length) make(cells.length);
    while (cells.length > shown.length) cells.pop()?.cell.remove();
    shown.forEach((one, k) => {
      const { cell, glyph, h, was, quote, tick } = cells[k];
      glyph.textContent = one === "\n" ? "⏎" : one === " " ? "\u00a0" : one;
      put(cell, { class: one === "\n" ? "live__end" : null });
      cell.style.setProperty("--tint", `${Math.round(22 * (values[k] + 1))}%`);
      put(h, { class: values[k] < 0 ? "live__minus" : null });
      h.style.height = `${50 * Math.abs(values[k])}%`;
      quote.style.height = `${100 * quotes[k]}%`;
      was.hidden = !intact;
      tick.hidden = !intact || Math.abs(intact.quotes[k] - quotes[k]) < 0.02;
      if (!intact) return;
      was.style.bottom = `${50 + 50 * intact.h[k]}%`;
      tick.style.bottom = `${100 * intact.quotes[k]}%`;
    });
  }
  /** @param {number} at */
  const mark = (at) => cells.forEach(({ cell }, k) => put(cell, { "data-now": k + 1 === at }));
  return { here, draw, mark };
}

/**
 * The futures: what stands within the open quotation is shaded, as in the page's figure.
 * @param {HTMLElement} list @param {string[]} texts @param {boolean} open
 */
function writeFutures(list, texts, open) {
  list.replaceChildren(...texts.map((text) => {
    const end = open ? (text.indexOf('"') + 1 || text.length) : 0;
    const marked = (/** @type {string} */ part) => part.replaceAll("\n", "⏎");
    return element("li", {}, element("mark", {}, marked(text.slice(0, end))), marked(text.slice(end)));
  }));
}

/** The words on characters that the alphabet lacks. @param {string[]} lacking */
const lackingWords = (lacking) => (lacking.length
  ? `Too rare in the training text to be known, so that the nets read □: ${lacking.slice(0, 12).map((one) => (one.trim() ? one : `U+${one.codePointAt(0)?.toString(16).toUpperCase()}`)).join(" ")}${lacking.length > 12 ? " …" : ""}`
  : "");

/** @param {import("./lib/start.js").Place} place */
export default function start({ here, data, state, say }) {
  const { alphabet, before } = data;
  const quote = alphabet.indexOf('"');
  const offset = before.length;
  const prefix = encode(alphabet, before).ids;
  const nets = KINDS.map((kind) => {
    const { weights, mean, units } = data.nets[kind];
    const net = guesser(kind, weights);
    const [whole, held] = [reading(net, MOST + offset), reading(net, MOST + offset)];
    return { kind, net, mean, units, whole, held, bars: bars(kind, alphabet), p: new Float64Array(alphabet.length), q: new Float64Array(alphabet.length) };
  });
  const unitOf = (/** @type {number} */ k) => number(nets[k].units.quotes[0], 0, nets[k].net.cell.H - 1);
  const mine = state({
    text: text(data.start, MOST),
    at: number(MOST, 0, MOST),
    heat: number(1, 0.1, 2, 0.1),
    net: choice("gru", KINDS),
    rnn: unitOf(0), lstm: unitOf(1), gru: unitOf(2),
    off: flag(false),
    seed: number(1, 1, 9999),
  });

  const length = () => encode(alphabet, mine.values.text).ids.length;
  const lacks = element("p", { class: "live__lacks", hidden: true });
  const read = slider(mine, "at", "Characters read", { say: (at) => `${Math.min(at, length())} of ${length()}` });
  const range = /** @type {HTMLInputElement} */ (read.querySelector("input"));
  const units = KINDS.map((kind) => slider(mine, kind, "Unit"));
  const finds = element("div", { class: "live__finds" });
  const textStrip = strip((at) => mine.set({ at }));
  const legend = element("p", { class: "live__legend" });
  const list = element("ol", { class: "live__futures", "aria-label": "Futures" });
  const count = element("p", { class: "live__count" });
  const title = element("b");
  here.append(
    writing(mine), lacks,
    controls(read, slider(mine, "heat", "Temperature", { say: (heat) => heat.toFixed(1) })),
    element("div", { class: "live__nets" }, ...nets.map((one) => one.bars.block)),
    controls(radios(mine, "net", "Look into", { say: (kind) => kind.toUpperCase() }), ...units), finds,
    toggle(mine, "off", "Switch these units off", { hint: "In each net the unit picked is held at its mean." }),
    textStrip.here, legend,
    element("div", { class: "live__head" }, title, button(`Sample ${COUNT} futures`, () => mine.set({ seed: (mine.values.seed % 9999) + 1 }))),
    list, count,
  );

  let drawn = ""; // what the strip shows
  /** @type {WeakMap<object, { stamp: number, quotes: number[] }>} what takes long of a lane, as it was last */
  const laid = new WeakMap();
  let asked = ""; // what the futures go on from
  let timer = 0;

  /** @param {number} k @returns {import("./lib/guesser.js").Held} */
  const holding = (k) => ({ unit: mine.values[KINDS[k]], value: nets[k].mean[mine.values[KINDS[k]]] });

  /** Buttons that go to the units that the study found. @param {typeof nets[number]} one */
  function offer({ kind, units: found }) {
    /** @type {Map<number, string[]>} */
    const known = new Map();
    for (const [name, words] of Object.entries(FINDS)) {
      const [unit, r] = found[name];
      if (Math.abs(r) >= 0.2) known.set(unit, [...(known.get(unit) ?? []), words]);
    }
    finds.replaceChildren(...Array.from(known, ([unit, words]) => {
      const made = button(`${unit} ${words.join(", ")}`, () => mine.set({ [kind]: unit }));
      put(made, { "aria-pressed": String(mine.values[kind] === unit) });
      return made;
    }));
  }

  /** @param {string[]} shown @param {number} k the net that is looked into */
  function drawStrip(shown, k) {
    const { net, whole, held } = nets[k];
    const { off } = mine.values;
    const [unit, H] = [mine.values[KINDS[k]], net.cell.H];
    const lanes = (/** @type {typeof whole} */ from) => {
      const known = laid.get(from);
      const quotes = known?.stamp === from.stamp ? known.quotes : shown.map((_, t) => chances(net, from, t + 1 + offset)[quote]);
      laid.set(from, { stamp: from.stamp, quotes });
      return { h: shown.map((_, t) => from.h[(t + 1 + offset) * H + unit]), quotes };
    };
    textStrip.draw(shown, lanes(off ? held : whole), off ? lanes(whole) : null);
  }

  /** @param {string[]} shown @param {number} at @param {number} k */
  function drawFutures(shown, at, k) {
    const { heat, seed, off } = mine.values;
    const { net, whole, held, kind } = nets[k];
    const open = isOpen(shown.slice(0, at).join(""));
    const sample = (/** @type {boolean} */ without) => futures(net, without ? held : whole, at + offset,
      { heat, seed, count: COUNT, length: LENGTH, held: without ? holding(k) : null }).map((ids) => ids.map((id) => alphabet[id]).join(""));
    const texts = sample(off);
    const closing = (/** @type {string[]} */ all) => all.filter((one) => /^\S*"/.test(one)).length;
    title.textContent = `What the ${kind.toUpperCase()} may write next`;
    writeFutures(list, texts, open);
    count.textContent = open
      ? `${closing(texts)} of ${COUNT} close the quotation before a space or a line’s end${off ? `; with the unit at work, and the same random numbers, ${closing(sample(false))}` : ""}.`
      : "No quotation is open here.";
    return open ? ` ${closing(texts)} of ${COUNT} futures close the quotation.` : "";
  }

  mine.watch(frame((values) => {
    const { ids, shown, lacking } = encode(alphabet, values.text);
    const at = Math.min(values.at, ids.length);
    const k = KINDS.indexOf(values.net);
    put(range, { max: Math.max(1, ids.length) });
    range.value = String(at);
    lacks.hidden = !lacking.length;
    lacks.textContent = lackingWords(lacking);
    nets.forEach(({ kind, net, whole, held, bars, p, q }, n) => {
      whole.read([...prefix, ...ids], null);
      if (values.off) held.read([...prefix, ...ids], holding(n));
      chances(net, whole, at + offset, values.heat, q);
      if (values.off) chances(net, held, at + offset, values.heat, p);
      bars.draw(values.off ? p : q, values.off ? q : null, values.off ? `unit ${values[kind]} off` : `${net.cell.H} units`);
      units[n].hidden = n !== k;
    });
    const { kind, net, mean, whole, held } = nets[k];
    const unit = values[kind];
    const look = [values.text, kind, unit, values.off].join("|");
    if (look !== drawn) {
      drawn = look;
      drawStrip(shown, k);
      offer(nets[k]);
    }
    textStrip.mark(at);
    const h = (values.off ? held : whole).h[(at + offset) * net.cell.H + unit];
    const state = values.off ? `switched off: held at its mean, ${signed(mean[unit])}` : `now ${signed(h)}`;
    legend.replaceChildren("Below each character: ", element("span", { class: "role-hidden" }, `h of the ${kind.toUpperCase()}’s unit ${unit}`),
      `, from −1 to 1 (${state}), and the `, element("span", { class: "role-read" }, 'chance that a " comes next'), values.off ? ". The ticks: with the unit at work." : ".");
    put(textStrip.here, { "aria-label": `The text, shaded by unit ${unit} of the ${kind.toUpperCase()}, ${state}` });
    const best = nets.map(({ kind, p, q }) => {
      const [id] = likeliest(values.off ? p : q, 1, -1);
      return `${kind.toUpperCase()}: ${SPOKEN[alphabet[id]] ?? alphabet[id]}, ${percent((values.off ? p : q)[id])}.`;
    });
    const ahead = [look, at, values.heat, values.seed].join("|");
    if (ahead === asked) return;
    const lookAhead = () => say(`Next: ${best.join(" ")}${drawFutures(shown, at, k)}`);
    clearTimeout(timer);
    if (asked) timer = window.setTimeout(lookAhead, 60); // once the typing pauses
    else lookAhead();
    asked = ahead;
  }));
}
