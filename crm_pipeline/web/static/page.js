// What the page does beyond plain HTML: it shows times in the reader's own clock, follows a sync that is under way, and
// waits for a connection. Without it every page works; one reloads by hand.
"use strict";

const EVERY = 1500; // milliseconds between two looks
const SLOWER = 5000; // after a look that failed
const UNHURRIED = 2500; // between two questions whether a person has signed in: each is one to Nango
const UNTIL = Date.now() + 30 * 60 * 1000; // as long as a link to connect is good

const written = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function ago(moment) {
  const seconds = (Date.now() - moment) / 1000;
  for (const [size, unit] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count.toLocaleString("en")} ${unit}${count > 1 ? "s" : ""} ago`;
  }
  return "just now";
}

function tellTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    if ("ago" in element.dataset) {
      element.title = written.format(moment);
      element.textContent = ago(moment);
    } else {
      element.textContent = written.format(moment);
    }
  }
}

async function ask(address) {
  const answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "text/html, application/json" } });
  if (new URL(answer.url).pathname === "/login") location.assign(address === location.href ? answer.url : "/login");
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer;
}

// --- a sync under way

function take(fresh) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(old.id);
    if (!next) continue;
    tellTimes(next);
    if (old.innerHTML === next.innerHTML && "busy" in old.dataset === "busy" in next.dataset) continue;
    const opened = [...old.querySelectorAll("details")].map((details) => details.open);
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceWith(document.adoptNode(next));
    [...next.querySelectorAll("details")].forEach((details, place) => { details.open = opened[place] || details.open; });
    if (focused) document.getElementById(focused)?.focus();
  }
}

async function follow() {
  if (!document.querySelector("[data-busy]")) return;
  let pause = EVERY;
  try {
    const answer = await ask(location.href);
    take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    pause = SLOWER; // a sync holds the store, or the server starts anew: what is shown stays
  }
  setTimeout(follow, pause);
}

// --- a connection that is being made

async function wait(form) {
  let pause = UNHURRIED;
  if (Date.now() > UNTIL) {
    form.querySelector(".spinner").remove();
    form.querySelector("[data-told]").textContent = "The link is no longer good. Go back and start again.";
    return;
  }
  try {
    const { found } = await (await ask(form.dataset.found)).json();
    if (found) {
      form.querySelector("[data-told]").textContent = "Connected. Starting the first sync…";
      form.submit();
      return;
    }
  } catch {
    pause = SLOWER;
  }
  setTimeout(wait, pause, form);
}

// --- a button is pressed once

function once(event) {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
}

document.documentElement.classList.add("script");
tellTimes(document);
setInterval(tellTimes, 30000, document);
document.addEventListener("submit", once);
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
  }
});
setTimeout(follow, EVERY);
const connecting = document.getElementById("connected");
if (connecting) setTimeout(wait, UNHURRIED, connecting);
