// The picture on the canvas: layers, zoom and pan, and what lies under the pointer.

const STEP = 1.25;
const FAR = 64; // device pixels a pixel of the picture has at most

export class View {
  constructor(canvas, hovered) {
    Object.assign(this, { canvas, hovered, scale: 1, x: 0, y: 0, fitted: true });
    Object.assign(this, { size: null, layers: {}, mode: "overlay", opacity: 0.6, divide: 0.5 });
    this.pointers = new Map(); // that are down, by their ids: where they are on the canvas
    this.listen();
    new ResizeObserver(() => this.resize()).observe(canvas);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.draw());
  }

  /**
   * Show layers of a picture, none of them needed: `picture`, `classes`, `sure`, `marked`, `box`;
   * `preview`, masks of any size; `boxes`, each with its `box`, `color` and `points`.
   */
  show(size, layers) {
    const same = this.size && this.size.width === size.width && this.size.height === size.height;
    this.size = size;
    this.layers = layers;
    if (same && !this.fitted) this.draw();
    else this.fit();
  }

  set(changes) {
    const before = this.mode;
    Object.assign(this, changes);
    if (this.mode !== before && "side" in { [before]: 0, [this.mode]: 0 }) this.fit();
    else this.draw();
  }

  get panes() {
    const { width } = this.canvas;
    return this.mode === "side" ? [0, width / 2] : [0];
  }

  get paneWidth() {
    return this.canvas.width / this.panes.length;
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.fitted) this.fit();
    else this.draw();
  }

  fit() {
    this.fitted = true;
    if (this.size) {
      const { width, height } = this.size;
      this.scale = Math.min(this.paneWidth / width, this.canvas.height / height);
      this.x = (this.paneWidth - width * this.scale) / 2;
      this.y = (this.canvas.height - height * this.scale) / 2;
    }
    this.draw();
  }

  /** Zoom by a factor around a point of a pane, by default its middle. */
  zoom(factor, x = this.paneWidth / 2, y = this.canvas.height / 2) {
    if (!this.size) return;
    const fitting = Math.min(
      this.paneWidth / this.size.width, this.canvas.height / this.size.height);
    const scale = Math.min(Math.max(this.scale * factor, fitting / 4), Math.max(FAR, fitting));
    this.x = x - (x - this.x) * (scale / this.scale);
    this.y = y - (y - this.y) * (scale / this.scale);
    this.scale = scale;
    this.fitted = false;
    this.draw();
  }

  pan(x, y) {
    this.x += x;
    this.y += y;
    this.fitted = false;
    this.draw();
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.drawn());
  }

  drawn() {
    const { canvas, mode } = this;
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.size) return;
    if (mode === "side") {
      this.pane(context, 0, this.paneWidth, 0, false);
      this.pane(context, this.paneWidth, this.paneWidth, this.paneWidth, true);
      this.line(context, this.paneWidth);
    } else if (mode === "slider") {
      const at = Math.round(this.divide * canvas.width);
      this.pane(context, 0, at, 0, false);
      this.pane(context, at, canvas.width - at, 0, true);
      this.line(context, at);
    } else {
      this.pane(context, 0, canvas.width, 0, mode !== "picture");
    }
  }

  /** Draw within a strip; the picture begins `offset` to the right of where it is. */
  pane(context, left, width, offset, labelled) {
    const { layers, size, scale } = this;
    context.save();
    context.beginPath();
    context.rect(left, 0, width, this.canvas.height);
    context.clip();
    context.setTransform(scale, 0, 0, scale, this.x + offset, this.y);
    context.imageSmoothingEnabled = scale < 3;
    if (layers.picture) context.drawImage(layers.picture, 0, 0, size.width, size.height);
    if (labelled) this.labelled(context);
    context.restore();
  }

  labelled(context) {
    const { layers, scale } = this;
    context.globalAlpha = this.opacity;
    context.imageSmoothingEnabled = false;
    const { height, width } = this.size;
    if (layers.preview) context.drawImage(layers.preview, 0, 0, width, height);
    const over = this.mode === "confidence" ? layers.sure : layers.classes;
    if (over) context.drawImage(over, 0, 0);
    context.globalAlpha = 1;
    if (layers.marked) context.drawImage(layers.marked, 0, 0);
    const pixel = (devicePixelRatio || 1) / scale;
    for (const { box, color, points } of layers.boxes ?? []) {
      outlined(context, box, color, pixel);
      for (const [x, y, on] of points) dot(context, x, y, on ? color : "#000", pixel);
    }
    if (layers.box) outlined(context, layers.box, "#fff", pixel);
  }

  line(context, at) {
    context.fillStyle = getComputedStyle(this.canvas).getPropertyValue("--accent");
    context.fillRect(at - 1, 0, 3, this.canvas.height);
  }

  /** Where an event is on the canvas, in its pixels, and within its pane. */
  at(event) {
    const frame = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / this.canvas.clientWidth;
    const x = (event.clientX - frame.left - this.canvas.clientLeft) * ratio;
    const y = (event.clientY - frame.top - this.canvas.clientTop) * ratio;
    return { x: x % this.paneWidth, y, across: x };
  }

  tell(event) {
    if (!this.size) return;
    const { x, y } = this.at(event);
    const column = Math.floor((x - this.x) / this.scale);
    const row = Math.floor((y - this.y) / this.scale);
    const within =
      column >= 0 && row >= 0 && column < this.size.width && row < this.size.height;
    this.hovered(within ? { column, row } : null);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => {
      if (!this.size) return;
      event.preventDefault();
      const { x, y } = this.at(event);
      this.zoom(STEP ** Math.sign(-event.deltaY), x, y);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.at(event));
    });
    canvas.addEventListener("lostpointercapture", (event) => {
      this.pointers.delete(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.pointers.has(event.pointerId)) this.drag(event);
      this.tell(event);
    });
    canvas.addEventListener("pointerleave", () => this.hovered(null));
    canvas.addEventListener("dblclick", () => this.fit());
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  /** One pointer moves the picture; two move it, and zoom where they are. */
  drag(event) {
    const before = held(this.pointers);
    this.pointers.set(event.pointerId, this.at(event));
    const after = held(this.pointers);
    this.pan(after.across - before.across, after.y - before.y);
    if (this.pointers.size === 2 && before.apart) {
      this.zoom(after.apart / before.apart, after.across % this.paneWidth, after.y);
    }
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = 40 * (devicePixelRatio || 1);
    const does = {
      "+": () => this.zoom(STEP), "=": () => this.zoom(STEP), "-": () => this.zoom(1 / STEP),
      "0": () => this.fit(),
      ArrowLeft: () => this.pan(far, 0), ArrowRight: () => this.pan(-far, 0),
      ArrowUp: () => this.pan(0, far), ArrowDown: () => this.pan(0, -far),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  }

  zoomIn() { this.zoom(STEP); }

  zoomOut() { this.zoom(1 / STEP); }
}

/** The middle of pointers, and how far two are from each other. */
function held(pointers) {
  const [first, second = first] = pointers.values();
  return {
    across: (first.across + second.across) / 2,
    y: (first.y + second.y) / 2,
    apart: Math.hypot(first.across - second.across, first.y - second.y),
  };
}

/** A box with a dark rim, so that it is seen on any picture. */
export function outlined(context, [x1, y1, x2, y2], color, pixel) {
  for (const [own, wide] of [["#000", 5], [color, 2.5]]) {
    context.strokeStyle = own;
    context.lineWidth = wide * pixel;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }
}

/** A point with a light rim. */
export function dot(context, x, y, color, pixel) {
  context.beginPath();
  context.arc(x, y, 4 * pixel, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.fill();
  context.strokeStyle = "#fff";
  context.lineWidth = 1.5 * pixel;
  context.stroke();
}
