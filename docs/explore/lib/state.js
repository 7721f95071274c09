/**
 * The state of an explorable, kept in the address so that a link shows what its
 * sender saw: `?bench.cell=gru&bench.t=7`. What is as at the start is not written,
 * what cannot be read is as at the start.
 */

/**
 * @template T
 * @typedef {object} Field one value: what it is at first, and how it is read and written
 * @property {T} start
 * @property {(text: string) => T | undefined} read undefined: this text is no such value
 * @property {(value: T) => string} write
 * @property {readonly string[]} [options] of a choice
 * @property {number} [min] of a number
 * @property {number} [max]
 * @property {number} [step]
 */
/** @typedef {Record<string, Field<any>>} Fields */
/**
 * @template {Fields} F
 * @typedef {{ [K in keyof F]: F[K] extends Field<infer T> ? T : never }} Values
 */
/**
 * @template {Fields} F
 * @typedef {object} State
 * @property {F} fields
 * @property {Readonly<Values<F>>} values as they are now
 * @property {(changes: Partial<Values<F>>) => void} set
 * @property {(draw: (values: Readonly<Values<F>>) => void) => void} watch calls it now and after every change
 * @property {() => void} reset
 */

/**
 * A number from min to max. Read from an address it is brought into that range.
 * @param {number} start @param {number} min @param {number} max @param {number} [step] 1 for a whole number
 * @returns {Field<number>}
 */
export function number(start, min, max, step = 1) {
  return {
    start, min, max, step,
    read: (text) => (/^-?\d{1,9}(\.\d{1,9})?$/.test(text) ? onGrid(Number(text), min, max, step) : undefined),
    write: (value) => String(Number(value.toFixed(6))),
  };
}

/** @param {number} value @param {number} min @param {number} max @param {number} step */
const onGrid = (value, min, max, step) =>
  Number(Math.min(max, Math.max(min, min + Math.round((value - min) / step) * step)).toFixed(9));

/**
 * One of some words.
 * @template {string} T @param {T} start @param {readonly T[]} options
 * @returns {Field<T>}
 */
export const choice = (start, options) => ({
  start, options,
  read: (text) => options.find((one) => one === text),
  write: (value) => value,
});

/** Yes or no. @param {boolean} start @returns {Field<boolean>} */
export const flag = (start) => ({
  start,
  read: (text) => (text === "1" ? true : text === "0" ? false : undefined),
  write: (value) => (value ? "1" : "0"),
});

/**
 * Some numbers, as many as at the start.
 * @param {readonly number[]} start @param {number} min @param {number} max @param {number} [step]
 * @returns {Field<readonly number[]>}
 */
export function numbers(start, min, max, step = 1) {
  const one = number(0, min, max, step);
  return {
    start, min, max, step,
    read(text) {
      const read = text.slice(0, 20 * start.length).split("_").map(one.read);
      return read.length === start.length && !read.includes(undefined) ? /** @type {number[]} */ (read) : undefined;
    },
    write: (value) => value.map(one.write).join("_"),
  };
}

/**
 * A text of at most `most` characters.
 * @param {string} start @param {number} most @param {RegExp} [like] what all of it must match
 * @returns {Field<string>}
 */
export const text = (start, most, like = /^/) => ({
  start,
  read: (text) => (text.length <= most && like.test(text) ? text : undefined),
  write: (value) => value,
});

/**
 * The state of the explorable with this id.
 * @template {Fields} F @param {string} id @param {F} fields
 * @returns {State<F>}
 */
export function state(id, fields) {
  const asked = new URLSearchParams(location.search);
  const names = Object.keys(fields);
  const values = /** @type {any} */ ({});
  for (const name of names) {
    const text = asked.get(`${id}.${name}`);
    values[name] = (text === null ? undefined : fields[name].read(text)) ?? fields[name].start;
  }
  /** @type {((values: Values<F>) => void)[]} */
  const watchers = [];
  const same = (/** @type {string} */ name, /** @type {any} */ a, /** @type {any} */ b) => fields[name].write(a) === fields[name].write(b);

  /** @param {any} changes */
  function set(changes) {
    const changed = Object.keys(changes).filter((name) => !same(name, values[name], changes[name]));
    if (!changed.length) return;
    for (const name of changed) values[name] = changes[name];
    for (const name of names) {
      const plain = same(name, values[name], fields[name].start);
      remember(`${id}.${name}`, plain ? null : fields[name].write(values[name]));
    }
    for (const draw of watchers) draw(values);
  }

  return {
    fields,
    values,
    set,
    watch(draw) {
      watchers.push(draw);
      draw(values);
    },
    reset: () => set(Object.fromEntries(names.map((name) => [name, fields[name].start]))),
  };
}

/** @type {Map<string, string | null>} what the address does not say yet */
const unsaid = new Map();
let timer = 0;

/**
 * Say it in the address, soon: browsers take a hundred changes in half a minute, no more.
 * @param {string} key @param {string | null} value
 */
function remember(key, value) {
  unsaid.set(key, value);
  timer ||= window.setTimeout(sayAll, 400);
}

/** Bring the address up to date at once, say for copying it. */
export function sayAll() {
  clearTimeout(timer);
  timer = 0;
  const query = new URLSearchParams(location.search);
  for (const [key, value] of unsaid) value === null ? query.delete(key) : query.set(key, value);
  unsaid.clear();
  const search = query.size ? `?${query}` : "";
  if (search !== location.search) history.replaceState(history.state, "", location.pathname + search + location.hash);
}
