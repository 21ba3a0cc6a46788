// A picture with two label maps: A, B and what differs, side by side or one of them.

import { View } from "./view.js";

export const PANES = { three: ["a", "b", "differing"], a: ["a"], b: ["b"], differing: ["differing"] };

export class ComparedView extends View {
  get shownLayers() {
    return PANES[this.mode] ?? PANES.three;
  }

  get panes() {
    return this.shownLayers.map((_, place) => (place * this.canvas.width) / this.shownLayers.length);
  }

  set(changes) {
    const before = this.panes.length;
    Object.assign(this, changes);
    if (this.panes.length === before) this.draw();
    else this.fit();
  }

  drawn() {
    const { canvas } = this;
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.size) return;
    this.shownLayers.forEach((name, place) => {
      const left = this.panes[place];
      this.over = this.layers[name];
      this.pane(context, left, this.paneWidth, left, true);
      if (place) this.line(context, Math.round(left));
    });
  }

  labelled(context) {
    if (!this.over) return;
    context.globalAlpha = this.opacity;
    context.imageSmoothingEnabled = false;
    context.drawImage(this.over, 0, 0);
    context.globalAlpha = 1;
  }
}
