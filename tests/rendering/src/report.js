// The visible content of the page as data for the test.

/** Each panel with its texts and their colors, table columns, legend entries, and whether they are visible. */
export function report(panels) {
  return { panels: panels.map(seen) };
}

function seen({ panel, title, error }) {
  const body = document.querySelector(`[data-panel="${panel.id}"]`);
  return {
    id: panel.id,
    title,
    type: panel.type,
    error: error ?? null,
    texts: texts(body),
    columns: columns(body),
    rows: [...body.querySelectorAll('[role="row"]')].slice(1).map((row) => cellsOf(row)),
    legend: [...body.querySelectorAll('[class*="LegendLabel"], [class*="LegendRow"] button')].map((one) => one.innerText),
  };
}

const cellsOf = (row) => [...row.querySelectorAll('[role="cell"]')].map((cell) => cell.innerText);

/** Every text with its color, other than the title. */
function texts(body) {
  const found = [];
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.trim();
    const { color, visibility } = getComputedStyle(node.parentElement);
    if (text !== '' && visibility !== 'hidden' && !node.parentElement.closest('style, h6')) {
      found.push({ text, color });
    }
  }
  return found;
}

/** The column heads of a table in order. A truncated head is not legible. */
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

/** Whether nearly all of it is visible: Grafana's columns have at least 50 pixels, so the 24 hours of a day just fit a laptop. */
function isInside(inner, outer) {
  const seen = Math.min(inner.right, outer.right) - Math.max(inner.left, outer.left);
  return inner.width > 0 && seen >= 0.85 * inner.width;
}
