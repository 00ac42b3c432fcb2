// Renders one dashboard on the page: `await draw({ dashboard, prometheus, theme, from, to, values })`.

import { ThemeContext, createTheme, setTimeZoneResolver } from '@grafana/data';
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import React from 'react';
import { createRoot } from 'react-dom/client';

import 'uplot/dist/uPlot.min.css';
import '@fontsource/inter/latin-400.css';
import '@fontsource/inter/latin-500.css';
import '@fontsource/inter/latin-600.css';
import { prepared } from './fields.js';
import { Body, canDraw } from './panels.jsx';
import { Prometheus, madeVariables } from './prometheus.js';
import { report } from './report.js';
import { replaced, shown, valuesOf } from './variables.js';
import './page.css';

// Grafana's grid: 24 columns, rows of 30 pixels, 8 between them.
const COLUMNS = 24;
const ROW = 30;
const GAP = 8;
const MARGIN = 16;

setTimeZoneResolver(() => 'browser');

// Grafana fetches icons by address; here they are part of the page.
const fetched = window.fetch;
window.fetch = (address, options) => {
  const icon = /img\/icons\/\w+\/([\w-]+)\.svg/.exec(String(address));
  if (!icon) {
    return fetched(address, options);
  }
  const headers = { 'content-type': 'image/svg+xml' };
  return Promise.resolve(new Response(ICONS[icon[1]] ?? '<svg xmlns="http://www.w3.org/2000/svg"/>', { headers }));
};

let root;

window.draw = async ({ dashboard, prometheus: address, theme: mode, from, to, values: asked = {} }) => {
  const range = { from, to };
  const prometheus = new Prometheus(address);
  const theme = createTheme({ colors: { mode } });
  const ask = (label, selector) => prometheus.labelValues(label, selector, range);
  const values = await valuesOf(dashboard, asked, ask);
  const made = madeVariables(range);
  const column = (document.documentElement.clientWidth - 2 * MARGIN + GAP) / COLUMNS;

  const panels = [];
  for (const panel of dashboard.panels) {
    const { x, y, w, h } = panel.gridPos;
    const place = { left: MARGIN + x * column, top: y * (ROW + GAP), width: w * column - GAP, height: h * (ROW + GAP) - GAP };
    const title = replaced(panel.title, values, made);
    if (panel.type === 'row') {
      panels.push({ panel, place, title });
      continue;
    }
    let frames = [];
    let error;
    try {
      if (!canDraw(panel)) {
        throw new Error(`@grafana/ui has no panel ${panel.type}`);
      }
      const targets = (panel.targets ?? []).filter((target) => !target.hide);
      for (const target of targets) {
        const scene = { range, width: Math.round(place.width - 16), values };
        frames.push(...(await prometheus.frames(target, targets.length > 1, scene)));
      }
      frames = await prepared(panel, frames, { theme, values, made });
    } catch (thrown) {
      error = String(thrown);
    }
    panels.push({ panel, place, title, frames, error });
  }

  root?.unmount();
  document.body.innerHTML = '<div id="root"></div>';
  root = createRoot(document.getElementById('root'));
  const height = Math.max(...panels.map(({ place }) => place.top + place.height)) + GAP;
  root.render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Page {...{ dashboard, values, panels, theme, range, height }} />
    </ThemeContext.Provider>
  );
  await settled();
  return { ...report(panels), asked: prometheus.asked, height: document.documentElement.scrollHeight };
};

/** Waits until the page no longer changes. */
async function settled() {
  await document.fonts.ready;
  let before = '';
  for (let quiet = 0, turns = 0; quiet < 3 && turns < 100; turns += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = document.getElementById('root').innerHTML;
    quiet = now === before ? quiet + 1 : 0;
    before = now;
  }
}

function Page({ dashboard, values, panels, theme, range, height }) {
  return (
    <div className="page" style={{ background: theme.colors.background.canvas, color: theme.colors.text.primary }}>
      <div className="head">
        <h1>{dashboard.title}</h1>
        {dashboard.links.map((link) => (
          <span key={link.title} className="link" style={{ borderColor: theme.colors.border.medium }}>
            {link.title}
          </span>
        ))}
        <span className="range">
          {new Date(range.from).toLocaleString()} to {new Date(range.to).toLocaleString()}
        </span>
      </div>
      <div className="variables">
        {Object.values(values)
          .filter((value) => value.hide !== 2)
          .map((value) => (
            <span key={value.name} className="variable">
              <b style={{ background: theme.colors.background.secondary }}>{value.label}</b>
              <span style={{ borderColor: theme.colors.border.medium }}>{shown(value)}</span>
            </span>
          ))}
      </div>
      <div className="grid" style={{ height }}>
        {panels.map((one) => (
          <div key={one.panel.id} data-panel={one.panel.id} className="cell" style={one.place}>
            {one.panel.type === 'row' ? <div className="row">⌄ {one.title}</div> : <Panel {...one} {...{ theme, range }} />}
          </div>
        ))}
      </div>
    </div>
  );
}

function Panel({ panel, place, title, frames, error, theme, range }) {
  // As Grafana's plugins request it.
  const padding = panel.type === 'table' ? 'none' : 'md';
  const chrome = { title, description: panel.description, padding, width: place.width, height: place.height };
  return (
    <PanelChrome {...chrome}>
      {(width, height) =>
        error ? <pre className="error">{error}</pre> : <Body {...{ panel, frames, width, height, range, theme }} />
      }
    </PanelChrome>
  );
}
