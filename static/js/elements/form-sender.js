import { ask, proceed } from "../lib/ask.js";
import { csrfToken, personNow, personOfPage } from "../lib/cookies.js";

// How every form that changes something leaves: with the CSRF token of now, as the person who opened the page, and once.
const FIELD = "csrfmiddlewaretoken";
const UNLOCK_MS = 10000;
const underway = new WeakSet();

// Of plain posts and of those that HTMX sends: both collect their fields so.
document.addEventListener("formdata", ({ formData }) => {
  if (formData.has(FIELD) && csrfToken()) formData.set(FIELD, csrfToken());
});

// One that is sent again brings the fields of the first time.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  const token = csrfToken();
  if (!token) return;
  detail.headers["X-CSRFToken"] = token;
  if (detail.formData.has(FIELD)) detail.parameters[FIELD] = token;
});

// Somebody else has signed in in another tab: nothing is done in their name without a question.
function isOfAnother() {
  const [opened, now] = [personOfPage(), personNow()];
  return Boolean(opened && now && opened !== now);
}

async function agree() {
  const now = personNow();
  const text = `${now} has signed in in this browser since.`;
  const agreed = await ask({ title: `This page was opened by ${personOfPage()}.`, text, yes: `Yes, send it as ${now}` });
  if (agreed) document.body.dataset.person = now;
  return agreed;
}

async function intercept(event) {
  const form = event.target;
  if (form.method !== "post" || !isOfAnother()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { submitter } = event;
  if ((await agree()) && form.isConnected) proceed(form, submitter);
}

// Capturing, and before a form's own question.
document.addEventListener("submit", intercept, true);

// What is sent again by a click on Retry is submitted by nobody.
document.addEventListener("htmx:confirm", (event) => {
  const { elt, verb, issueRequest } = event.detail;
  if (verb === "get" || !elt.matches("form, button") || !isOfAnother()) return;
  event.preventDefault();
  agree().then((agreed) => agreed && issueRequest(true));
});

// A second click while the page still waits for the answer. What HTMX sends it disables itself.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (underway.has(form)) return event.preventDefault();
  underway.add(form);
  setTimeout(() => underway.delete(form), UNLOCK_MS);
  addEventListener("pageshow", () => underway.delete(form), { once: true });
});
