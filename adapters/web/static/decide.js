// What a person does with a card: approves it, once or for longer, edits its arguments, denies it. Loaded after nod.js.
"use strict";

log.addEventListener("click", (event) => {
  const button = event.target.closest(".card button");
  if (!button) return;
  const card = button.closest(".card");
  if (button.dataset.verb) decide(card, { verb: button.dataset.verb });
  else if (button.dataset.offer && !isSecondClick(event)) {
    decide(card, { verb: "approve", ...JSON.parse(button.dataset.offer) });
  }
  else if (button.dataset.arguments !== undefined) editing.open(card, button.dataset.arguments);
  else if (button.hasAttribute("aria-haspopup")) toggleOffers(button, button.getAttribute("aria-expanded") !== "true");
});

log.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches(".card-reason")) event.preventDefault();
});

async function decide(card, click) {
  const { approval } = card.dataset;
  const reason = card.querySelector(".card-reason").value;
  const controls = card.querySelectorAll("button, .card-reason");
  controls.forEach((control) => { control.disabled = true; });
  card.querySelector(".card-error").textContent = "";
  let problem = "";
  try {
    await press(card, { ...click, reason });
  } catch (error) {
    problem = error.message;
  }
  controls.forEach((control) => { control.disabled = false; });
  const shown = $("card-" + approval);
  if (shown) shown.querySelector(".card-error").textContent = problem;
  refreshSoon();
}

// Draws the card as the answer says it is now; gives the answer, throws the refusal.
async function press(card, click) {
  try {
    const said = await call("/api/approvals/" + encodeURIComponent(card.dataset.approval), click);
    if (said.fragment && isNews(card, said.fragment)) apply(said.fragment, true);
    return said;
  } catch (error) {
    if (error.said?.fragment) apply(error.said.fragment, false);
    throw error;
  }
}

// The stream may have been faster than the answer to the click: then its card is the newer one.
function isNews(card, fragment) {
  if (fragment.id !== card.id) return !$(fragment.id);
  return card.isConnected && card.dataset.state === "pending";
}

// --- for longer ---------------------------------------------------------------------------------------------------

const DOUBLE_MS = 300;
let openedMs = 0;

// The second click of a double one lands where the page has moved to: nothing is granted by it.
function isSecondClick(event) {
  return event.detail > 0 && performance.now() - openedMs < DOUBLE_MS;
}

function toggleOffers(button, isOpen) {
  const menu = $(button.getAttribute("aria-controls"));
  button.setAttribute("aria-expanded", String(isOpen));
  menu.hidden = !isOpen;
  if (!isOpen) return;
  openedMs = performance.now();
  menu.firstElementChild.focus();
  menu.scrollIntoView({ block: "nearest" });
}

function closeOffers(menu) {
  const button = $(menu.getAttribute("aria-labelledby"));
  toggleOffers(button, false);
  return button;
}

log.addEventListener("keydown", (event) => {
  const menu = event.target.closest(".card-offers");
  if (!menu) {
    if (event.key !== "ArrowDown" || !event.target.matches(".button-longer")) return;
    event.preventDefault();
    toggleOffers(event.target, true);
    return;
  }
  const items = Array.from(menu.children);
  const at = items.indexOf(event.target);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
  if (next !== undefined) items[next % items.length].focus();
  else if (event.key === "Escape") closeOffers(menu).focus();
  else if (event.key === "Tab") { closeOffers(menu).focus(); return; } // and on from there
  else return;
  event.preventDefault();
});

document.addEventListener("pointerdown", (event) => {
  if (event.target.closest(".card-offers, .button-longer")) return;
  document.querySelectorAll(".card-offers:not([hidden])").forEach(closeOffers);
});

// --- other arguments ----------------------------------------------------------------------------------------------

const editing = {
  dialog: $("edit"),
  area: $("edit-text"),
  card: null,

  open(card, argumentsText) {
    this.card = card;
    $("edit-tool").textContent = card.querySelector(".card-tool").textContent;
    this.area.value = argumentsText;
    this.say("");
    this.dialog.showModal();
    this.area.focus();
    this.area.setSelectionRange(0, 0);
    this.area.scrollTop = 0;
  },

  say(sentence) {
    $("edit-error").textContent = sentence;
    this.area.setAttribute("aria-invalid", String(Boolean(sentence)));
  },

  setBusy(isBusy) {
    $("edit-save").disabled = isBusy;
    this.area.readOnly = isBusy;
  },

  async save() {
    const { card } = this;
    const words = this.area.value;
    const problem = problemOf(words);
    this.say(problem);
    if (problem) { this.area.focus(); return; }
    this.setBusy(true);
    try {
      const { message, fragment } = await press(card, { verb: "edit", arguments: words });
      this.dialog.close();
      $(fragment ? fragment.id : card.id)?.focus();
      announce(message);
    } catch (error) {
      if (this.dialog.open) this.say(error.message);
      else this.sayOnCard(card.id, error.message);
    }
    this.setBusy(false);
    refreshSoon();
  },

  // Closed before the answer came: the card is where it is read then.
  sayOnCard(id, sentence) {
    const line = $(id)?.querySelector(".card-error");
    if (line) line.textContent = sentence;
  },
};

// Why this cannot be the arguments of a call; "" where it can.
function problemOf(words) {
  try {
    const parsed = JSON.parse(words);
    const isObject = parsed !== null && typeof parsed === "object" && !Array.isArray(parsed);
    return isObject ? "" : "Arguments are one JSON object, in braces: {…}";
  } catch (error) {
    return `This is not JSON yet: ${error.message}`;
  }
}

$("edit-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!$("edit-save").disabled) editing.save();
});
$("edit-cancel").addEventListener("click", () => editing.dialog.close());
editing.area.addEventListener("input", () => editing.say(""));
editing.area.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("edit-form").requestSubmit();
});
