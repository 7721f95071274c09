// What the theme leaves undone for keyboards, phones and screen readers.
// Without this script every page still reads, links and prints the same.

// A label that opens something is a mouse's button only: make it everyone's.
const names = { __drawer: "Pages", __search: "Search" };
for (const label of document.querySelectorAll(".md-header label.md-header__button")) {
  const input = label.control;
  const button = document.createElement("button");
  button.type = "button";
  button.className = label.className;
  button.hidden = label.hidden;
  button.dataset.for = input.id;
  button.title = label.title || names[input.id];
  button.setAttribute("aria-label", button.title);
  button.append(...label.childNodes);
  button.addEventListener("click", () => {
    input.click();
    // The palette has put another button in place of this one.
    if (button.hidden) button.form.querySelector("button:not([hidden])").focus();
  });
  // The theme listens for Enter as well, which would count twice.
  button.addEventListener("keydown", (event) => event.key === "Enter" && event.stopPropagation());
  label.replaceWith(button);
}

// The drawer: while it is open, focus stays in it and Escape closes it.
const drawer = document.getElementById("__drawer");
const menu = document.querySelector("[data-for=__drawer]");
const behind = document.querySelectorAll(".md-content, .md-sidebar--secondary, .md-footer");
menu.setAttribute("aria-expanded", false);
drawer.addEventListener("change", () => {
  menu.setAttribute("aria-expanded", drawer.checked);
  for (const part of behind) part.inert = drawer.checked;
  if (drawer.checked) document.querySelector(".pages a[aria-current], .pages a").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !drawer.checked) return;
  drawer.click();
  menu.focus();
});

// The search: opening it puts the cursor in its field, closing it gives focus back.
const search = document.getElementById("__search");
search.addEventListener("change", () => {
  if (search.checked) document.querySelector(".md-search__input").focus();
  else document.querySelector("[data-for=__search]").focus();
});

// A frame is a tab stop only while there is something to scroll to, or symbols to ask.
const frames = document.querySelectorAll(".md-content [tabindex='0'][role=group]:not(.math:has([data-sym]))");
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
});
for (const frame of frames) sizes.observe(frame);

// A symbol, in a formula or in code, tells its meaning and shape: to a pointer
// that rests on it, to a finger that taps it, and in a displayed formula to the
// arrow keys. The words are those of its row in the page's legend.
const article = document.querySelector(".md-content__inner");
const tip = document.createElement("div");
tip.className = "tip";
tip.setAttribute("role", "status"); // what it says is spoken too
article.append(tip);
let told = null; // the symbol that the tip is about
let timer;

const element = (name, content = [], className = "") => {
  const made = document.createElement(name);
  made.append(...content);
  if (className) made.className = className;
  return made;
};

// Copies, without what makes them symbols that can be pointed at.
const copies = (nodes) => [...nodes].map((node) => {
  const copy = node.cloneNode(true);
  if (!copy.querySelectorAll) return copy;
  for (const part of [copy, ...copy.querySelectorAll("*")]) {
    part.removeAttribute("id");
    part.removeAttribute("data-sym");
    part.classList.remove("sym--same", "sym--at");
  }
  return copy;
});

function meaning(symbol) {
  const defined = document.getElementById(symbol.dataset.sym);
  const [first, names, shapes, is] = defined.closest("tr").cells;
  const nth = [...first.querySelectorAll("math")].indexOf(defined);
  const pick = (list) => list[nth] ?? list[0];
  const inFormula = symbol.namespaceURI !== article.namespaceURI;
  const code = pick(names.querySelectorAll("code"));
  const same = first.querySelectorAll(`math:has([data-sym="${symbol.dataset.sym}"])`);
  const formulas = [...same].flatMap((math, n) => [n ? ", " : "", ...copies([math])]);
  const math = document.createElementNS(defined.namespaceURI, "math");
  math.append(...copies([symbol]));
  math.setAttribute("aria-hidden", true);
  const spoken = [...symbol.children].map((part) => part.textContent).join(" ") || symbol.textContent;
  const role = symbol.className.match?.(/role-\w+/)?.[0];
  const what = inFormula ? [math, element("span", [spoken], "tip__spoken")] : [element("code", [symbol.textContent], role)];
  const facts = ["shape ", pick(shapes.textContent.split(/(?<=\)), /))];
  if (!inFormula) facts.push(" · in formulas ", ...formulas);
  else if (code) facts.push(" · in code ", ...copies([code]));
  return [element("p", [...what, ": ", ...copies(is.childNodes)]), element("p", facts, "tip__facts")];
}

function forget() {
  clearTimeout(timer);
  for (const mark of ["sym--same", "sym--at", "sym--row"]) {
    for (const part of article.querySelectorAll(`.${mark}`)) part.classList.remove(mark);
  }
  tip.replaceChildren();
  told = null;
}

// Near what it is about: below, or above where there is no room, and always in view.
function put(content, about) {
  tip.replaceChildren(...content);
  tip.style.left = tip.style.top = 0;
  const [home, at, own] = [article, about, tip].map((part) => part.getBoundingClientRect());
  const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - own.width - 8));
  const top = at.bottom + 8 + own.height <= innerHeight ? at.bottom + 8 : at.top - 8 - own.height;
  tip.style.left = `${left - home.left}px`;
  tip.style.top = `${top - home.top}px`;
}

function tell(symbol) {
  if (symbol === told) return;
  forget();
  told = symbol;
  for (const part of article.querySelectorAll(`[data-sym="${symbol.dataset.sym}"]`)) part.classList.add("sym--same");
  symbol.classList.add("sym--at");
  document.getElementById(symbol.dataset.sym).closest("tr").classList.add("sym--row");
  put(meaning(symbol), symbol);
}

const soon = (task, wait) => {
  clearTimeout(timer);
  timer = setTimeout(task, wait);
};
const focused = () => document.activeElement.matches(".math");
article.addEventListener("pointerover", ({ target, pointerType, buttons }) => {
  if (pointerType === "touch" || buttons) return;
  const symbol = target.closest("[data-sym]");
  if (symbol) soon(() => tell(symbol), 150);
  else if (tip.contains(target)) clearTimeout(timer);
  else soon(() => focused() || forget(), 300);
});
article.addEventListener("pointerleave", ({ pointerType }) => {
  if (pointerType !== "touch") soon(() => focused() || forget(), 300);
});
article.addEventListener("click", ({ target }) => {
  const symbol = target.closest("[data-sym]");
  if (symbol) tell(symbol);
});
document.addEventListener("pointerdown", ({ target }) => {
  if (!tip.contains(target) && !target.closest("[data-sym]")) forget();
});
document.addEventListener("keydown", ({ key }) => key === "Escape" && forget());
addEventListener("resize", forget);

for (const formula of article.querySelectorAll(".math:has([data-sym])")) {
  const symbols = [...formula.querySelectorAll("[data-sym]")];
  let at = -1;
  formula.addEventListener("focus", () => {
    at = -1;
    if (formula.matches(":focus-visible")) put(["← → tell what each symbol means"], formula);
  });
  formula.addEventListener("blur", forget);
  formula.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: symbols.length - 1 }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    at = Math.max(0, Math.min(to, symbols.length - 1));
    symbols[at].scrollIntoView({ block: "nearest", inline: "nearest" });
    tell(symbols[at]);
  });
}

// Every block can be copied.
for (const block of document.querySelectorAll(".md-content .highlight:not(.output)")) {
  let place = block.previousElementSibling;
  if (!place?.matches(".source")) {
    place = document.createElement("div");
    place.className = "copy-corner";
    block.before(place);
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  const say = (text) => {
    button.title = text;
    button.setAttribute("aria-label", text);
  };
  say("Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("code").textContent);
    say("Copied");
    button.classList.add("copy--done");
    setTimeout(() => { say("Copy"); button.classList.remove("copy--done"); }, 2000);
  });
  place.append(button);
}
