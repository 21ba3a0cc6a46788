// What a result says, beside its picture: legend and instances.

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

export function element(kind, text = "", children = []) {
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
