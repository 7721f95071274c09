/** Two recurrent units: drag the eigenvalue of W, or the start, and see where the state goes. */

import "./plane.css";
import { controls, slider } from "./lib/controls.js";
import { element, frame, pointed, put } from "./lib/draw.js";
import { eigenvalues, fixedPoints, orbit, radius, sensitivity, settled, size, turned } from "./lib/plane.js";
import { shown, spoken } from "./lib/lags.js";
import { eigenPlane, key, portrait, timeline } from "./lib/portrait.js";
import { number } from "./lib/state.js";

const STEPS = 40;
const KEYS = /** @type {const} */ (["w11", "w12", "w21", "w22"]);
/** @typedef {import("./lib/plane.js").Complex} Complex */

/** With a true minus sign. @param {number} value */
const signed = (value, digits = 2) => (Number(value.toFixed(digits)) || 0).toFixed(digits).replace("-", "−");
/** @param {number} value */
const short = (value) => (value ? shown(Math.log10(value)) : "0");
/** @param {[Complex, Complex]} pair */
const written = ([a, b]) => (a.im ? `${signed(a.re)} ± ${signed(a.im)}i` : `${signed(a.re)} and ${signed(b.re)}`);

/** The end of a trajectory, in words. @param {ReturnType<typeof settled>} end */
function fate({ period, slow, states: [[x, y]] }) {
  if (slow) return "dies away, ever more slowly";
  if (period === 1) return Math.hypot(x, y) < 1e-4 ? "decays to 0" : `comes to rest at (${signed(x)}, ${signed(y)})`;
  if (period === 2) return "flips for ever between two states";
  return period ? `goes round for ever, in ${period} steps` : "goes round for ever";
}

/**
 * W's radius and angle as a state of their own, for sliders: to set one makes W a rotation times a size.
 * @param {any} mine
 */
function turning(mine) {
  const fields = { radius: number(1.2, 0, 3, 0.05), angle: number(25, 0, 180, 5) };
  /** @type {{ radius: number, angle: number, W: string } | undefined} */
  let asked;
  const W = () => KEYS.map((key) => mine.values[key]);
  const read = () => {
    if (asked?.W === String(W())) return asked;
    const [first] = eigenvalues(W());
    return { radius: size(first), angle: (Math.atan2(first.im, first.re) * 180) / Math.PI };
  };
  return {
    fields,
    get values() { return read(); },
    /** @param {{ radius?: number, angle?: number }} changes */
    set(changes) {
      const now = { ...read(), ...changes };
      const made = turned(now.radius, now.angle).map((one, k) => mine.fields[KEYS[k]].read(one.toFixed(6)));
      asked = { radius: now.radius, angle: now.angle, W: String(made) };
      mine.set(Object.fromEntries(KEYS.map((key, k) => [key, made[k]])));
    },
    /** @param {(values: any) => void} draw */
    watch: (draw) => mine.watch(() => draw(read())),
  };
}

/** @param {import("./lib/start.js").Place} place */
export default function start({ here, state, say }) {
  const mine = state({
    w11: number(1.09, -3, 3, 0.01),
    w12: number(-0.51, -3, 3, 0.01),
    w21: number(0.51, -3, 3, 0.01),
    w22: number(1.09, -3, 3, 0.01),
    b1: number(0, -1, 1, 0.01),
    b2: number(0, -1, 1, 0.01),
    x: number(0.1, -1, 1, 0.01),
    y: number(0, -1, 1, 0.01),
  });
  const turn = turning(mine);
  const phase = portrait();
  const plane = eigenPlane();
  const time = timeline(STEPS);
  const words = element("p", { class: "plane__words" });
  const degrees = (/** @type {number} */ value) => `${value.toFixed(0)}°`;
  const two = (/** @type {number} */ value) => signed(value);
  const entry = (/** @type {string} */ key, /** @type {string} */ name) => slider(mine, key, name, { say: two });
  const matrix = controls(entry("w11", "W₁₁"), entry("w12", "W₁₂"), entry("b1", "b₁"), entry("w21", "W₂₁"), entry("w22", "W₂₂"), entry("b2", "b₂"));
  matrix.classList.add("plane__matrix");
  const turns = controls(slider(turn, "radius", "Radius of W", { say: two }), slider(turn, "angle", "Angle of W", { say: degrees }));
  turns.classList.add("plane__turns");
  here.append(
    turns,
    element("div", { class: "plane__drawings" }, phase.whole, plane.whole, time.whole),
    element("p", { class: "plane__key" }, ...["attracts", "repels", "saddle"].flatMap((kind) => [key(kind), ` ${kind === "saddle" ? "does both" : kind}`])),
    words,
    matrix,
  );

  const draw = frame(() => {
    const { w11, w12, w21, w22, b1, b2, x, y } = mine.values;
    const net = { W: [w11, w12, w21, w22], b: /** @type {[number, number]} */ ([b1, b2]) };
    const states = orbit(net, [x, y], STEPS);
    const fixed = fixedPoints(net);
    const end = settled(net, [x, y]);
    const left = sensitivity(net.W, states)[STEPS];
    const values = eigenvalues(net.W);
    phase.draw(net, states, fixed, end, values[0].re < 0);
    plane.draw(values, fixed);
    time.draw(states);
    const kinds = fixed.map((one) => one.kind);
    const count = (/** @type {string} */ kind) => kinds.filter((one) => one === kind).length;
    words.replaceChildren(
      "From this start the state ", element("b", {}, fate(end)), ". Eigenvalues of W: ", element("b", {}, written(values)),
      `, size ${signed(radius(net.W))}. Over ${STEPS} steps a nudge to the start is multiplied by `, element("b", { class: "plane__left" }, short(left)),
      `; without the tanh, by about ${short(radius(net.W) ** STEPS)}.`,
    );
    put(phase.whole, { "aria-label": `Phase portrait, h₂ over h₁. Fixed points: ${count("attracts")} attracting, ${count("saddle")} saddles, ${count("repels")} repelling.` });
    say(`From ${signed(x)}, ${signed(y)} the state ${fate(end)}. Eigenvalues ${written(values)}. A nudge is multiplied by ${left ? spoken(Math.log10(left)) : 0}.`);
  });
  mine.watch(draw);

  const grid = (/** @type {number} */ value) => Math.max(-1, Math.min(1, Math.round(value * 100) / 100));
  const move = (/** @type {number} */ x, /** @type {number} */ y) => mine.set({ x: grid(x), y: grid(y) });
  mine.watch(({ x, y }) => put(phase.handle, { "aria-valuenow": x, "aria-valuetext": `h₁ ${signed(x)}, h₂ ${signed(y)}` }));
  phase.handle.addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (!dx && !dy) return;
    event.preventDefault();
    const by = event.shiftKey ? 0.1 : 0.02;
    move(mine.values.x + by * dx, mine.values.y + by * dy);
  });
  dragged(phase.whole, (event) => move(...phase.at(pointed(event, phase.whole))));
  dragged(plane.whole, (event) => {
    const [re, im] = plane.at(pointed(event, plane.whole));
    const angle = Math.round((Math.atan2(Math.abs(im), re) * 36) / Math.PI) * 5;
    turn.set({ radius: Math.min(3, Math.round(Math.hypot(re, im) * 20) / 20), angle });
  });
}

/**
 * Calls back where a pointer presses or drags.
 * @param {SVGSVGElement} on @param {(event: PointerEvent) => void} act
 */
function dragged(on, act) {
  on.addEventListener("pointerdown", (event) => {
    on.setPointerCapture(event.pointerId);
    act(event);
  });
  on.addEventListener("pointermove", (event) => event.buttons && act(event));
}
