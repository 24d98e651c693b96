"use strict";
// Everything works without this script, by reloading. With it, an open page refreshes itself, log lines appear as they
// arrive, and a config value appears without a new page. The only text that is parsed as HTML is whole pages of the
// dashboard, in which text from the server is escaped.

const main = document.getElementById("main");
const problem = document.getElementById("problem");
let interval = Number(document.body.dataset.refresh); // 0: the page does not refresh

// patch makes an element equal to a fresh one. It touches only what differs, so that focus, selection and typed text are
// kept. Children with the same id are matched wherever they are.
function patch(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.hasAttribute("data-keep")) return;
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const same = counterpart(at, child);
    if (!same) {
      old.insertBefore(child, at);
      continue;
    }
    while (at !== same) at = removed(at);
    patch(same, child);
    at = same.nextSibling;
  }
  while (at) at = removed(at);
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function counterpart(at, child) {
  if (!child.id) return at && !at.id && at.nodeName === child.nodeName ? at : null;
  while (at && at.id !== child.id) at = at.nextSibling;
  return at;
}

async function page(url, options) {
  const response = await fetch(url, { ...options, signal: AbortSignal.timeout(30000) });
  return { ok: response.ok, doc: new DOMParser().parseFromString(await response.text(), "text/html") };
}

// refresh updates the page. When nothing can be read, the page stays, below a banner that says so.
async function refresh() {
  const requested = location.pathname + location.search;
  try {
    const fresh = await page(requested);
    if (requested !== location.pathname + location.search) return; // there was a search in the meantime
    patch(problem, fresh.doc.getElementById("problem"));
    if (fresh.ok) {
      patch(main, fresh.doc.getElementById("main"));
      patch(document.getElementById("about"), fresh.doc.getElementById("about"));
      document.title = fresh.doc.title;
      interval = Number(fresh.doc.body.dataset.refresh);
      follow();
    }
    setStale(!fresh.ok || fresh.doc.body.classList.contains("stale"));
  } catch {
    if (problem.textContent !== problem.dataset.offline) {
      const banner = document.createElement("p");
      banner.className = "banner";
      banner.role = "alert";
      banner.textContent = problem.dataset.offline;
      problem.replaceChildren(banner);
    }
    setStale(true);
  }
}

function setStale(yes) {
  document.body.classList.toggle("stale", yes);
  if (yes) setLogState("No new lines while the Controller does not respond.");
  else if (source?.readyState === EventSource.OPEN) showFollowing();
}

let timer;
async function keepFresh() {
  clearTimeout(timer);
  if (document.hidden || !interval) return; // visibilitychange resumes it
  await refresh();
  clearTimeout(timer);
  timer = setTimeout(keepFresh, interval);
}

// follow shows the log live. A stream begins with the latest lines, so a new stream replaces what is shown. While the log
// is paused, lines are kept for later.
const mostLines = 1000;
let source = null;
let paused = false;
let waiting = []; // lines that arrived during the pause
const logElement = (name) => document.getElementById(name);

function setLogState(text) {
  const state = logElement("log-state");
  if (state && state.textContent !== text) state.textContent = text; // unchanged text would be read out again
}

function showFollowing() {
  const more = waiting.filter((line) => line && !line.gap).length;
  if (paused) setLogState(more ? `Paused; ${more} more ${more === 1 ? "line" : "lines"} so far.` : "Paused.");
  else setLogState("New lines appear as they arrive; times are UTC.");
}

function follow() {
  const log = logElement("log");
  if (!log || source || document.hidden) return;
  let begun = false, quiet;
  source = new EventSource(log.dataset.stream);
  source.onopen = () => {
    begun = false;
    clearTimeout(quiet);
    quiet = setTimeout(showFollowing, 5000); // neither a line nor a problem arrived
  };
  source.addEventListener("line", (event) => {
    if (!begun && paused) waiting = [null]; // to replace all that is shown
    if (!begun && !paused) log.replaceChildren();
    begun = true;
    const line = JSON.parse(event.data);
    if (paused) waiting.push(line);
    else show([line]);
    if (waiting.length > mostLines) waiting = [null, { gap: true }, ...waiting.slice(-mostLines / 2)];
    showFollowing();
  });
  source.addEventListener("problem", (event) => {
    clearTimeout(quiet);
    setLogState(`Reconnecting in a moment. ${JSON.parse(event.data)}`);
  });
  source.onerror = () => {
    if (source && source.readyState === EventSource.CLOSED) { // some browsers give up; others reconnect on their own
      unfollow();
      setTimeout(follow, interval);
    }
  };
  logElement("pause").hidden = false;
  filterLog();
  log.scrollTop = log.scrollHeight;
}

// show appends lines, and keeps the log scrolled to the end if it was there.
function show(lines) {
  const log = logElement("log");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
  for (const line of lines) {
    if (line === null) log.replaceChildren();
    else log.append(filtered(lineOf(line)));
  }
  while (log.childElementCount > mostLines) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

// filtered hides a line that does not contain the text of the filter.
function filtered(row) {
  const text = document.querySelector("#log-form input").value.trim().toLowerCase();
  row.hidden = !row.classList.contains("gap") && text !== "" && !row.textContent.toLowerCase().includes(text);
  return row;
}

function filterLog() {
  for (const row of logElement("log").children) filtered(row);
}

function pause(button) {
  paused = !paused;
  button.setAttribute("aria-pressed", paused);
  button.textContent = paused ? "Resume" : "Pause";
  if (!paused) {
    show(waiting);
    waiting = [];
  }
  showFollowing();
}

function unfollow() {
  source?.close();
  source = null;
}

function lineOf(line) {
  const element = (name, text) => {
    const e = document.createElement(name);
    e.textContent = text;
    return e;
  };
  const row = document.createElement("div");
  if (line.gap) {
    row.className = "gap";
    row.textContent = "Some lines were missed here.";
    return row;
  }
  if (line.time) {
    const time = element("time", line.time);
    time.title = line.exact;
    row.append(time, " ", element("b", line.source), " ");
  }
  row.append(element("span", line.text));
  return row;
}

// A config value is shown in its place, for a minute.
const shownFor = 60000;
let hiding;
async function showValue(form, button) {
  const section = form.closest("section");
  try {
    const fresh = await page(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, button)) });
    if (!fresh.ok) throw new Error("refused");
    section.removeAttribute("data-keep");
    patch(section, fresh.doc.getElementById(section.id));
  } catch {
    await refresh(); // shows what is wrong
  }
  clearTimeout(hiding);
  hiding = setTimeout(() => {
    section.removeAttribute("data-keep");
    refresh();
  }, shownFor);
}

// search shows the apps that match the form, without a new page.
let searching;
function search(form) {
  const fields = new URLSearchParams([...new FormData(form)].filter(([name, value]) => value !== "" && !(name === "per" && value === "50")));
  history.replaceState(null, "", fields.size ? `/?${fields}` : "/");
  clearTimeout(searching);
  searching = setTimeout(refresh, 150);
}

document.addEventListener("input", (event) => {
  const form = event.target.closest(".filters");
  if (form) search(form);
  if (event.target.closest("#log-form")) filterLog();
});

document.addEventListener("click", (event) => {
  if (event.target.id === "pause") pause(event.target);
  if (event.target.id === "clear") {
    event.preventDefault();
    const form = document.querySelector(".filters");
    for (const field of form.elements) if (field.name && field.name !== "sort" && field.name !== "per") field.value = "";
    form.elements.q.focus();
    search(form);
  }
});

document.addEventListener("submit", (event) => {
  if (event.target.closest(".filters")) {
    event.preventDefault();
    search(event.target);
  } else if (event.target.closest("#log-form")) {
    event.preventDefault();
    filterLog();
  } else if (event.target.closest("#config")) {
    event.preventDefault();
    showValue(event.target, event.submitter);
  } else if (event.target.dataset.busy) { // a change can take a minute, and must not be sent twice
    const { submitter } = event;
    setTimeout(() => {
      submitter.disabled = true;
      submitter.textContent = event.target.dataset.busy;
    });
  }
});

// A page from the browser's back-forward cache may show a config value, or a button that was already used.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

document.documentElement.classList.add("scripted");

if (interval) {
  follow();
  timer = setTimeout(keepFresh, interval);
  // A browser has few connections per host, and a hidden page needs none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return unfollow();
    follow();
    keepFresh();
  });
}
