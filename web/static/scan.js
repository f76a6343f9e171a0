// A scan that can be zoomed into without end, with places drawn on it.

const SVG = "http://www.w3.org/2000/svg";

// OpenSeadragon would write a style into the page, which the content security policy forbids; it
// leaves that out where it finds one by this name, be it no style at all.
const written = document.createElementNS("urn:none", "style");
written.setAttribute("data-openseadragon-mobile-css", "");
document.head.append(written);

export class Scan {
  /** Where the pointer is on the page, in its pixels; what was clicked. */
  onPoint = () => {};
  onChoose = () => {};

  #viewer;
  #glass;
  #width;
  #height;
  #wanted = null;

  constructor(element, page, width, height) {
    this.#width = width;
    this.#height = height;
    this.#glass = element.querySelector(".glass");
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#viewer = window.OpenSeadragon({
      element,
      tileSources: `/iiif/image/${page}/info.json`,
      drawer: "canvas",
      showNavigationControl: false,
      keyboardShortcutsEnabled: false,
      tabIndex: -1,
      animationTime: still ? 0 : 0.35,
      maxZoomPixelRatio: 6,
      visibilityRatio: 0.4,
      minZoomImageRatio: 0.7,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsTouch: { clickToZoom: false },
    });
    this.#viewer.addHandler("update-viewport", () => this.#place());
    this.#viewer.addHandler("open", () => {
      this.#place();
      const run = this.#wanted;
      this.#wanted = null;
      run?.();
    });
    this.#viewer.addHandler("canvas-click", (event) => {
      if (!event.quick) return;
      const at = this.#pixels(event.position);
      this.onChoose(at.x, at.y);
    });
    new window.OpenSeadragon.MouseTracker({
      element: this.#viewer.canvas,
      moveHandler: (event) => {
        if (!this.#viewer.isOpen()) return;
        const at = this.#pixels(event.position);
        this.onPoint(at.x, at.y);
      },
    });
  }

  /** Draw a place, and the cells that it adds up with. */
  show(polygon, others) {
    const shapes = [...others, ...(polygon ? [{ kind: "", polygon }] : [])];
    this.#glass.replaceChildren(...shapes.map((shape) => {
      const drawn = document.createElementNS(SVG, "polygon");
      if (shape.kind) drawn.setAttribute("class", shape.kind);
      drawn.setAttribute("points", shape.polygon.join(" "));
      return drawn;
    }));
  }

  /** Move the scan so that a place can be seen, no more than needed. */
  follow(polygon) {
    this.#when(() => {
      const view = this.#viewer.viewport;
      const place = this.#bounds(polygon);
      const seen = view.getBounds();
      const inside = place.x >= seen.x && place.y >= seen.y
        && place.x + place.width <= seen.x + seen.width && place.y + place.height <= seen.y + seen.height;
      if (!inside) view.panTo(place.getCenter());
    });
  }

  /** Move and zoom so that a place is read with ease, what is around it in view. */
  zoomTo(polygon) {
    this.#when(() => {
      const view = this.#viewer.viewport;
      const place = this.#bounds(polygon);
      const width = Math.min(1, Math.max(place.width * 4, place.height * 14));
      const height = width / view.getAspectRatio();
      const centre = place.getCenter();
      const frame = new window.OpenSeadragon.Rect(centre.x - width / 2, centre.y - height / 2, width, height);
      view.fitBounds(frame);
      view.applyConstraints();
    });
  }

  zoom(by) {
    this.#when(() => { this.#viewer.viewport.zoomBy(by); this.#viewer.viewport.applyConstraints(); });
  }

  whole() {
    this.#when(() => this.#viewer.viewport.goHome());
  }

  #when(run) {
    if (this.#viewer.isOpen()) run();
    else this.#wanted = run;
  }

  #bounds(polygon) {
    const xs = polygon.filter((_, i) => i % 2 === 0);
    const ys = polygon.filter((_, i) => i % 2 === 1);
    const left = Math.min(...xs);
    const top = Math.min(...ys);
    return new window.OpenSeadragon.Rect(
      left / this.#width, top / this.#width,
      (Math.max(...xs) - left) / this.#width, (Math.max(...ys) - top) / this.#width,
    );
  }

  #pixels(position) {
    const at = this.#viewer.viewport.pointFromPixel(position);
    return { x: at.x * this.#width, y: at.y * this.#width };
  }

  /** Lay the glass on the scan: its user units are page pixels. */
  #place() {
    if (!this.#viewer.isOpen()) return;
    const seen = this.#viewer.viewport.getBounds(true);
    const { x, y, width, height } = seen;
    this.#glass.setAttribute("viewBox", [x, y, width, height].map((v) => v * this.#width).join(" "));
  }
}
