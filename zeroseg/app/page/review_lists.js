// What stands beside the picture of a review: pictures, regions, steps, and the choice of a class.

export function element(kind, text = "", children = []) {
  const made = document.createElement(kind);
  made.textContent = text;
  made.append(...children);
  return made;
}

function button(text, children, pressed) {
  const made = element("button", text, children);
  made.type = "button";
  made.addEventListener("click", pressed);
  return made;
}

function swatch(color) {
  const made = element("canvas");
  made.width = made.height = 1;
  const context = made.getContext("2d");
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  return made;
}

export const STATES = { open: "open", accepted: "✓ accepted", rejected: "✗ rejected" };

const told = (own) => {
  const sure = own.score === null ? "no score" : own.score.toFixed(2);
  return own.problem ? `cannot be shown: ${own.problem}`
    : `${sure}, ${STATES[own.state]}${own.changed && own.state === "open" ? ", begun" : ""}`;
};

/** The ranked pictures; `preview` is asked for a small picture once a line comes into sight. */
export function fillPictures(list, entries, shown, choose, preview) {
  const previews = new Map([...list.querySelectorAll("canvas")].map((c) => [c.dataset.number, c]));
  list.replaceChildren(...entries.map((own) => {
    const small = previews.get(String(own.number)) ?? element("canvas");
    small.dataset.number = own.number;
    const said = element("small", told(own));
    const pressed = button("", [small, element("span", own.name), said], () => choose(own.number));
    pressed.setAttribute("aria-current", String(own.number === shown));
    return element("li", "", [pressed]);
  }));
  const seen = new IntersectionObserver((lines) => lines.filter((own) => own.isIntersecting)
    .forEach(({ target }) => { seen.unobserve(target); preview(target); }));
  list.querySelectorAll("canvas:not([data-asked])").forEach((own) => seen.observe(own));
}

/** Fill a small canvas with the middle of a picture. */
export function drawPreview(canvas, picture) {
  Object.assign(canvas, { width: 64, height: 48 });
  const scale = Math.max(64 / picture.width, 48 / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  canvas.getContext("2d").drawImage(
    picture, (64 - width) / 2, (48 - height) / 2, width, height);
}

/** In which order pictures stand. */
export function ordered({ scored, pictures }) {
  if (!scored) return "By name: no scores were saved (zeroseg segment --confidence).";
  const without = pictures.length - scored;
  return `The least sure come first${without ? `; ${without} have no saved score` : ""}.`;
}

/** Give the focus to the region after or before the one that is marked. */
export function nextRegion(list, by) {
  const buttons = [...list.querySelectorAll("button")];
  const place = buttons.findIndex((own) => own.getAttribute("aria-pressed") === "true");
  const next = place < 0 ? (by > 0 ? 0 : buttons.length - 1) : place + by;
  buttons[(next + buttons.length) % buttons.length]?.focus();
}

export const madeBy = (own) => own.made_by + (own.named_by ? `, named by ${own.named_by}` : "");

/** The regions, the uppermost first; one that has the focus is marked. */
export function fillRegions(list, review, marked, mark) {
  const colors = new Map(review.classes.map((own) => [own.name, own.color]));
  const lines = [...review.regions].reverse().map((own) => {
    const score = own.score === null ? "" : `${own.score.toFixed(2)}, `;
    const said = element("small", `${score}${own.area} pixels, ${madeBy(own)}`);
    const parts = [swatch(colors.get(own.class)), element("span", own.class), said];
    const pressed = button("", parts, () => mark(own.number));
    pressed.dataset.region = own.number;
    pressed.setAttribute("aria-pressed", String(own.number === marked));
    pressed.addEventListener("focus", () => mark(own.number));
    return element("li", "", [pressed]);
  });
  list.replaceChildren(...(lines.length ? lines : [element("li", "no regions")]));
}

const done = {
  relabel: (step) => `region ${step.region} is ${step.class}`,
  delete: (step) => `region ${step.region} deleted`,
  add: (step) => `${step.class} added${step.model ? ` with ${step.model}` : ""}`,
  accept: () => "accepted",
  reject: () => "rejected",
  reopen: () => "opened again",
};

/** Who did what, the last step first. */
export function fillSteps(list, steps) {
  const lines = [...steps].reverse().map((step) => {
    const when = step.when ? new Date(step.when).toLocaleString() : "";
    const who = element("small", ` ${step.by || "somebody"}, ${when}${step.done ? "" : ", undone"}`);
    return element("li", done[step.what](step), [who]);
  });
  list.replaceChildren(...(lines.length ? lines : [element("li", "as predicted")]));
}

/** Let a person choose a class by typing a part of its name; null where none is chosen. */
export function chooseClass(dialog, title, classes, first) {
  const [input, list] = [dialog.querySelector("input"), dialog.querySelector("ul")];
  dialog.querySelector("h2").textContent = title;
  input.value = "";
  let found = [], place = 0;
  const fill = () => {
    const asked = input.value.trim().toLowerCase();
    found = classes.filter((own) => own.name.toLowerCase().includes(asked));
    const before = asked ? found.findIndex((own) => own.name.toLowerCase().startsWith(asked))
      : found.findIndex((own) => own.name === first);
    place = Math.max(before, 0);
    mark();
  };
  const mark = () => {
    list.replaceChildren(...found.map((own, at) => {
      const line = element("li", "", [swatch(own.color), element("span", own.name)]);
      Object.assign(line, { id: `class-${at}`, role: "option" });
      line.setAttribute("aria-selected", String(at === place));
      line.addEventListener("click", () => dialog.close(own.name));
      return line;
    }));
    input.setAttribute("aria-activedescendant", found.length ? `class-${place}` : "");
    list.children[place]?.scrollIntoView({ block: "nearest" });
  };
  input.oninput = fill;
  input.onkeydown = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && found.length) place = (place + by + found.length) % found.length;
    if (by) mark();
    if (event.key === "Enter" && found.length) dialog.close(found[place].name);
    if (by || event.key === "Enter") event.preventDefault();
  };
  dialog.returnValue = "";
  fill();
  dialog.showModal();
  return new Promise((go) => {
    dialog.addEventListener("close", () => go(dialog.returnValue || null), { once: true });
  });
}
