// The page's script: it sends what a person does, and puts the fragments the server has drawn in their places.
"use strict";

const $ = (id) => document.getElementById(id);
const facts = document.body.dataset;
const csrf = document.querySelector("meta[name=csrf]").content;
const log = $("log");
const scroller = $("scroll");
const text = $("text");

const EDGE_PX = 80; // so near to the end counts as reading along
const HIDDEN_S = 30; // a page in the background gives its connection back: browsers allow six per server
const POLL_S = 60;

const state = {
  thread: facts.thread,
  isNew: facts.new === "yes",
  stream: null,
  waiting: null, // fragments that arrive while the transcript is being loaded
  retryMs: 500,
  retryTimer: 0,
  hiddenTimer: 0,
  unread: new Set(),
  mine: null, // approval ids this person may decide; null while unknown
  focusCard: "",
  attempt: null, // what was sent last without an answer: sent again it keeps its id
};

// --- talking to the server ---------------------------------------------------------------------------------------

async function call(path, body) {
  const isForm = body instanceof FormData; // the browser names its type itself, with the boundary
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "X-CSRF-Token": csrf, ...(isForm ? {} : { "Content-Type": "application/json" }) },
    body: isForm ? body : JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw Object.assign(new Error("Nod cannot be reached at the moment. Please try again."), { isLost: true });
  }
  const said = await response.json().catch(() => ({}));
  if (response.ok) return said;
  if (said.code === "session") location.reload();
  const sentence = said.error || "Something went wrong. Please try again.";
  throw Object.assign(new Error(sentence), { said, status: response.status, isLost: response.status >= 500 });
}

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// When it has been quiet for `ms`, and after `most` at the latest: a busy channel must not put it off for ever.
function debounced(work, ms, most) {
  let timer = 0;
  let since = 0;
  return () => {
    since ||= Date.now();
    clearTimeout(timer);
    timer = setTimeout(() => { since = 0; work(); }, Math.max(0, Math.min(ms, since + most - Date.now())));
  };
}

// --- fragments ---------------------------------------------------------------------------------------------------------

function section(run) {
  const id = "run-" + run;
  let found = $(id);
  if (!found) {
    found = document.createElement("section");
    found.className = "run";
    found.id = id;
    log.append(found);
  }
  return found;
}

function apply(fragment, isLive) {
  const wasAtEnd = isAtEnd();
  const run = section(fragment.run);
  if (fragment.status) {
    run.dataset.status = fragment.status;
    if (!["running", "queued"].includes(fragment.status)) $("draft-" + fragment.run)?.remove();
  }
  const replaced = fragment.replaces ? $(fragment.replaces) : null;
  const old = $(fragment.id);
  const holder = document.createElement("template");
  holder.innerHTML = fragment.html;
  const fresh = holder.content.firstElementChild;
  if (!fresh) old?.remove();
  else if (old && fragment.id.startsWith("answer-")) { old.remove(); place(run, fresh, fragment); }
  else if (old) swap(old, fresh);
  else if (replaced) replaced.replaceWith(fresh);
  else place(run, fresh, fragment);
  if (fresh) {
    replaced?.remove();
    wordTimes(fresh);
    if (!isLive) markCard(fresh);
  }
  if (isLive && fragment.says) announce(fragment.says);
  if (isLive && fresh) follow(fresh, wasAtEnd, fragment);
  showState();
}

// Drafts come after what has happened, and the run's state after everything.
function place(run, fresh, fragment) {
  const status = $("status-" + fragment.run);
  const draft = $("draft-" + fragment.run);
  if (fragment.id.startsWith("status-")) run.append(fresh);
  else if (fragment.id.startsWith("said-")) run.prepend(fresh);
  else if (draft && !fragment.id.startsWith("draft-")) draft.before(fresh);
  else if (status) status.before(fresh);
  else run.append(fresh);
}

// A card that is drawn again keeps what the person was typing into it.
function swap(old, fresh) {
  const before = old.querySelector(".card-reason");
  const after = fresh.querySelector(".card-reason");
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  if (before && after) after.value = before.value;
  fresh.classList.toggle("is-for-others", old.classList.contains("is-for-others"));
  old.replaceWith(fresh);
  if (focused) (focused === old ? fresh : after || fresh).focus({ preventScroll: true });
}

function isAtEnd() {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < EDGE_PX;
}

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
  $("jump").hidden = true;
}

// Keep the end in view for those who are there; tell the others.
function follow(fresh, wasAtEnd, fragment) {
  const isLast = fresh.closest(".run") === log.querySelector(":scope > .run:last-of-type");
  const isMine = fragment.id.startsWith("said-") && fresh.dataset.person === "web:" + facts.person;
  if ((wasAtEnd && isLast) || isMine) { toEnd(); return; }
  const box = fresh.getBoundingClientRect();
  const view = scroller.getBoundingClientRect();
  const isOutside = box.bottom < view.top || box.top > view.bottom;
  if (isOutside && /^(answer|card|notice|said)-/.test(fragment.id)) {
    $("jump").hidden = false;
    $("jump").dataset.to = fragment.id;
  }
}

function announce(sentence) {
  const line = document.createElement("p");
  line.textContent = sentence;
  $("announcer").append(line);
  setTimeout(() => line.remove(), 10000);
}

function showState() {
  const isEmpty = !log.firstElementChild;
  $("empty").hidden = !isEmpty;
  log.hidden = isEmpty;
  $("stop").hidden = !log.querySelector('.run[data-status="running"], .run[data-status="queued"]');
}

// --- times ----------------------------------------------------------------------------------------------------------------

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });

function wordMoment(at) {
  return at.toDateString() === new Date().toDateString() ? clock.format(at) : day.format(at);
}

function wordUntil(at) {
  const minutes = Math.round((at - Date.now()) / 60000);
  if (minutes < 0) return "now";
  if (minutes < 1) return "in less than a minute";
  if (minutes < 90) return `in ${minutes} min`;
  if (minutes < 48 * 60) return `in ${Math.round(minutes / 60)} hours`;
  return `in ${Math.round(minutes / 1440)} days`;
}

function wordTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    time.title = at.toLocaleString();
    time.textContent = time.dataset.kind === "until" ? `${wordUntil(at)} (${wordMoment(at)})` : wordMoment(at);
  }
}

setInterval(() => wordTimes(document), 30000);

// --- the stream -------------------------------------------------------------------------------------------------------------

function connect() {
  disconnect();
  const stream = new EventSource("/api/events?thread=" + encodeURIComponent(state.thread));
  state.stream = stream;
  stream.addEventListener("hello", (event) => {
    if (JSON.parse(event.data).version !== facts.version) { keepDraft(); location.reload(); return; }
    state.retryMs = 500;
    loadThread();
    refreshSoon();
  });
  stream.addEventListener("fragment", (event) => {
    const fragment = JSON.parse(event.data);
    if (state.waiting) state.waiting.push(fragment);
    else apply(fragment, true);
  });
  stream.addEventListener("changed", (event) => {
    const { thread } = JSON.parse(event.data);
    if (thread !== state.thread) state.unread.add(thread);
    refreshSoon();
  });
  stream.addEventListener("reload", () => reconnectIn(50));
  stream.addEventListener("bye", lost);
  stream.onerror = lost;
}

function disconnect() {
  clearTimeout(state.retryTimer);
  state.stream?.close();
  state.stream = null;
}

function lost() {
  showConnection("Connection lost. Reconnecting…");
  reconnectIn(state.retryMs);
  state.retryMs = Math.min(state.retryMs * 1.7, 5000);
}

function reconnectIn(ms) {
  disconnect();
  state.retryTimer = setTimeout(connect, ms);
}

function showConnection(sentence) {
  $("connection").textContent = sentence;
  $("connection").hidden = !sentence;
}

async function loadThread() {
  const thread = state.thread;
  state.waiting = [];
  try {
    const [{ fragments }] = await Promise.all([
      call("/api/thread?thread=" + encodeURIComponent(thread)),
      refreshPending(), // so that each card is drawn with what this person may do with it
    ]);
    if (thread !== state.thread) return;
    const typed = new Map(Array.from(log.querySelectorAll(".card-reason"), (input) => [input.id, input.value]));
    const wasAtEnd = isAtEnd() || !log.firstElementChild;
    const own = log.querySelectorAll(".private"); // stored nowhere: they stay as long as the page
    log.replaceChildren();
    for (const fragment of fragments) apply(fragment, false);
    log.append(...own);
    for (const [id, value] of typed) if ($(id)) $(id).value = value;
    for (const fragment of state.waiting) apply(fragment, true);
    showConnection("");
    showState();
    if (state.focusCard) showCard(state.focusCard);
    else if (!fragments.length) scroller.scrollTop = 0;
    else if (wasAtEnd) toEnd();
  } catch (error) {
    if (thread !== state.thread) return;
    showConnection(error.isLost ? "Connection lost. Reconnecting…" : error.message);
    if (error.isLost) lost();
  } finally {
    if (thread === state.thread) state.waiting = null;
  }
}

addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
document.addEventListener("visibilitychange", () => {
  clearTimeout(state.hiddenTimer);
  if (document.hidden) state.hiddenTimer = setTimeout(disconnect, HIDDEN_S * 1000);
  else if (!state.stream) connect();
});

setInterval(() => {
  if (document.hidden && !state.stream) refreshPending().catch(() => {});
}, POLL_S * 1000);

// --- the lists --------------------------------------------------------------------------------------------------------------

async function refreshLists() {
  try {
    await Promise.all([refreshThreads(), refreshPending()]);
  } catch {
    // The stream notices a lost connection and says so; the lists are loaded again when it is back.
  }
}

const refreshSoon = debounced(refreshLists, 200, 1000);

// What has been said has an address of its own: a reload, or a restart of Nod, comes back to it.
function nameThread() {
  if (location.pathname === "/") history.replaceState({ thread: state.thread }, "", "/t/" + state.thread);
}

async function refreshThreads() {
  const { threads } = await call("/api/threads");
  state.unread.delete(state.thread);
  $("threads").replaceChildren(...threads.map(threadRow));
  $("no-threads").hidden = threads.length > 0;
  const current = threads.find((thread) => thread.thread === state.thread);
  if (current) {
    state.isNew = false;
    nameThread();
  }
  $("thread-title").textContent = current ? current.title : state.isNew ? "New thread" : "Thread";
}

function element(tag, className, words) {
  const made = document.createElement(tag);
  made.className = className;
  if (words !== undefined) made.textContent = words;
  return made;
}

function threadRow(thread) {
  const row = element("a", "row");
  row.href = "/t/" + thread.thread;
  row.dataset.thread = thread.thread;
  const title = element("span", "row-title");
  const words = element("span", "", thread.title || "Untitled");
  words.dir = "auto";
  title.append(words);
  if (thread.is_waiting) title.append(element("span", "row-waits", "waiting"));
  if (state.unread.has(thread.thread)) {
    row.classList.add("is-unread");
    const dot = element("span", "row-new");
    dot.append(element("span", "hidden", "new"));
    title.append(dot);
  }
  row.append(title, element("span", "row-sub", wordMoment(new Date(thread.updated_ms))));
  if (thread.thread === state.thread) row.setAttribute("aria-current", "page");
  const item = document.createElement("li");
  item.append(row);
  return item;
}

async function refreshPending() {
  const drawn = Array.from(document.querySelectorAll(".card")); // what comes meanwhile may be newer than the answer
  const { cards } = await call("/api/pending");
  state.mine = new Set(cards.map((card) => card.approval));
  $("pending").replaceChildren(...cards.map(pendingRow));
  $("pending-section").hidden = cards.length === 0;
  for (const badge of [$("pending-count"), $("menu-count")]) {
    badge.textContent = cards.length;
    badge.hidden = cards.length === 0;
  }
  document.title = cards.length ? `(${cards.length}) ${facts.title}` : facts.title;
  drawn.forEach(markCard);
}

function pendingRow(card) {
  const row = element(card.thread ? "a" : "span", "row");
  if (card.thread) row.href = `/t/${card.thread}#card-${card.approval}`;
  row.dataset.approval = card.approval;
  const title = element("span", "row-title");
  title.append(element("span", "", card.tool));
  const until = wordUntil(new Date(card.expires_ms));
  row.append(title, element("span", "row-sub", `${card.requester} · expires ${until}${card.where ? " · in " + card.where : ""}`));
  const item = document.createElement("li");
  item.append(row);
  return item;
}

// Buttons are for those who may decide; the server checks it at the click in any case.
function markCard(card) {
  if (!card.classList.contains("card")) return;
  const isForOthers = state.mine !== null && card.dataset.state === "pending" && !state.mine.has(card.dataset.approval);
  card.classList.toggle("is-for-others", isForOthers);
  const voters = JSON.parse(card.dataset.voters);
  card.classList.toggle("has-voted", [facts.person, "web:" + facts.person].some((name) => voters.includes(name)));
}

function showCard(approval) {
  const card = $("card-" + approval);
  if (!card) return;
  state.focusCard = "";
  card.scrollIntoView({ block: "center" });
  card.focus({ preventScroll: true });
  card.classList.add("is-called");
  setTimeout(() => card.classList.remove("is-called"), 1600);
}

// --- going somewhere ----------------------------------------------------------------------------------------------------------

function open(thread, isNew) {
  if (thread === state.thread) { if (state.focusCard) showCard(state.focusCard); return; }
  keepDraft();
  state.thread = thread;
  state.isNew = isNew;
  log.replaceChildren();
  $("composer-error").textContent = "";
  $("jump").hidden = true;
  $("thread-title").textContent = isNew ? "New thread" : "";
  showState();
  $("empty").hidden = !isNew;
  restoreDraft();
  completion.close();
  attachments.show();
  connect();
}

function followLink(event, link) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const target = new URL(link.href);
  const found = /^\/t\/([a-z0-9]{1,32})$/.exec(target.pathname);
  if (!found) return;
  event.preventDefault();
  state.focusCard = target.hash.startsWith("#card-") ? target.hash.slice(6) : "";
  if (found[1] !== state.thread) history.pushState({ thread: found[1] }, "", target.pathname);
  open(found[1], false);
  closeSide();
}

$("side").addEventListener("click", (event) => {
  const link = event.target.closest("a.row");
  if (link) followLink(event, link);
});

addEventListener("popstate", () => {
  const found = /^\/t\/([a-z0-9]{1,32})$/.exec(location.pathname);
  if (found) open(found[1], false);
  else location.reload();
});

$("new-thread").addEventListener("click", async () => {
  const button = $("new-thread");
  button.disabled = true;
  try {
    const { thread } = await call("/api/threads", {});
    history.pushState({ thread }, "", "/");
    open(thread, true);
    closeSide();
    text.focus();
  } catch (error) {
    $("composer-error").textContent = error.message;
  }
  button.disabled = false;
});

function closeSide() {
  $("side").classList.remove("is-open");
  $("open-side").setAttribute("aria-expanded", "false");
}

$("open-side").addEventListener("click", () => {
  $("side").classList.add("is-open");
  $("open-side").setAttribute("aria-expanded", "true");
  $("close-side").focus();
});
$("close-side").addEventListener("click", () => { closeSide(); $("open-side").focus(); });
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && $("side").classList.contains("is-open")) { closeSide(); $("open-side").focus(); }
});
document.querySelector(".main").addEventListener("pointerdown", (event) => {
  if ($("side").classList.contains("is-open") && !event.target.closest("#open-side")) closeSide();
});

$("jump").addEventListener("click", () => {
  const target = $($("jump").dataset.to);
  $("jump").hidden = true;
  target?.scrollIntoView({ block: "center" });
});

// Where the reader was before the page changed its size: those at the end stay there.
let wasReadingAlong = true;
scroller.addEventListener("scroll", () => {
  wasReadingAlong = isAtEnd();
  if (wasReadingAlong) $("jump").hidden = true;
}, { passive: true });
new ResizeObserver(() => { if (wasReadingAlong && log.firstElementChild) toEnd(); }).observe(scroller);

// --- writing ------------------------------------------------------------------------------------------------------------------

function draftKey() {
  return "nod-draft-" + facts.person + "-" + (state.isNew ? "new" : state.thread);
}

function keepDraft() {
  if (text.value) sessionStorage.setItem(draftKey(), text.value);
  else sessionStorage.removeItem(draftKey());
}

function restoreDraft() {
  text.value = sessionStorage.getItem(draftKey()) || "";
  fit();
}

function fit() {
  text.style.height = "auto";
  text.style.height = text.scrollHeight + "px";
}

async function send(words) {
  const { thread } = state;
  const files = attachments.of(thread);
  const message = { text: words, thread };
  const content = JSON.stringify([message, files.map((one) => one.id)]);
  if (state.attempt?.content !== content) state.attempt = { content, event_id: randomId() };
  message.event_id = state.attempt.event_id;
  await deliver(async () => {
    await call("/api/messages", files.length ? attachments.form(message, files) : message);
    state.attempt = null;
    attachments.clear(thread);
    if (thread === state.thread) nameThread();
    if (!state.stream && thread === state.thread) connect();
    refreshSoon();
  });
}

// What follows /nod or /nod-admin is for Nod itself: the model never sees it, and only this person sees the answer.
async function command(words, isAdmin) {
  const { thread } = state;
  await deliver(async () => {
    const { html, says } = await call("/api/command", { thread, words, is_admin: isAdmin });
    if (thread !== state.thread) return;
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const line = holder.content.firstElementChild;
    wordTimes(line);
    log.append(line);
    showState();
    toEnd();
    announce(says);
  });
}

async function deliver(work) {
  const problem = $("composer-error");
  problem.textContent = "";
  completion.close();
  setBusy(true);
  try {
    await work();
    text.value = "";
    keepDraft();
    fit();
  } catch (error) {
    if (!error.isLost) state.attempt = null;
    problem.textContent = error.isLost ? "Nod cannot be reached. Your text is still here: send it again." : error.message;
  }
  setBusy(false);
  text.focus();
}

function submit(words) {
  const found = /^\s*\/nod(-admin)?(?:\s+([^]*))?$/.exec(words);
  return found ? command((found[2] || "").trim(), Boolean(found[1])) : send(words);
}

function setBusy(isBusy) {
  $("send").disabled = isBusy;
  text.readOnly = isBusy;
  attachments.setBusy(isBusy);
  document.querySelectorAll(".suggestion").forEach((button) => { button.disabled = isBusy; });
}

$("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  await attachments.ready;
  if ($("send").disabled) return;
  if (!text.value.trim() && !attachments.of(state.thread).length) {
    $("composer-error").textContent = "Write something first.";
    text.focus();
    return;
  }
  submit(text.value);
});

text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});
text.addEventListener("input", () => { $("composer-error").textContent = ""; fit(); keepDraft(); });

$("empty").addEventListener("click", (event) => {
  const button = event.target.closest(".suggestion");
  if (!button) return;
  text.value = button.textContent;
  submit(text.value);
});

$("stop").addEventListener("click", async () => {
  const button = $("stop");
  button.disabled = true;
  try {
    const { message } = await call("/api/stop", { thread: state.thread });
    announce(message);
  } catch (error) {
    $("composer-error").textContent = error.message;
  }
  button.disabled = false;
});

// --- who one is -----------------------------------------------------------------------------------------------------------------

$("person")?.addEventListener("change", async (event) => {
  const picker = event.target;
  picker.disabled = true;
  keepDraft();
  try {
    await call("/api/person", { name: picker.value });
    location.reload();
  } catch (error) {
    $("person-error").textContent = error.message;
    picker.value = facts.person;
    picker.disabled = false;
  }
});

$("logout")?.addEventListener("click", async (event) => {
  event.target.disabled = true;
  try {
    await call("/logout", {});
    location.href = "/";
  } catch (error) {
    $("composer-error").textContent = error.message;
    event.target.disabled = false;
  }
});

if (location.hash.startsWith("#card-")) state.focusCard = location.hash.slice(6);
restoreDraft();
showState();
$("empty").hidden = !state.isNew;
connect();
