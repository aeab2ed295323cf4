// What goes along with a message: chosen, pasted or dropped, shown as chips until it is sent. Loaded after nod.js.
"use strict";

const THUMB_PX = 72;

const attachments = {
  byThread: new Map(),
  isBusy: false,
  ready: Promise.resolve(), // what was added last is read and shown

  of(thread) {
    return this.byThread.get(thread) || [];
  },

  form(message, files) {
    const form = new FormData();
    for (const [name, value] of Object.entries(message)) form.append(name, value);
    for (const { name, data } of files) form.append("file", data, name);
    return form;
  },

  clear(thread) {
    this.byThread.delete(thread);
    if (thread === state.thread) this.show();
  },

  setBusy(isBusy) {
    this.isBusy = isBusy;
    $("attach").disabled = isBusy;
    $("attached").querySelectorAll("button").forEach((button) => { button.disabled = isBusy; });
  },

  show() {
    const files = this.of(state.thread);
    $("attached").replaceChildren(...files.map((one) => chip(one)));
    $("attached").hidden = files.length === 0;
  },

  add(files) {
    const { thread } = state;
    const list = Array.from(files);
    $("composer-error").textContent = "";
    this.ready = this.ready.then(async () => {
      for (const file of list) {
        const problem = await this.take(thread, file);
        if (problem) $("composer-error").textContent = problem;
      }
      this.show();
    });
  },

  // The bytes are read at once: a file that changes or goes away later is sent as it was when it was chosen.
  async take(thread, file) {
    const { most, bytes, caps } = $("files").dataset;
    const name = file.name || "attachment";
    if (this.of(thread).length >= most) return `That is too much at once. ${caps}`;
    if (file.size > bytes) return `${name} is too large. ${caps}`;
    const data = await file.arrayBuffer().catch(() => null);
    if (!data) return `${name} cannot be read.`;
    if (!data.byteLength) return `${name} is empty.`;
    const one = { id: randomId(), name, data: new Blob([data]) };
    one.picture = await picture(one.data);
    this.byThread.set(thread, [...this.of(thread), one]);
    announce(`${name} attached.`);
    return "";
  },

  remove(one) {
    this.byThread.set(state.thread, this.of(state.thread).filter((other) => other !== one));
    $("composer-error").textContent = "";
    this.show();
    announce(`${one.name} removed.`);
    ($("attached").querySelector("button") || $("attach")).focus();
  },
};

// Drawn, not loaded: the page's policy lets no image in that is not its own. Null for what is no image.
async function picture(data) {
  try {
    const bitmap = await createImageBitmap(data);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = THUMB_PX;
    const side = Math.min(bitmap.width, bitmap.height);
    const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
    canvas.getContext("2d").drawImage(bitmap, left, top, side, side, 0, 0, THUMB_PX, THUMB_PX);
    bitmap.close();
    canvas.className = "chip-picture";
    canvas.setAttribute("aria-hidden", "true");
    return canvas;
  } catch {
    return null;
  }
}

function chip(one) {
  const item = element("li", "chip");
  const name = element("span", "chip-name", one.name);
  name.dir = "auto";
  name.title = one.name;
  const remove = element("button", "chip-remove", "×");
  remove.type = "button";
  remove.disabled = attachments.isBusy;
  remove.setAttribute("aria-label", `Remove ${one.name}`);
  remove.addEventListener("click", () => attachments.remove(one));
  if (one.picture) item.append(one.picture);
  item.append(name, remove);
  return item;
}

$("attach").addEventListener("click", () => $("files").click());
$("files").addEventListener("change", () => {
  attachments.add($("files").files);
  $("files").value = ""; // so that the same file can be chosen again
  text.focus();
});

// A table that is copied from a sheet comes as text and as a picture of it: then the text is meant.
text.addEventListener("paste", (event) => {
  const { files, types } = event.clipboardData;
  if (!files.length || types.includes("text/plain") || attachments.isBusy) return;
  event.preventDefault();
  attachments.add(files);
});

const conversation = document.querySelector(".main");
const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");

// A file that misses the conversation must not take the page's place.
document.addEventListener("dragover", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  const isOver = conversation.contains(event.target) && !attachments.isBusy;
  event.dataTransfer.dropEffect = isOver ? "copy" : "none";
  conversation.classList.toggle("is-dropping", isOver);
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) conversation.classList.remove("is-dropping");
});
document.addEventListener("drop", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  conversation.classList.remove("is-dropping");
  if (!conversation.contains(event.target) || attachments.isBusy) return;
  attachments.add(event.dataTransfer.files);
  text.focus();
});
