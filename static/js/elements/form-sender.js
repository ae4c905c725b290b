import { ask } from "../lib/ask.js";
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
async function intercept(event) {
  const form = event.target;
  const [opened, now] = [personOfPage(), personNow()];
  if (form.method !== "post" || !opened || !now || opened === now) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { submitter } = event;
  const text = `${now} has signed in in this browser since.`;
  if (!(await ask({ title: `This page was opened by ${opened}.`, text, yes: `Yes, send it as ${now}` })) || !form.isConnected) return;
  document.body.dataset.person = now;
  form.requestSubmit(submitter?.isConnected ? submitter : undefined);
}

// Capturing, and before a form's own question.
document.addEventListener("submit", intercept, true);

// A second click while the page still waits for the answer. What HTMX sends it disables itself.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (underway.has(form)) return event.preventDefault();
  underway.add(form);
  setTimeout(() => underway.delete(form), UNLOCK_MS);
  addEventListener("pageshow", () => underway.delete(form), { once: true });
});
