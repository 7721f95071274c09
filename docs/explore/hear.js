/** A spoken digit: what a net hears, holds and would answer, as the sound goes on. */

import "./hear.css";
import { button, select, slider } from "./lib/controls.js";
import { calm, colour, drawing, element, frame, path, pointed, put, svg } from "./lib/draw.js";
import { complete, heard, shades } from "./lib/heard.js";
import { choice, number } from "./lib/state.js";

/** The clips: the page's sound, what to call it, the digit (or none). @type {Record<string, [string, string, number]>} */
const CLIPS = {
  seven: ["linda_seven", "seven, by linda", 7],
  six: ["six", "six, by linda", 6],
  m8: ["m8_seven", "seven, by m8", 7],
  whisper: ["whisper_seven", "seven, whispered", 7],
  backwards: ["backwards", "seven, by linda, backwards", -1],
};
const NAMES = Object.keys(CLIPS);
const MOST = 80; // frames
const LEVELS = 12;
const [LEFT, RIGHT, TOP] = [54, 6, 8];
const MEL = { y: TOP, height: 84 };
const UNITS = { y: MEL.y + MEL.height + 14, height: 104 };
const ANSWER = { y: UNITS.y + UNITS.height + 16, height: 96 };
const HEIGHT = ANSWER.y + ANSWER.height + 36;

/** @param {number} p */
const percent = (p) => `${(100 * p).toFixed(p < 0.0995 ? 1 : 0)}%`;

/** @param {number} d of the digit @param {number} said @param {boolean} ever whether it is ever likely */
const toneOf = (d, said, ever) => (d === said ? "gru" : ever ? "write" : "muted");

/**
 * The three pictures, one below the other, as wide as there is room.
 * @param {number} wide @param {any} clip @param {string[]} words @param {number} said @param {import("./lib/heard.js").Framing} framing
 */
function pictures(wide, clip, words, said, framing) {
  const T = clip.p.length;
  const width = wide - LEFT - RIGHT;
  const w = width / T;
  const end = clip.h[T - 1];
  const bands = clip.mel[0].map((/** @type {any} */ _, /** @type {number} */ k) => k).reverse();
  const units = [...end.keys()].sort((a, b) => end[b] - end[a]);
  const shaded = (/** @type {number[][]} */ table, /** @type {number[]} */ order, /** @type {[number, number]} */ range, /** @type {{ y: number, height: number }} */ box) =>
    shades(table, order, range, { x: LEFT, width, ...box }, LEVELS).map((d, k) => svg("path", { d, fill: colour("hidden"), "fill-opacity": (0.92 * (k + 1)) / LEVELS }));
  const label = (/** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ text, more = {}) => svg("text", { x, y, ...more }, text);
  const y = (/** @type {number} */ p) => ANSWER.y + ANSWER.height * (1 - p);
  const last = clip.p[T - 1];
  const lines = words.map((word, d) => {
    const p = clip.p.map((/** @type {number[]} */ one) => one[d]);
    const ever = Math.max(...p) > 0.3;
    const tone = colour(toneOf(d, said, ever));
    const line = svg("path", { d: path(p.map((/** @type {number} */ one, /** @type {number} */ t) => [LEFT + (t + 1) * w, y(one)])), fill: "none", stroke: tone, "stroke-width": ever ? 2.5 : 1 });
    const peak = p.indexOf(Math.max(...p));
    const name = ever ? [label(Math.min(LEFT + (peak + 1) * w, LEFT + width - 30), y(p[peak]) + (last[d] > 0.5 ? 14 : -5), word, { fill: tone, style: `fill: ${tone}`, "font-weight": 700 })] : [];
    return [line, ...name];
  });
  const ticks = [0, 100, 200, 300, 400, 500, 600].filter((ms) => complete(ms, framing) <= T);
  const axis = ticks.map((ms) => label(LEFT + Math.min(T, ((ms - framing.frame) / framing.hop + 1)) * w, HEIGHT - 20, String(ms), { "text-anchor": "middle" }));
  const titles = [["band", MEL], ["unit", UNITS], ["answer", ANSWER]].map(([text, box]) => {
    const { y, height } = /** @type {{ y: number, height: number }} */ (box);
    return label(LEFT - 8, y + height / 2 + 4, String(text), { "text-anchor": "end" });
  });
  const ends = [label(LEFT - 8, y(1) + 10, "1", { "text-anchor": "end" }), label(LEFT - 8, y(0) + 2, "0", { "text-anchor": "end" })];
  const rule = svg("path", { d: `M${LEFT} ${y(0)}h${width}`, stroke: colour("line") });
  const ahead = svg("rect", { y: TOP - 4, height: ANSWER.y + ANSWER.height + 6 - TOP, fill: colour("paper"), "fill-opacity": 0.78 });
  const head = svg("path", { stroke: colour("ink"), "stroke-width": 2 });
  const made = drawing(wide, HEIGHT, "", ...shaded(clip.mel, bands, [-9, 3], MEL), ...shaded(clip.h, units, [-1, 1], UNITS), rule,
    ...lines.flat(), ahead, head, ...axis.slice(1), label(LEFT + width / 2, HEIGHT - 3, "ms heard", { "text-anchor": "middle" }), ...titles, ...ends);
  return {
    made, T,
    /** @param {number} at frames heard */
    go(at) {
      const x = LEFT + at * w;
      put(ahead, { x: x.toFixed(2), width: Math.max(0, LEFT + width - x).toFixed(2) });
      put(head, { d: `M${x.toFixed(2)} ${TOP - 4}V${y(0) + 4}` });
    },
    /** @param {PointerEvent} event */
    at: (event) => Math.round((pointed(event, made)[0] - LEFT) / w),
  };
}

/** The ten answers at this moment. @param {string[]} words */
function answers(words) {
  const rows = words.map((word) => {
    const [value, bar] = [element("span"), element("i")];
    return { value, bar, row: element("li", {}, element("span", {}, word), value, element("span", { class: "hear__track" }, bar)) };
  });
  /** @param {number[]} p @param {number} said */
  function draw(p, said) {
    const most = p.indexOf(Math.max(...p));
    rows.forEach(({ row, value, bar }, d) => {
      value.textContent = percent(p[d]);
      bar.style.width = `${100 * p[d]}%`;
      bar.style.background = colour(toneOf(d, said, true));
      put(row, { class: d === most ? "hear__most" : null });
    });
  }
  return { list: element("ol", { class: "hear__answers" }, ...rows.map((one) => one.row)), draw };
}

/**
 * Plays the page's own sound, and tells at each frame of the screen how far it is.
 * @param {(ms: number) => void} at @param {() => void} changed
 */
function player(at, changed) {
  /** @type {HTMLAudioElement | null} */
  let sound = null;
  const stop = () => {
    sound?.pause();
    sound = null;
    changed();
  };
  /** @param {string} file @param {number} from ms */
  function play(file, from) {
    const source = /** @type {HTMLAudioElement | null} */ (document.querySelector(`audio[src$="/${file}.wav"]`));
    if (!source) return;
    const mine = new Audio(source.src);
    sound = mine;
    mine.currentTime = from / 1000;
    mine.addEventListener("ended", () => {
      if (sound !== mine) return;
      if (!calm()) at(Infinity);
      stop();
    });
    const follow = () => {
      if (sound !== mine) return;
      if (!calm() && !mine.paused) at(1000 * mine.currentTime);
      requestAnimationFrame(follow);
    };
    mine.play().then(follow, stop);
    changed();
  }
  return { play, stop, playing: () => sound !== null };
}

/** @param {import("./lib/start.js").Place} place */
export default function start({ here, data, state, say }) {
  const { words, clips } = data;
  const mine = state({ clip: choice("seven", NAMES), at: number(5, 1, MOST) });
  const now = () => clips[mine.values.clip];
  const within = () => Math.min(mine.values.at, now().p.length);
  const told = () => `${heard(within(), data)} ms`;

  const head = slider(mine, "at", "Heard so far", { say: told });
  const range = /** @type {HTMLInputElement} */ (head.querySelector("input"));
  const sound = player((ms) => mine.set({ at: Math.max(1, Math.min(complete(ms, data), now().p.length)) }), () => name());
  const press = button("Play", () => {
    if (sound.playing()) return sound.stop();
    const whole = within() >= now().p.length;
    sound.play(CLIPS[mine.values.clip][0], whole || calm() ? 0 : heard(within(), data));
  });
  const name = () => (press.textContent = sound.playing() ? "Stop" : "Play");
  const picture = element("div", { class: "hear__picture" });
  const table = answers(words);
  here.append(
    element("div", { class: "hear__choose" }, select(mine, "clip", "Clip", { say: (one) => CLIPS[one][1] }), press), head, picture, table.list,
    element("p", { class: "hear__note" }, "The stronger the colour, the louder the band, and the nearer a unit’s h to 1 (none: −1). Units stand in the order of their last h."),
  );

  for (const kind of /** @type {const} */ (["pointerdown", "pointermove"])) {
    picture.addEventListener(kind, (event) => {
      if (!event.buttons || !shown) return;
      sound.stop();
      mine.set({ at: Math.max(1, Math.min(shown.T, shown.at(event))) });
    });
  }
  range.addEventListener("input", sound.stop);

  /** @type {ReturnType<typeof pictures> | null} */
  let shown = null;
  let drawn = "";
  const draw = frame(() => {
    const { clip } = mine.values;
    const said = CLIPS[clip][2];
    const wide = Math.max(240, Math.round(picture.clientWidth));
    if (drawn !== `${clip} ${wide}`) {
      if (!drawn.startsWith(`${clip} `)) sound.stop();
      drawn = `${clip} ${wide}`;
      shown = pictures(wide, now(), words, said, data);
      picture.replaceChildren(shown.made);
    }
    if (!shown) return;
    const at = within();
    put(range, { max: shown.T });
    range.value = String(at);
    shown.go(at);
    const p = now().p[at - 1];
    table.draw(p, said);
    const best = [...p.keys()].sort((a, b) => p[b] - p[a]).slice(0, 2).map((d) => `${words[d]} ${percent(p[d])}`).join(", ");
    const summary = `${told()} heard: ${best}.`;
    put(shown.made, { "aria-label": `The sound, the state of the units and the answers. ${summary}` });
    say(summary);
  });
  new ResizeObserver(draw).observe(picture);
  mine.watch(draw);
}
