/**
 * Starts the explorables of a page: each when the reader comes near it. Until then,
 * in print, and where anything fails, the figure or table of the build stands there.
 */

import "./look.css";
import { button, copyButton } from "./controls.js";
import { element } from "./draw.js";
import { sayAll, state } from "./state.js";

/**
 * What an explorable gets. It is a module `docs/explore/<name>.js` whose default export is
 * called once: `export default function start(place) {...}`.
 * @typedef {object} Place
 * @property {HTMLElement} here an empty element in the page, to fill
 * @property {string} id its id on the page
 * @property {Record<string, string | undefined>} settings the words of the page's comment, such as `cell`
 * @property {any} data the file that the comment names by `data`
 * @property {<F extends import("./state.js").Fields>(fields: F) => import("./state.js").State<F>} state
 *   call it once; the frame's reset button and the address follow
 * @property {(words: string) => void} say tells the listening reader of a result, when the changes have paused
 */

const SOON = "800px"; // how near is near

/** @param {HTMLElement} at */
async function start(at) {
  const { module = "", data, ...settings } = at.dataset;
  const url = (/** @type {string} */ path) => new URL(path, document.baseURI).href;
  const [explorable, loaded] = await Promise.all([
    import(url(module)),
    data && fetch(url(data)).then((answer) => (answer.ok ? answer.json() : Promise.reject(Error(`${answer.status} ${data}`)))),
  ]);
  const here = element("div", { class: "explore__here" });
  const live = element("div", { class: "explore__live" }, here);
  const { say, region } = speaker(live);
  const foot = element("div", { class: "explore__foot" });
  const id = at.id.replace("explore-", "");
  let made = false;
  await explorable.default({
    here, id, settings, data: loaded, say,
    /** @param {import("./state.js").Fields} fields */
    state(fields) {
      const own = state(id, fields);
      made = true;
      foot.append(button("Reset", own.reset));
      return own;
    },
  });
  if (made) foot.append(copyButton("Copy a link to this", () => (sayAll(), location.href.replace(/(#.*)?$/, `#${at.id}`))));
  live.append(foot, region);
  at.append(live);
  await new Promise(requestAnimationFrame); // what asked for a frame is drawn, and learns its width;
  await new Promise(requestAnimationFrame); // what asked for that is drawn anew: nobody meets half of it
  at.classList.add("explore--live");
}

/**
 * One polite voice, which waits until changes pause, and is silent until the reader does something.
 * @param {HTMLElement} live
 */
function speaker(live) {
  const region = element("p", { class: "explore__voice", role: "status" });
  let timer = 0;
  let used = false;
  for (const event of ["click", "input", "keydown", "pointerdown"]) {
    live.addEventListener(event, () => (used = true), { capture: true, once: true });
  }
  const say = (/** @type {string} */ words) => {
    clearTimeout(timer);
    if (used) timer = window.setTimeout(() => (region.textContent = words), 700);
  };
  return { say, region };
}

const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      start(/** @type {HTMLElement} */ (target)).catch((error) => {
        target.classList.add("explore--lost");
        console.error(error);
      });
    }
  },
  { rootMargin: `${SOON} 0px` },
);
for (const place of document.querySelectorAll(".explore")) near.observe(place);
