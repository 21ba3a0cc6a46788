// What a result says, beside its picture: legend, instances, stages.

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

function element(kind, text = "", children = []) {
  const made = document.createElement(kind);
  made.textContent = text;
  made.append(...children);
  return made;
}

/** A legend whose boxes switch classes on and off; `hidden` is a set of places. */
export function fillLegend(list, answer, hidden, changed) {
  list.replaceChildren(...answer.legend.map((entry, place) => {
    const box = element("input");
    box.type = "checkbox";
    box.checked = !hidden.has(place);
    box.addEventListener("change", () => {
      if (box.checked) hidden.delete(place);
      else hidden.add(place);
      changed();
    });
    const swatch = element("canvas");
    swatch.width = swatch.height = 1;
    const context = swatch.getContext("2d");
    context.fillStyle = entry.color;
    context.fillRect(0, 0, 1, 1);
    const parts = [box, swatch, element("span", entry.name), element("small", percent(entry.share))];
    return element("li", "", [element("label", "", parts)]);
  }));
}

/** A list of what was found; pressing one marks it. */
export function fillInstances(list, answer, marked, mark) {
  const found = answer.detections.filter((one) => one.class !== null);
  if (!found.length) list.replaceChildren(element("li", "none"));
  else list.replaceChildren(...found.map((one) => {
    const area = one.area === undefined ? "" : `, ${one.area} pixels`;
    const said = element("small", ` ${one.score.toFixed(2)}${area}`);
    const button = element("button", one.class, [said]);
    button.type = "button";
    button.setAttribute("aria-pressed", String(one === marked));
    button.addEventListener("click", () => mark(one === marked ? null : one));
    return element("li", "", [button]);
  }));
}

/** What each stage said, in order. */
export function fillStages(list, answer) {
  const scored = (name, score) => (score === undefined ? name : `${name} ${score.toFixed(2)}`);
  const lines = [
    ["tags", answer.tags.map((tag) => scored(tag.name, tag.score)).join(", ")],
    ["caption", answer.caption],
    ...answer.exchanges.map((one) => [`asked (${one.purpose})`, reply(one)]),
    ["looked for", answer.prompts.map((own) => scored(own.prompt, own.presence)).join(", ")],
    ["boxes", answer.detections.map(boxed).join("\n")],
    ["seconds", Object.entries(answer.seconds).map(([stage, s]) => `${stage} ${s.toFixed(2)}`)
      .join(", ")],
  ];
  list.replaceChildren(...lines.filter(([, text]) => text).flatMap(
    ([title, text]) => [element("dt", title), element("dd", text)]));
}

const reply = (exchange) => exchange.reply || exchange.refused || "no answer";

function boxed(one) {
  const as = one.class === null ? "none of the classes" : one.class;
  return `${one.phrase} ${one.score.toFixed(2)}${as === one.phrase ? "" : ` → ${as}`}`;
}
