// The page: pictures are chosen, classes are named, results are looked at.

import * as api from "./api.js";
import * as jobs from "./jobs.js";
import { layersOf, overlay, summary, take } from "./item.js";
import { at, first, say } from "./page.js";
import { fillStages, hear, nothing } from "./stages.js";
import { fillInstances, fillLegend } from "./told.js";
import { View } from "./view.js";

const state = { about: null, items: [], shown: null, job: null, stopped: false };
const view = new View(at("canvas"), readOut);

async function begin() {
  state.about = await first(api.model);
  if (!state.about) return;
  const { about } = state;
  say("");
  at("about").textContent = `${about.model} on ${about.device}, version ${about.version}`;
  at("auto-line").hidden = !about.auto;
  const own = about.classes.filter((name) => name !== "background");
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
    const item = { blob, name, picture: null, answer: null, stages: null, hidden: new Set() };
    item.said = "";
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
    item.line = document.createElement("small");
    item.bar = document.createElement("progress");
    item.bar.setAttribute("aria-label", `Stages of ${item.name}`);
    button.append(item.name, " ", item.line, item.bar);
    button.setAttribute("aria-current", String(item === state.shown));
    button.addEventListener("click", () => choose(item));
    progress(item);
    const line = document.createElement("li");
    line.append(button);
    return line;
  }));
  at("clear").hidden = !state.items.length;
}

/** Say how far a picture is, in its line. */
function progress(item, said = item.said) {
  const { stages } = item;
  item.said = said;
  item.line.textContent = said;
  item.bar.hidden = !stages || item.answer !== null || stages.failed === true;
  if (stages) Object.assign(item.bar, { max: stages.plan.length, value: stages.ended.size });
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
  const asked = fields();
  busy(true);
  for (const item of state.items) Object.assign(item, { answer: null, stages: null, marked: null });
  show();
  say("Working …");
  for (const part of jobs.parts(state.items, state.about.limits)) await work(part, asked);
  busy(false);
  const failed = state.items.filter((item) => !item.answer).length;
  say(failed ? `${failed} of ${state.items.length} failed, see the list.` : "Done.", failed > 0);
}

/** While pictures are worked on there is "Stop"; the focus goes to it, and comes back. */
function busy(is) {
  const [before, after] = is ? [at("go"), at("stop")] : [at("stop"), at("go")];
  const focused = document.activeElement === before;
  at("go").disabled = at("clear").disabled = is;
  at("stop").hidden = !is;
  if (focused) after.focus();
  state.stopped = false;
}

/** Have pictures segmented by one job, and show what is told of them. */
async function work(items, asked) {
  const left = () => items.filter((item) => !item.answer && !item.stages?.failed);
  const waiting = () => left().forEach((item) => progress(item, "waits for a place"));
  const results = [];
  try {
    if (state.stopped) throw new Error("was stopped");
    const job = await jobs.begin(items, asked, waiting);
    state.job = job.id;
    for (const item of items) {
      item.stages = nothing(job.stages);
      progress(item, "waits");
    }
    await jobs.follow(job, (kind, data) => {
      if (kind === "stage") told(items[data.picture], data);
      if (kind === "picture") results.push(ended(items[data.picture], data));
    });
    await Promise.all(results);
    await jobs.giveUp(job.id);
  } catch (error) {
    await Promise.allSettled(results);
    for (const item of left()) fail(item, error.message);
  }
  state.job = null;
}

function told(item, data) {
  hear(item.stages, data);
  progress(item, data.stage);
  if (item === state.shown) show();
}

async function ended(item, data) {
  if (data.state !== "done") return fail(item, data.detail);
  const answer = await api.told(data.result);
  await take(item, answer);
  progress(item, summary(answer));
  if (item === state.shown) show();
}

function fail(item, said) {
  item.stages = { ...(item.stages ?? nothing([])), failed: true, now: null };
  progress(item, said);
  if (item === state.shown) say(said, true);
}

async function stop() {
  state.stopped = true;
  say("Stopping …");
  if (state.job) await jobs.giveUp(state.job).catch((refused) => say(refused.message, true));
}

function show() {
  const item = state.shown;
  if (!item) return;
  const { answer, picture, stages } = item;
  at("told").hidden = !stages;
  at("found").hidden = !answer;
  if (stages) fillStages(at("stages"), stages);
  const size = answer?.size ?? (picture && { height: picture.height, width: picture.width });
  at("canvas").setAttribute("aria-label", `${item.name}: ${answer ? summary(answer) : stages?.now ?? "no result yet"}`);
  if (!size) return view.show({ height: 1, width: 1 }, {});
  if (answer) panels(item);
  layers(item, size);
}

function layers(item, size = item.answer.size) {
  item.layers = layersOf(item, size, at("boxes").checked);
  view.show(size, item.layers);
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

function listen() {
  at("ask").addEventListener("submit", run);
  at("files").addEventListener("change", async (event) => {
    await add([...event.target.files].map((file) => ({ blob: file, name: file.name })));
    event.target.value = "";
  });
  at("clear").addEventListener("click", clear);
  at("stop").addEventListener("click", stop);
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
  at("boxes").addEventListener("change", show);
  at("divide").addEventListener("input", ({ target }) => view.set({ divide: target.value / 100 }));
  at("in").addEventListener("click", () => view.zoomIn());
  at("out").addEventListener("click", () => view.zoomOut());
  at("fit").addEventListener("click", () => view.fit());
  at("all").addEventListener("click", () => switchAll(true));
  at("none").addEventListener("click", () => switchAll(false));
  at("json").addEventListener("click", () =>
    save(new Blob([JSON.stringify(state.shown.answer, null, 2)]), "json"));
  at("png").addEventListener("click", async () => save(await overlay(state.shown, view.opacity), "png"));
}

listen();
begin();
