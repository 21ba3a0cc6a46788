// The page: pictures are chosen, classes are named, results are looked at.

import * as api from "./api.js";
import { greyMap, labelMap, painted, rgb, write } from "./masks.js";
import { fillInstances, fillLegend, fillStages } from "./told.js";
import { View } from "./view.js";

const AT_ONCE = 4;
const at = (id) => document.getElementById(id);
const state = { about: null, items: [], shown: null, running: false };
const view = new View(at("canvas"), readOut);

function say(text, bad = false) {
  at("status").textContent = text;
  at("status").classList.toggle("bad", bad);
}

async function begin() {
  try {
    state.about = await api.model();
  } catch (refused) {
    at("token-line").hidden = refused.status !== 401;
    return say(refused.status === 401 ? "This server demands a token." : refused.message, true);
  }
  const { about } = state;
  at("token-line").hidden = true;
  say("");
  at("about").textContent = `${about.model} on ${about.device}, version ${about.version}`;
  at("auto-line").hidden = !about.auto;
  const own = about.classes.filter((name) => name !== "background").slice(0, 12);
  at("classes").value ||= own.join(", ");
  at("vocabulary").replaceChildren(...about.vocabularies.map((name) => new Option(name, name)));
  if (about.vocabularies.includes(about.vocabulary)) at("vocabulary").value = about.vocabulary;
  at("offered-line").hidden = !about.pictures.length;
  const named = about.pictures.map((name, place) => new Option(name, place));
  at("offered").replaceChildren(new Option("choose one", ""), ...named);
}

/** Add pictures, and show the last one. */
async function add(blobs) {
  for (const { blob, name } of blobs) {
    const item = { blob, name, picture: null, answer: null, said: "", hidden: new Set() };
    item.picture = await createImageBitmap(blob).catch(() => null);
    if (!item.picture) item.said = "this browser cannot show it";
    state.items.push(item);
    state.shown = item;
  }
  list();
  show();
  readOut(null);
}

function list() {
  at("pictures").replaceChildren(...state.items.map((item) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = item.name;
    const said = document.createElement("small");
    said.textContent = item.said && ` ${item.said}`;
    button.append(said);
    button.setAttribute("aria-current", String(item === state.shown));
    button.addEventListener("click", () => choose(item));
    const line = document.createElement("li");
    line.append(button);
    return line;
  }));
  at("clear").hidden = !state.items.length;
}

function clear() {
  state.items.forEach((item) => item.picture?.close());
  Object.assign(state, { items: [], shown: null });
  at("told").hidden = true;
  at("canvas").setAttribute("aria-label", "No picture");
  view.show({ height: 1, width: 1 }, {});
  say("");
  list();
  at("files").focus();
}

function choose(item) {
  state.shown = item;
  list();
  show();
  at("pictures").querySelector("[aria-current=true]")?.focus();
}

function fields() {
  const kind = document.querySelector("input[name=kind]:checked").value;
  const { instances, confidence } = state.about;
  const found = [["instances", instances], ["confidence", confidence]];
  if (kind === "own") found.push(["classes", at("classes").value]);
  if (kind === "list") found.push(["vocabulary", at("vocabulary").value]);
  if (kind === "auto") return [...found, ["classes", "auto"]];
  const thresholds = at("thresholds").value.split(/[\n,]/).filter((line) => line.trim());
  return [...found, ...thresholds.map((line) => ["thresholds", line.trim()])];
}

async function run(event) {
  event.preventDefault();
  if (!state.about) {
    api.keepToken(at("token").value);
    await begin();
    return;
  }
  if (!state.items.length) return say("Choose a picture first.", true);
  if (document.querySelector("input[name=kind]:checked").value === "own" &&
      !at("classes").value.trim()) return say("Name a class first.", true);
  const left = [...state.items], asked = fields();
  at("go").disabled = at("clear").disabled = true;
  let failed = 0;
  const worker = async () => {
    for (let item; (item = left.shift()); ) {
      if (!(await segment(item, asked))) failed++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  at("go").disabled = at("clear").disabled = false;
  say(failed ? `${failed} of ${state.items.length} failed, see the list.` : "Done.", failed > 0);
}

async function segment(item, asked) {
  const told = (text) => { item.said = text; list(); };
  told("is worked on");
  say("Working …");
  try {
    const waiting = () => told("waits for a place");
    const answer = await api.segment(item.blob, item.name, asked, waiting);
    await take(item, answer);
    told(summary(answer));
  } catch (error) {
    told(error.message);
    if (item === state.shown) say(error.message, true);
    return false;
  }
  if (item === state.shown) show();
  return true;
}

async function take(item, answer) {
  item.labels = labelMap(answer);
  item.sure = answer.confidence ? await greyMap(answer.confidence.map, answer.size) : null;
  item.hidden = new Set(answer.legend.flatMap((own, place) => (own.background ? [place] : [])));
  Object.assign(item, { answer, marked: null, layers: {} });
}

function summary(answer) {
  const names = Object.keys(answer.areas);
  return names.length ? names.slice(0, 4).join(", ") + (names.length > 4 ? ", …" : "")
    : "none of the classes";
}

/** The layer of classes, without those that are switched off. */
function colored(item) {
  const { legend, size } = item.answer;
  return painted(item.labels, size, (place) =>
    item.hidden.has(place) ? [0, 0, 0, 0] : [...rgb(legend[place].color), 255]);
}

function markedLayer(item) {
  if (!item.marked?.segmentation) return null;
  const { height, width } = item.answer.size;
  const map = new Uint8Array(height * width);
  write(map, item.marked.segmentation, 1);
  return painted(map, item.answer.size, (value) => (value ? [255, 255, 255, 110] : [0, 0, 0, 0]));
}

function show() {
  const item = state.shown;
  if (!item) return;
  const { answer, picture } = item;
  at("told").hidden = !answer;
  const size = answer?.size ?? (picture && { height: picture.height, width: picture.width });
  at("canvas").setAttribute("aria-label", `${item.name}: ${answer ? summary(answer) : "no result yet"}`);
  if (!size) return view.show({ height: 1, width: 1 }, {});
  if (answer) panels(item);
  layers(item, size);
}

function layers(item, size = item.answer.size) {
  const found = { picture: item.picture };
  if (item.answer) {
    found.classes = colored(item);
    found.sure = item.sure && painted(item.sure, size, (value) => [255 - value, value, 60, 255]);
    found.marked = markedLayer(item);
    found.box = item.marked?.box_xyxy;
  }
  item.layers = found;
  view.show(size, found);
}

function panels(item) {
  const { answer } = item;
  const sure = answer.confidence;
  at("sure").textContent = sure
    ? `How sure: ${sure.score.toFixed(2)}, the mIoU to be expected` : "";
  fillLegend(at("legend"), answer, item.hidden, () => layers(item));
  const marking = (one) => {
    const place = [...at("instances").querySelectorAll("button")].indexOf(document.activeElement);
    item.marked = one;
    fillInstances(at("instances"), answer, one, marking);
    at("instances").querySelectorAll("button")[place]?.focus();
    layers(item);
  };
  fillInstances(at("instances"), answer, item.marked, marking);
  fillStages(at("stages"), answer);
}

/** Class and confidence of the pixel under the pointer. */
function readOut(pixel) {
  const item = state.shown;
  if (!pixel || !item?.answer) return void (at("readout").textContent = "\u00a0");
  const place = pixel.row * item.answer.size.width + pixel.column;
  const entry = item.answer.legend[item.labels[place]];
  const sure = item.sure ? `, ${Math.round(item.sure[place] / 2.55)} % sure` : "";
  at("readout").textContent = `${entry.name}${sure} (x ${pixel.column}, y ${pixel.row})`;
}

function switchAll(on) {
  const item = state.shown;
  item.hidden = new Set(on ? [] : item.answer.legend.keys());
  fillLegend(at("legend"), item.answer, item.hidden, () => layers(item));
  layers(item);
}

function save(blob, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${state.shown.name.replace(/\.[^.]*$/, "")}.${ending}`;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Picture and classes as they are shown, at the picture's size. */
async function overlay(item) {
  const { height, width } = item.answer.size;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (item.picture) context.drawImage(item.picture, 0, 0, width, height);
  context.globalAlpha = view.opacity;
  context.drawImage(item.layers.classes, 0, 0);
  return canvas.convertToBlob();
}

function listen() {
  at("ask").addEventListener("submit", run);
  at("files").addEventListener("change", async (event) => {
    await add([...event.target.files].map((file) => ({ blob: file, name: file.name })));
    event.target.value = "";
  });
  at("clear").addEventListener("click", clear);
  at("offered").addEventListener("change", async ({ target }) => {
    if (target.value === "") return;
    const name = target.selectedOptions[0].text;
    try {
      await add([{ blob: await api.offered(target.value), name }]);
    } catch (refused) {
      say(refused.message, true);
    }
    target.value = "";
  });
  document.querySelectorAll("input[name=kind]").forEach((radio) => {
    radio.addEventListener("change", () => document.querySelectorAll(".kind").forEach((part) => {
      part.hidden = part.dataset.kind !== radio.value;
    }));
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
  addEventListener("dragleave", () => at("drop").classList.remove("over"));
  addEventListener("drop", async (event) => {
    event.preventDefault();
    at("drop").classList.remove("over");
    await add([...event.dataTransfer.files].map((file) => ({ blob: file, name: file.name })));
  });
  at("mode").addEventListener("change", ({ target }) => {
    at("divide-line").hidden = target.value !== "slider";
    view.set({ mode: target.value });
  });
  at("opacity").addEventListener("input", ({ target }) => view.set({ opacity: target.value / 100 }));
  at("divide").addEventListener("input", ({ target }) => view.set({ divide: target.value / 100 }));
  at("in").addEventListener("click", () => view.zoomIn());
  at("out").addEventListener("click", () => view.zoomOut());
  at("fit").addEventListener("click", () => view.fit());
  at("all").addEventListener("click", () => switchAll(true));
  at("none").addEventListener("click", () => switchAll(false));
  at("json").addEventListener("click", () =>
    save(new Blob([JSON.stringify(state.shown.answer, null, 2)]), "json"));
  at("png").addEventListener("click", async () => save(await overlay(state.shown), "png"));
}

listen();
begin();
