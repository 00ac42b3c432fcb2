// What a person sees on the page, as data: a test asserts on it.

/** Each panel with its texts and their colors, table columns, legend entries, and whether they can be seen. */
export function report(panels) {
  return { panels: panels.map(seen) };
}

function seen({ panel, title, error, frames }) {
  const cell = document.querySelector(`[data-panel="${panel.id}"]`);
  const body = cell.querySelector('[data-testid="data-testid panel content"]') ?? cell;
  return {
    id: panel.id,
    title,
    type: panel.type,
    error: error ?? null,
    frames: frames?.map((frame) => frame.fields.map((field) => field.name)) ?? [],
    texts: texts(body),
    columns: columns(body),
    rows: [...body.querySelectorAll('[role="row"]')].slice(1).map((row) => cellsOf(row)),
    legend: [...body.querySelectorAll('[class*="LegendLabel"], [class*="LegendRow"] button')].map((one) => one.innerText),
  };
}

const cellsOf = (row) => [...row.querySelectorAll('[role="cell"]')].map((cell) => cell.innerText);

/** Every text with its color, and whether it is inside the panel. */
function texts(body) {
  const bounds = body.getBoundingClientRect();
  const found = [];
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.trim();
    const { color, visibility } = getComputedStyle(node.parentElement);
    if (text === '' || visibility === 'hidden' || node.parentElement.closest('style')) {
      continue;
    }
    const range = document.createRange();
    range.selectNodeContents(node);
    found.push({ text, color, visible: isInside(range.getBoundingClientRect(), bounds) });
  }
  return found;
}

/** The heads of a table, in their order. A head that is cut short is not legible. */
function columns(body) {
  const bounds = body.getBoundingClientRect();
  return [...body.querySelectorAll('[role="columnheader"]')].map((head) => {
    const words = head.querySelector('div') ?? head;
    return {
      name: head.innerText.trim(),
      visible: isInside(head.getBoundingClientRect(), bounds),
      legible: words.scrollWidth <= words.clientWidth + 1,
    };
  });
}

function isInside(inner, outer) {
  return inner.width > 0 && inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
}
