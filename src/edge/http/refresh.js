"use strict";
// Brings the page up to date in place: fetches it again and changes only what differs, so that
// focus, scrolling, and what is selected or typed stay. Without it the page is the same, still.
const pace = () => Number(document.body.dataset.refresh) * 1000;
const keyOf = (node) => node.dataset?.key;

function adapt(here, there) {
  if (here.nodeType === Node.TEXT_NODE) {
    if (here.data !== there.data) here.data = there.data;
    return;
  }
  for (const { name } of [...here.attributes]) {
    // Whether details are open is the reader's business.
    if (name !== "open" && !there.hasAttribute(name)) here.removeAttribute(name);
  }
  for (const { name, value } of there.attributes) {
    if (here.getAttribute(name) !== value) here.setAttribute(name, value);
  }
  const keys = new Set([...there.childNodes].map(keyOf));
  const known = new Map();
  for (const child of [...here.childNodes]) {
    const key = keyOf(child);
    if (key === undefined) continue;
    if (keys.has(key)) known.set(key, child);
    else child.remove();
  }
  let next = here.firstChild;
  for (const wanted of there.childNodes) {
    const key = keyOf(wanted);
    const found = key === undefined ? next : known.get(key);
    const fits = found && found.nodeName === wanted.nodeName && keyOf(found) === key;
    if (!fits) {
      here.insertBefore(document.importNode(wanted, true), next);
      continue;
    }
    if (found === next) next = next.nextSibling;
    else here.insertBefore(found, next);
    adapt(found, wanted);
  }
  while (next) {
    const left = next;
    next = next.nextSibling;
    left.remove();
  }
}

function keepingSelection(change) {
  const selection = getSelection();
  const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
  const kept = selection.rangeCount > 0 && !selection.isCollapsed;
  change();
  if (!kept || !anchorNode.isConnected || !focusNode.isConnected) return;
  const within = (node, offset) => Math.min(offset, node.data?.length ?? node.childNodes.length);
  selection.setBaseAndExtent(
    anchorNode, within(anchorNode, anchorOffset), focusNode, within(focusNode, focusOffset));
}

async function refresh() {
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(60000) });
    if (!answer.headers.get("content-type")?.startsWith("text/html")) throw new Error("no page");
    const there = new DOMParser().parseFromString(await answer.text(), "text/html");
    keepingSelection(() => adapt(document.body, there.body));
  } catch {
    document.getElementById("silent").hidden = false;
  }
}

async function keepUp() {
  if (!document.hidden) await refresh();
  setTimeout(keepUp, pace());
}

setTimeout(keepUp, pace());
document.addEventListener("visibilitychange", () => document.hidden || refresh());
