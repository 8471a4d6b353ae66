// The pages work without this, and every text comes from them, in the reader's language.
"use strict";
const LARGEST_BLOB = 200 * 1024 * 1024;
// The browsers inside these cannot save what a page has loaded.
const CANNOT_SAVE = /MicroMessenger|DingTalk|wxwork/i.test(navigator.userAgent);
let clicked = null; // the button that sends a form: event.submitter is too young

const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
const fill = (text, fact) => text.replace(/\{\w+\}/, () => fact);

function make(tag, parent, attributes) {
  const element = document.createElement(tag);
  Object.keys(attributes).forEach((name) => element.setAttribute(name, attributes[name]));
  return parent.appendChild(element);
}

function meter(panel, label) {
  const box = make("span", panel, { class: "meter" });
  const bar = make("progress", box, { max: 100, value: 0, "aria-label": label });
  const text = make("span", box, { "aria-hidden": "true" });
  const to = (event) => {
    if (!event.lengthComputable) return;
    bar.value = Math.floor((100 * event.loaded) / event.total);
    text.textContent = bar.value + "%";
  };
  return { box, to };
}

// Once only
function busy(form, on) {
  form.dataset.busy = on ? "yes" : "";
  Array.from(form.elements).filter((one) => one.type === "submit").forEach((button) => {
    const words = button.dataset;
    if (on && button === clicked) words.idle = button.textContent;
    if (words.idle) button.textContent = (on && words.working) || words.idle;
    button.disabled = on;
  });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const upload = "upload" in form.dataset;
  if (form.getAttribute("method") !== "post") return;
  if (form.dataset.busy || upload) event.preventDefault();
  if (form.dataset.busy) return;
  form.dataset.busy = "yes";
  if (upload) send(form, event.submitter || clicked);
  // A button that is disabled at once is not sent along; and without a network it may be over already.
  setTimeout(() => form.dataset.busy && busy(form, true));
});
window.addEventListener("pageshow", () => all("form[data-busy]").forEach((form) => busy(form, false)));

// Hand in
function send(form, button) {
  const panel = form.querySelector(".sending");
  const words = panel.dataset;
  const said = panel.querySelector("[role=status]");
  const data = new FormData(form);
  const request = new XMLHttpRequest();
  const shown = meter(panel, words.sending);
  const cancel = make("button", shown.box, { type: "button", class: "secondary" });
  const end = (text) => {
    shown.box.remove();
    said.textContent = text;
    busy(form, false);
    button.focus();
  };
  if (button.name) data.append(button.name, button.value);
  said.textContent = words.sending;
  cancel.textContent = words.cancel;
  cancel.onclick = () => {
    request.abort();
    end(words.cancelled);
  };
  request.upload.onprogress = shown.to;
  request.upload.onload = () => {
    cancel.remove(); // the other side may have taken it already
    said.textContent = words.checking;
  };
  request.onerror = () => end(words.lost);
  request.onload = () => {
    const page = request.response;
    if (request.status < 400) location.assign(request.responseURL);
    else if (page && page.querySelector("main")) show(page);
    else end(fill(request.status < 500 ? words.refused : words.lost, request.status));
  };
  request.open("POST", form.action);
  request.responseType = "document";
  request.send(data);
}

function show(page) {
  const before = all("input[type=file]");
  document.title = page.title;
  document.querySelector("main").replaceWith(page.querySelector("main"));
  all("input[type=file]").forEach((input, i) => (input.files = (before[i] || input).files)); // nobody should have to choose twice
  begin();
}

// Download
function download(link) {
  const panel = make("span", link.parentNode, { class: "loading" });
  const said = make("span", panel, { role: "status" });
  const shown = meter(panel, link.dataset.progress);
  const request = new XMLHttpRequest();
  const header = (name) => request.getResponseHeader(name) || "";
  const nameIn = () => /^attachment.*filename\*=UTF-8''([^;]+)/i.exec(header("Content-Disposition"));
  const plainly = () => {
    panel.remove();
    link.dataset.busy = "";
    location.assign(link.href);
  };
  link.dataset.busy = "yes";
  link.after(panel);
  request.onreadystatechange = () => {
    if (request.readyState !== 2) return;
    if (request.status === 200 && nameIn() && Number(header("Content-Length")) <= LARGEST_BLOB) return;
    request.abort();
    plainly();
  };
  request.onprogress = shown.to;
  request.onerror = plainly;
  request.onload = () => {
    const name = decodeURIComponent(nameIn()[1]);
    const href = URL.createObjectURL(request.response);
    make("a", panel, { href, download: name, hidden: "" }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60000);
    shown.box.remove();
    link.dataset.busy = "";
    said.textContent = fill(link.dataset.saved, name);
  };
  request.open("GET", link.href);
  request.responseType = "blob";
  request.send();
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("button, a");
  if (!target) return;
  if (target.type === "submit") clicked = target;
  if (!("progress" in target.dataset) || CANNOT_SAVE || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (!target.dataset.busy) download(target);
});

// Select all, and files that are too large
function count(box) {
  const boxes = all("[type=checkbox]", box.form).filter((one) => one.name === box.dataset.selectAll);
  const chosen = boxes.filter((one) => one.checked).length;
  const output = box.closest(".select-all").querySelector("output");
  box.checked = chosen > 0 && chosen === boxes.length;
  output.textContent = fill(output.dataset.selected, chosen);
  return boxes;
}

document.addEventListener("change", (event) => {
  const input = event.target;
  const wanted = input.checked;
  if (input.dataset.limit) {
    const large = Array.from(input.files).find((file) => file.size > input.dataset.limit);
    input.setCustomValidity(large ? fill(input.dataset.tooLarge, large.name) : "");
    input.reportValidity();
  }
  if (input.dataset.selectAll) count(input).forEach((one) => (one.checked = wanted));
  all("[data-select-all]").forEach(count);
});

// What is typed stays in this browser until it is sent: one may have to come in again before.
const WARN_S = 600;
const TYPED = "textarea, input[type=text], input[type=date], input[type=number]";
const unit = document.body.dataset.unit;
const keeps = (form) => unit && form && form.getAttribute("method") === "post" && form.querySelector(TYPED);
const draft = (form) => ["draft", unit, location.pathname, form.getAttribute("action")].join(" ");

function say(place, words) {
  const note = make("p", place, { class: "note", role: "status" });
  note.textContent = words;
  place.prepend(note);
}

function take(form) {
  const kept = JSON.parse(localStorage.getItem(draft(form)) || "{}");
  const fields = all(TYPED, form).filter((one) => one.name in kept && one.value === one.defaultValue);
  const changed = fields.filter((one) => one.value !== kept[one.name]);
  changed.forEach((one) => (one.value = kept[one.name]));
  if (!changed.length) return;
  const folded = form.closest("details");
  if (folded) folded.open = true;
  say(form, document.body.dataset.again);
}

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!keeps(form)) return;
  const typed = all(TYPED, form).filter((one) => one.value !== one.defaultValue);
  const kept = JSON.stringify(Object.fromEntries(typed.map((one) => [one.name, one.value])));
  try {
    localStorage.setItem(draft(form), kept);
  } catch (full) {
    localStorage.removeItem(draft(form));
  }
});

document.addEventListener("submit", (event) => {
  if (!keeps(event.target)) return;
  // What goes back and forth comes back as the server understood it, and must not be typed over.
  if ("forget" in event.target.dataset) localStorage.removeItem(draft(event.target));
  else sessionStorage.setItem("sent", draft(event.target));
});

function remember() {
  const sent = sessionStorage.getItem("sent");
  if (sent && document.querySelector(".notice")) {
    localStorage.removeItem(sent);
    sessionStorage.removeItem("sent");
  }
  const forms = all("form").filter(keeps);
  forms.forEach(take);
  const left = Math.max(0, document.body.dataset.endsIn - WARN_S);
  if (forms.length) setTimeout(() => say(document.querySelector("main"), document.body.dataset.ends), 1000 * left);
}
if (unit) remember();

function begin() {
  all(".select-all").forEach((panel) => (panel.hidden = false));
  all("[data-select-all]").forEach(count);
  const first = document.querySelector(".refused, .notice");
  if (first) first.focus();
}
begin();
