// What every page does: keys, the help, lists to walk through, and what the server answers to htmx.

const typing = (element) => element?.matches?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const letters = () => localStorage.getItem("single-keys") !== "off";

const commands = new Map();

/** Have a key run a command; `g s` is g, then s. Letters wait while somebody types. */
export function key(name, run) {
  commands.set(name, run);
}

/** Tell screen readers and eyes what was done. */
export function say(text, kind = "") {
  const notice = document.createElement("div");
  notice.className = `notice ${kind}`;
  const line = document.createElement("p");
  line.textContent = text;
  notice.append(line);
  document.getElementById("said").replaceChildren(notice);
}

/** Send something by htmx and resolve when what was answered is on the page. */
export function send(method, path, values, source, target = "#said", swap = "innerHTML") {
  return window.htmx.ajax(method, path, {
    values, source, target, swap, headers: { "X-CSRF-Token": document.body.dataset.csrf },
  });
}

let pending = "";
let forget = 0;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const open = document.querySelector("dialog[open]");
  if (open && event.key !== "?") return;
  if (event.key === "Escape") {
    const menu = document.activeElement?.closest("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (typing(document.activeElement) && !commands.has("Escape")) document.activeElement.blur();
    else if (!typing(document.activeElement)) document.getElementById("said").replaceChildren();
    return;
  }
  if (typing(event.target)) return;
  const single = event.key.length === 1;
  if (single && !letters()) return;
  const name = pending ? `${pending} ${event.key}` : event.key;
  pending = "";
  clearTimeout(forget);
  if (event.key === "g" && name === "g") {
    pending = "g";
    forget = setTimeout(() => { pending = ""; }, 1500);
    event.preventDefault();
    return;
  }
  const run = commands.get(name);
  if (run && run(event) !== false) event.preventDefault();
});

const help = document.getElementById("help");
key("?", () => (help?.open ? help.close() : help?.showModal()));
key("/", () => {
  const field = document.querySelector("input[type=search]");
  if (!field) location.assign("/search");
  else { field.focus(); field.select(); }
});
for (const link of document.querySelectorAll("a[data-go]")) {
  key(`g ${link.dataset.go}`, () => location.assign(link.href));
}

const box = document.getElementById("single-keys");
if (box) {
  box.checked = letters();
  box.addEventListener("change", () => localStorage.setItem("single-keys", box.checked ? "on" : "off"));
}

document.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-press]")?.dataset.press;
  if (pressed === "help") help.showModal();
  if (pressed === "close") event.target.closest("dialog")?.close();
  if (pressed === "hush") document.getElementById("said").replaceChildren();
  const menu = event.target.closest("details.menu");
  for (const other of document.querySelectorAll("details.menu[open]")) if (other !== menu) other.open = false;
});

// Lists that are walked through: j and k, or the arrows once inside.
function walk(by) {
  const items = [...document.querySelectorAll("[data-walk] a[data-item], tr[data-item] a")];
  if (!items.length) return false;
  const at = items.indexOf(document.activeElement);
  const next = items[at < 0 ? (by > 0 ? 0 : items.length - 1) : Math.min(items.length - 1, Math.max(0, at + by))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}
key("j", () => walk(1));
key("k", () => walk(-1));
const inside = () => document.activeElement?.matches("[data-item], [data-item] a");
key("ArrowDown", () => (inside() ? walk(1) : false));
key("ArrowUp", () => (inside() ? walk(-1) : false));

// The undo of what was just done, wherever that was.
key("u", () => {
  const undo = document.querySelector("#said [data-undo], [data-undo]");
  if (!undo) return false;
  undo.click();
  return true;
});

// Questions that come as dialogs are asked at once.
document.addEventListener("htmx:after:swap", () => {
  const asked = document.querySelector("#asked dialog:not([open])");
  if (asked && !asked.dataset.asked) {
    asked.dataset.asked = "yes";
    asked.showModal();
  }
});
document.addEventListener("htmx:error", () => say("The server did not answer. What you typed is not saved; try again.", "bad"));

for (const field of document.querySelectorAll("select[data-submit]")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}
