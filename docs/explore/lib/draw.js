/** Elements, scales and frames: what drawing by hand needs, and no more. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Record<string, string | number | boolean | null | undefined>} Attributes null, undefined and false: not there */

/**
 * @param {Element} made @param {Attributes} attributes @param {(Node | string)[]} children
 */
function fill(made, attributes, children) {
  put(made, attributes);
  made.append(...children);
  return made;
}

/**
 * An HTML element: `element("p", { class: "note" }, "so ", element("b", {}, "bold"))`.
 * @template {keyof HTMLElementTagNameMap} N @param {N} name @param {Attributes} [attributes] @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[N]}
 */
export const element = (name, attributes = {}, ...children) =>
  /** @type {any} */ (fill(document.createElement(name), attributes, children));

/**
 * An SVG element, likewise.
 * @template {keyof SVGElementTagNameMap} N @param {N} name @param {Attributes} [attributes] @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[N]}
 */
export const svg = (name, attributes = {}, ...children) =>
  /** @type {any} */ (fill(document.createElementNS(SVG, name), attributes, children));

/**
 * Set attributes of an element, those alone that change.
 * @param {Element} on @param {Attributes} attributes
 */
export function put(on, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = value === true ? "" : value === false || value == null ? null : String(value);
    if (text === on.getAttribute(name)) continue;
    text === null ? on.removeAttribute(name) : on.setAttribute(name, text);
  }
}

/**
 * A drawing this wide and high in its own units, which fills its column. Screen readers
 * read its label and none of its words; if parts of it take the focus, make its role "group".
 * @param {number} width @param {number} height @param {string} label what it shows; change it as the drawing changes
 * @param {...Node} children
 */
export const drawing = (width, height, label, ...children) =>
  svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "explore__drawing" }, ...children);

/**
 * Where a pointer is, in the units of a drawing.
 * @param {PointerEvent} event @param {SVGSVGElement} drawing
 * @returns {[number, number]}
 */
export function pointed({ clientX, clientY }, drawing) {
  const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(drawing.getScreenCTM()?.inverse());
  return [x, y];
}

/**
 * The colour of a role of hooks/palette.json, light or dark as the page is: `colour("cell")`.
 * @param {string} role
 */
export const colour = (role) => `var(--${role})`;

/**
 * The same as a canvas needs it, at this moment.
 * @param {string} role
 */
export const colourNow = (role) => getComputedStyle(document.body).getPropertyValue(`--${role}`).trim();

/**
 * Calls back when the page turns from light to dark or back: canvases are to be drawn anew.
 * @param {() => void} redraw
 */
export function onColours(redraw) {
  new MutationObserver(redraw).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
}

/**
 * A linear scale, with its inverse and round ticks.
 * @param {readonly [number, number]} domain @param {readonly [number, number]} range
 */
export function scale([a, b], [from, to]) {
  const at = (/** @type {number} */ value) => from + ((value - a) / (b - a)) * (to - from);
  at.invert = (/** @type {number} */ place) => a + ((place - from) / (to - from)) * (b - a);
  /** @param {number} [about] how many */
  at.ticks = (about = 5) => {
    const raw = Math.abs(b - a) / about;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * ([1, 2, 5].find((n) => n * power >= raw * 0.99) ?? 10);
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    const first = Math.ceil(low / step - 1e-9);
    const count = Math.floor(high / step + 1e-9) - first + 1;
    return Array.from({ length: count }, (_, n) => Number(((first + n) * step).toPrecision(12)));
  };
  return at;
}

/**
 * The `d` of a line through points; a gap where a number is not finite.
 * @param {Iterable<readonly [number, number]>} points
 */
export function path(points) {
  let d = "";
  let pen = "M";
  for (const [x, y] of points) {
    const drawn = Number.isFinite(x) && Number.isFinite(y);
    if (drawn) d += `${pen}${x.toFixed(2)} ${y.toFixed(2)}`;
    pen = drawn ? "L" : "M";
  }
  return d;
}

/**
 * Makes of a drawing function one that may be called at any time: it draws once, in the next frame.
 * @template {unknown[]} A @param {(...args: A) => void} draw it gets what the last call gave
 * @returns {(...args: A) => void}
 */
export function frame(draw) {
  /** @type {A | undefined} */
  let asked;
  return (...args) => {
    if (!asked) {
      requestAnimationFrame(() => {
        const last = /** @type {A} */ (asked);
        asked = undefined;
        draw(...last);
      });
    }
    asked = args;
  };
}

const motion = matchMedia("(prefers-reduced-motion: reduce)");

/** Whether the reader asks for less motion: then nothing moves unless they move it. */
export const calm = () => motion.matches;
