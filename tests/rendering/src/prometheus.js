// Sends queries as Grafana's Prometheus data source does, and returns the answers as data frames.

import { FieldType, rangeUtil } from '@grafana/data';

import { replaced } from './variables.js';

const SCRAPE_INTERVAL = 15;
// Prometheus limits an answer to this number of points.
const MOST_POINTS = 11_000;

export class Prometheus {
  constructor(address) {
    this.address = address;
    this.asked = [];
  }

  async get(path, parameters) {
    const answer = await fetch(`${this.address}/api/v1/${path}`, {
      method: 'POST',
      body: new URLSearchParams(parameters),
    });
    const body = await answer.json();
    if (body.status !== 'success') {
      throw new Error(body.error);
    }
    return body.data;
  }

  async labelValues(label, selector, range) {
    const address = new URL(`${this.address}/api/v1/label/${label}/values`);
    address.search = new URLSearchParams({ 'match[]': selector, start: range.from / 1000, end: range.to / 1000 });
    return (await (await fetch(address)).json()).data;
  }

  /** The frames of one query of a panel that is `width` pixels wide. */
  async frames(target, several, { range, width, values }) {
    const span = (range.to - range.from) / 1000;
    const least = target.interval ? rangeUtil.intervalToSeconds(target.interval) : SCRAPE_INTERVAL;
    const even = rangeUtil.calculateInterval(timeRange(range), width, `${least}s`).intervalMs / 1000;
    const step = Math.max(even, least, Math.ceil(span / MOST_POINTS));
    const expression = replaced(target.expr, values, {
      ...madeVariables(range),
      __interval: rangeUtil.secondsToHms(step),
      __rate_interval: rangeUtil.secondsToHms(Math.max(step + SCRAPE_INTERVAL, 4 * SCRAPE_INTERVAL)),
    });
    const began = performance.now();
    const data = target.instant
      ? await this.get('query', { query: expression, time: range.to / 1000 })
      : await this.get('query_range', { query: expression, step, ...aligned(range, step) });
    this.asked.push({ expression, step: target.instant ? null : step, seconds: (performance.now() - began) / 1000 });
    if (target.format === 'table') {
      return [tableFrame(target, data.result, several)];
    }
    return data.result.map((series) => seriesFrame(target, expression, series, step));
  }
}

/** Variables that depend on the time range only. */
export function madeVariables(range) {
  const span = Math.round((range.to - range.from) / 1000);
  return { __range: `${span}s`, __range_s: String(span), __from: String(range.from), __to: String(range.to) };
}

function timeRange(range) {
  return { from: { valueOf: () => range.from }, to: { valueOf: () => range.to } };
}

/** Aligns steps to the viewer's time zone, so that a day is a day of that zone. */
function aligned(range, step) {
  const ahead = -new Date(range.from).getTimezoneOffset() * 60;
  const down = (milliseconds) => Math.floor((milliseconds / 1000 + ahead) / step) * step - ahead;
  return { start: down(range.from), end: down(range.to) };
}

function samples(series) {
  return series.values ?? [series.value];
}

function named(target, expression, labels) {
  const { legendFormat } = target;
  if (!legendFormat || legendFormat === '__auto') {
    return Object.keys(labels).length > 0 ? undefined : expression;
  }
  return legendFormat.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? '');
}

function seriesFrame(target, expression, series, step) {
  const { __name__: _, ...labels } = series.metric;
  const name = named(target, expression, labels);
  const points = samples(series);
  return {
    refId: target.refId,
    name,
    length: points.length,
    fields: [
      { name: 'Time', type: FieldType.time, config: { interval: step * 1000 }, values: points.map(([at]) => at * 1000) },
      {
        name: 'Value',
        type: FieldType.number,
        config: name === undefined ? {} : { displayNameFromDS: name },
        labels,
        values: points.map(([, value]) => Number(value)),
      },
    ],
  };
}

function tableFrame(target, result, several) {
  const names = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
  const rows = result.flatMap((series) => samples(series).map(([at, value]) => ({ at, value, labels: series.metric })));
  return {
    refId: target.refId,
    length: rows.length,
    fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: rows.map((row) => row.at * 1000) },
      ...names.map((name) => ({
        name,
        type: FieldType.string,
        config: { filterable: true },
        values: rows.map((row) => row.labels[name] ?? ''),
      })),
      {
        name: several ? `Value #${target.refId}` : 'Value',
        type: FieldType.number,
        config: {},
        values: rows.map((row) => Number(row.value)),
      },
    ],
  };
}
