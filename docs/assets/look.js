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

// A frame is a tab stop only while there is something to scroll to.
const frames = document.querySelectorAll(".md-content [tabindex='0'][role=group]");
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
});
for (const frame of frames) sizes.observe(frame);

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
