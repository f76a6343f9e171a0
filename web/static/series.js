// A series: points are gone through by arrows, and each shows its ink.

import { key, send } from "./app.js";

const points = [...document.querySelectorAll(".chart a[data-place]")];
const here = () => document.activeElement?.closest?.(".chart a[data-place]");

function go(point) {
  if (!point) return false;
  for (const other of points) other.setAttribute("tabindex", "-1");
  point.setAttribute("tabindex", "0");
  point.focus();
  return true;
}

const look = (point) => send("GET", point.dataset.place, {}, document.getElementById("detail"), "#detail");
const step = (by) => (here() ? go(points[points.indexOf(here()) + by]) || true : false);
const flagged = (by) => {
  const at = points.indexOf(here());
  const marked = points.filter((point) => point.querySelector(".flag"));
  return go(by > 0 ? marked.find((point) => points.indexOf(point) > at) ?? marked[0] : marked.findLast((point) => points.indexOf(point) < at) ?? marked.at(-1));
};

key("ArrowRight", () => step(1));
key("ArrowLeft", () => step(-1));
key("n", () => flagged(1));
key("p", () => flagged(-1));
key("o", () => { if (here()) location.assign(here().getAttribute("href")); });

document.addEventListener("click", (event) => {
  const point = event.target.closest(".chart a[data-place]");
  if (!point || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(point);
  look(point);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && here()) {
    event.preventDefault();
    look(here());
  }
});
