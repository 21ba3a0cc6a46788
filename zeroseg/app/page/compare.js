// The page that compares two folders of results, picture by picture.

import * as api from "./api.js";
import { ComparedView, PANES } from "./compare_view.js";
import { painted, rgb, write } from "./masks.js";
import { at, first, say } from "./page.js";

const AT_ONCE = 50; // pictures of a request
const LISTED = 500; // pictures that the list shows
const DIFFERING = [226, 0, 122, 255];
const TITLES = { a: "A", b: "B", differing: "what differs" };
const state = { folders: [], found: [], total: 0, shown: null, marked: null, asked: 0 };
const view = new ComparedView(at("canvas"), readOut);
const percent = (share) => `${(100 * share).toFixed(2)} %`;

function made(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...properties });
}

async function begin() {
  const folders = await first(() => api.told("/v1/results"));
  if (!folders) return;
  state.folders = folders;
  if (!state.folders.length) {
    return say("This server shows no results: zeroseg app --results A --results B", true);
  }
  const asked = new URLSearchParams(location.search);
  for (const [id, place] of [["a", 0], ["b", 1]]) {
    const options = state.folders.map((own) => new Option(`${own.name} (${own.pictures})`, own.place));
    at(id).replaceChildren(...options);
    at(id).value = asked.get(id) ?? place;
    if (at(id).value === "") at(id).value = 0;
  }
  at("corrected").value = asked.get("corrected") ?? "none";
  if (at("corrected").value === "") at("corrected").value = "none";
  await compare();
}

const path = () => `/v1/compare/${at("a").value}/${at("b").value}`;

/** Ask for all pictures, some at a time; the list is in order from the first answer on. */
async function compare() {
  const round = ++state.asked;
  const [a, b, corrected] = ["a", "b", "corrected"].map((id) => at(id).value);
  history.replaceState(null, "", `?a=${a}&b=${b}&corrected=${corrected}`);
  Object.assign(state, { found: [], total: 0 });
  forget();
  list();
  at("alone").hidden = true;
  say("Comparing …");
  try {
    const told = await api.told(path());
    if (round !== state.asked) return;
    state.total = told.pictures;
    alone(told);
    for (let first = 0; first < told.pictures; first += AT_ONCE) {
      const slice = `begin=${first}&count=${AT_ONCE}&corrected=${corrected}`;
      const more = await api.told(`${path()}/differences?${slice}`);
      if (round !== state.asked) return;
      state.found.push(...more);
      state.found.sort((one, other) => (other.share ?? -1) - (one.share ?? -1));
      list();
      say(summary());
    }
  } catch (refused) {
    return round === state.asked && say(refused.message, true);
  }
  if (!state.shown) await choose(state.found[0]);
}

function summary() {
  const { found, total } = state;
  const good = found.filter((own) => own.share !== null);
  const equal = good.filter((own) => own.share === 0).length;
  const failed = found.length - good.length;
  const words = `${found.length} of ${total} pictures looked at: ${equal} equal`;
  return `${words}, ${good.length - equal} different${failed ? `, ${failed} not to be compared` : ""}`;
}

/** Pictures that only one of the folders has. */
function alone(told) {
  const names = [...told.only_a.map((name) => `A: ${name}`), ...told.only_b.map((name) => `B: ${name}`)];
  at("alone").hidden = !names.length;
  at("alone").querySelector("summary").textContent = `${names.length} in one folder alone`;
  at("alone").querySelector("ul").replaceChildren(
    ...names.slice(0, LISTED).map((name) => made("li", name)));
}

function list() {
  const focused = at("compared").contains(document.activeElement);
  at("compared").replaceChildren(...state.found.slice(0, LISTED).map((own) => {
    const button = made("button", own.name, { type: "button" });
    button.append(made("small", ` ${own.problem ?? (own.share ? percent(own.share) : "equal")}`));
    button.setAttribute("aria-current", String(own.number === state.shown?.number));
    button.addEventListener("click", () => choose(own));
    const line = made("li", "");
    line.append(button);
    return line;
  }));
  const current = at("compared").querySelector("[aria-current=true]");
  current?.scrollIntoView({ block: "nearest" });
  if (focused) current?.focus();
}

function forget() {
  Object.assign(state, { shown: null, marked: null });
  at("told").hidden = true;
  at("canvas").setAttribute("aria-label", "No picture");
  view.show({ height: 1, width: 1 }, {});
}

/** Show a picture of the list. */
async function choose(own) {
  forget();
  state.shown = own;
  list();
  if (own.problem) return say(`${own.name}: ${own.problem}`, true);
  let told, picture;
  try {
    told = await api.told(`${path()}/${own.number}?corrected=${at("corrected").value}`);
    picture = await pictureOf(told);
  } catch (refused) {
    return own === state.shown && say(refused.message, true);
  }
  if (own !== state.shown) return picture?.close();
  take(told, picture);
  say(summary());
}

/** The picture itself, from where A's result or B's says it is; null where it is nowhere. */
async function pictureOf({ number_a: inA, number_b: inB }) {
  for (const [id, number] of [["a", inA], ["b", inB]]) {
    try {
      return await createImageBitmap(await api.blob(`/v1/results/${at(id).value}/${number}/picture`));
    } catch (refused) {
      if (refused.status !== 422) throw refused;
    }
  }
  return null;
}

function take(told, picture) {
  const { size, classes } = told;
  const maps = ["in_a", "in_b"].map((side) => {
    const map = new Uint16Array(size.height * size.width);
    classes.forEach((own, place) => write(map, own[side], place));
    return map;
  });
  const colors = classes.map((own) => [...rgb(own.color), own.background ? 0 : 255]);
  const [a, b] = maps.map((map) => painted(map, size, (place) => colors[place]));
  Object.assign(state.shown, { told, maps, layers: { picture, a, b } });
  at("told").hidden = false;
  at("name").textContent = told.name;
  at("share").textContent = `${percent(told.share)} of the pixels differ`
    + (picture ? "" : "; the picture itself is not there: zeroseg app --pictures DIR");
  at("canvas").setAttribute("aria-label", `${told.name}: ${percent(told.share)} differ`);
  classTable(told);
  mark(null);
}

/** Show the pixels of a change alone, or of all with null. */
function mark(change) {
  state.marked = change;
  const { told, maps: [a, b], layers } = state.shown;
  const names = told.classes.map((own) => own.name);
  const differs = Uint8Array.from(a, (place, pixel) => place !== b[pixel]
    && (!change || (names[place] === change.a && names[b[pixel]] === change.b)));
  layers.differing = painted(differs, told.size, (is) => (is ? DIFFERING : [0, 0, 0, 0]));
  changeList(told);
  view.show(told.size, layers);
}

function changeList(told) {
  const total = told.size.height * told.size.width;
  const focused = [...at("changes").querySelectorAll("button")].indexOf(document.activeElement);
  at("changes").replaceChildren(...told.changes.map((change) => {
    const on = state.marked === change;
    const button = made("button", `${change.a} → ${change.b}`, { type: "button" });
    button.append(made("small", ` ${percent(change.pixels / total)}`));
    button.setAttribute("aria-pressed", String(on));
    button.addEventListener("click", () => mark(on ? null : change));
    const line = made("li", "");
    line.append(button);
    return line;
  }));
  at("changes").querySelectorAll("button")[focused]?.focus();
}

function classTable(told) {
  const total = told.size.height * told.size.width;
  at("classes").tBodies[0].replaceChildren(...told.classes.map((own) => {
    const row = document.createElement("tr");
    const name = made("td", "");
    const color = document.createElement("i");
    color.style.background = own.color;
    name.append(color, own.name);
    const shares = [own.area_a / total, own.area_b / total, own.iou];
    row.append(name, ...shares.map((share) => made("td", `${(100 * share).toFixed(1)} %`)));
    return row;
  }));
}

/** The classes of the pixel under the pointer. */
function readOut(pixel) {
  const { told, maps } = state.shown ?? {};
  if (!pixel || !told) return void (at("readout").textContent = "\u00a0");
  const place = pixel.row * told.size.width + pixel.column;
  const [a, b] = maps.map((map) => told.classes[map[place]].name);
  at("readout").textContent =
    `A: ${a}, B: ${b}${a === b ? "" : ", differs"} (x ${pixel.column}, y ${pixel.row})`;
}

function show(mode) {
  at("mode").value = mode;
  at("panes").replaceChildren(...PANES[mode].map((name) => made("span", TITLES[name])));
  view.set({ mode });
}

/** The next picture of the list, or the one before. */
function step(by) {
  const place = state.found.findIndex((own) => own.number === state.shown?.number) + by;
  if (state.found[place]) choose(state.found[place]);
}

const KEYS = {
  j: () => step(1), k: () => step(-1), a: () => show("a"), b: () => show("b"),
  d: () => show("differing"), s: () => show("three"),
};

function listen() {
  at("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    if (at("token-line").hidden) return;
    api.keepToken(at("token").value);
    begin();
  });
  for (const id of ["a", "b", "corrected"]) at(id).addEventListener("change", compare);
  at("mode").addEventListener("change", ({ target }) => show(target.value));
  at("opacity").addEventListener("input", ({ target }) => view.set({ opacity: target.value / 100 }));
  at("in").addEventListener("click", () => view.zoomIn());
  at("out").addEventListener("click", () => view.zoomOut());
  at("fit").addEventListener("click", () => view.fit());
  addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input, select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
}

show(innerWidth < 700 ? "differing" : "three");
listen();
begin();
