/** Frames of a sound and moments of it, and a table of numbers as a few shapes. No DOM. */

/** @typedef {{ hop: number, frame: number }} Framing ms from one frame to the next, and ms in a frame */

/** How long a sound must play for so many frames to be complete. @param {number} frames @param {Framing} framing */
export const heard = (frames, { hop, frame }) => (frames ? frame + hop * (frames - 1) : 0);

/** How many frames are complete at this moment. @param {number} ms @param {Framing} framing */
export const complete = (ms, { hop, frame }) => Math.max(0, Math.floor((ms - frame) / hop + 1 + 1e-9));

/**
 * A table as one path for each level of strength: few shapes draw fast, and take the page's colours.
 * @param {number[][]} table (T, rows) @param {number[]} order of the rows, top to bottom
 * @param {readonly [number, number]} range from nothing to full
 * @param {{ x: number, y: number, width: number, height: number }} box
 * @param {number} levels
 * @returns {string[]} the d of each level above nothing
 */
export function shades(table, order, [low, high], { x, y, width, height }, levels) {
  const paths = Array.from({ length: levels + 1 }, () => "");
  const [w, h] = [width / table.length, height / order.length];
  order.forEach((row, k) => {
    const level = (/** @type {number} */ t) => Math.round(levels * Math.min(1, Math.max(0, (table[t][row] - low) / (high - low))));
    for (let t = 0, from = 0; t < table.length; t++) {
      if (t + 1 < table.length && level(t + 1) === level(t)) continue;
      paths[level(t)] += `M${(x + from * w).toFixed(2)} ${(y + k * h).toFixed(2)}h${((t + 1 - from) * w).toFixed(2)}v${h.toFixed(2)}h${(-(t + 1 - from) * w).toFixed(2)}z`;
      from = t + 1;
    }
  });
  return paths.slice(1);
}
