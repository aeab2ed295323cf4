// How a line for Nod itself may go on, in a list above the composer while it is typed. Loaded after nod.js.
"use strict";

const PAUSE_MS = 150;
const COMMAND_LINE = /^(\/nod(-admin)? )(.*)$/; // one line: the dot takes no line end
const DOORS = [
  { line: "/nod ", about: "commands for everybody" },
  { line: "/nod-admin ", about: "commands for admins" },
];

const completion = {
  list: $("completions"),
  shown: [],
  at: -1, // the selected one; -1 = none
  number: 0, // of the latest question: an answer to an earlier one is dropped
  timer: 0,

  get isOpen() {
    return !this.list.hidden;
  },

  // What is shown and still fits stays until the answer comes.
  typed() {
    const line = text.value;
    this.forget();
    const isAtEnd = text.selectionStart === line.length && text.selectionEnd === line.length;
    if (!isAtEnd || !line.startsWith("/") || text.readOnly) this.close();
    else if (COMMAND_LINE.test(line)) {
      this.show(this.shown.filter((one) => one.line.startsWith(line)));
      this.timer = setTimeout(() => this.ask(line), PAUSE_MS);
    } else this.show(DOORS.filter((door) => door.line.startsWith(line)));
  },

  forget() {
    clearTimeout(this.timer);
    this.number += 1;
  },

  async ask(line) {
    const { number } = this;
    const [, door, isAdmin, words] = COMMAND_LINE.exec(line);
    const query = new URLSearchParams({ thread: state.thread, admin: isAdmin ? "1" : "0", words });
    const { completions } = await call("/api/complete?" + query).catch(() => ({ completions: [] }));
    if (number !== this.number) return;
    this.show(completions.map(({ words: all, about }) => ({ line: door + all, about })));
  },

  show(found) {
    const fresh = found.filter((one) => one.line !== text.value);
    if (!fresh.length) { this.hide(); return; }
    this.shown = fresh;
    this.list.replaceChildren(...fresh.map(option));
    this.list.hidden = false;
    text.setAttribute("role", "combobox");
    text.setAttribute("aria-autocomplete", "list");
    text.setAttribute("aria-controls", "completions");
    text.setAttribute("aria-expanded", "true");
    this.select(-1);
  },

  select(at) {
    this.at = at;
    Array.from(this.list.children).forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    if (at < 0) { text.removeAttribute("aria-activedescendant"); return; }
    text.setAttribute("aria-activedescendant", this.list.children[at].id);
    this.list.children[at].scrollIntoView({ block: "nearest" });
  },

  // Beyond either end lies what was typed.
  move(by) {
    const stops = this.shown.length + 1;
    this.select(((this.at + 1 + by + stops) % stops) - 1);
  },

  take(at) {
    text.value = this.shown[at].line;
    text.setSelectionRange(text.value.length, text.value.length);
    text.focus();
    this.hide();
    text.dispatchEvent(new Event("input", { bubbles: true }));
  },

  hide() {
    this.shown = [];
    this.at = -1;
    this.list.hidden = true;
    this.list.replaceChildren();
    for (const name of ["role", "aria-autocomplete", "aria-controls", "aria-expanded", "aria-activedescendant"]) {
      text.removeAttribute(name);
    }
  },

  close() {
    this.forget();
    this.hide();
  },

  // Did this key mean the list?
  press(key) {
    switch (key) {
      case "ArrowDown": this.move(1); return true;
      case "ArrowUp": this.move(-1); return true;
      case "Tab": this.take(Math.max(this.at, 0)); return true;
      case "Escape": this.close(); return true;
      case "Enter": if (this.at < 0) { this.close(); return false; } this.take(this.at); return true;
      default: return false;
    }
  },
};

function option(one, index) {
  const item = element("li", "completion");
  item.id = "completion-" + index;
  item.setAttribute("role", "option");
  item.append(element("code", "", one.line.trimEnd()));
  if (one.about) item.append(" ", element("span", "quiet", one.about));
  return item;
}

text.addEventListener("input", () => completion.typed());
text.addEventListener("blur", () => completion.close());

// Before the composer hears of it: there Enter sends.
$("composer").addEventListener("keydown", (event) => {
  if (event.target !== text || !completion.isOpen || event.isComposing) return;
  if (event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
  if (!completion.press(event.key)) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

completion.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the composer keeps the focus
completion.list.addEventListener("click", (event) => {
  const item = event.target.closest(".completion");
  if (item) completion.take(Array.from(completion.list.children).indexOf(item));
});
