// Replaces variables in queries as Grafana and its Prometheus data source do.

import { dateTime } from '@grafana/data';

// As `prometheusSpecialRegexEscape` of the data source.
const escaped = (value) => value.replace(/\\/g, '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&');

/** The values of each variable of a dashboard: the requested ones, otherwise those of the dashboard. */
export async function valuesOf(dashboard, asked, ask) {
  const values = {};
  for (const variable of dashboard.templating.list) {
    const { name, type } = variable;
    let options = [];
    if (type === 'textbox') {
      options = [variable.query];
    } else if (type === 'query') {
      // The label may be a variable, too.
      const [, selector, label] = /^label_values\((.*), *(\$?\w+)\)$/.exec(variable.query);
      options = await ask(replaced(label, values), replaced(selector, values));
    } else if (type === 'custom') {
      options = variable.query.split(',');
    }
    const all = variable.includeAll && !(name in asked);
    const chosen = all ? options : [asked[name] ?? variable.current?.value ?? options[0]].flat();
    values[name] = { ...variable, options, chosen, all };
  }
  return values;
}

/** The text of the bar of variables. */
export function shown(value) {
  if (value.type === 'datasource') {
    return 'Prometheus';
  }
  return value.all ? 'All' : value.chosen.join(' + ');
}

function written(value) {
  if (value.all && value.allValue) {
    return value.allValue;
  }
  if (!value.multi) {
    return String(value.chosen[0]);
  }
  const every = value.chosen.map(escaped);
  return every.length === 1 ? every[0] : `(${every.join('|')})`;
}

/** Replaces the variables in a text; `more` has those that Grafana defines, such as `__range`. */
export function replaced(text, values, more = {}) {
  return text.replace(/\$\{(\w+)(?::([^}]*))?\}|\$(\w+)/g, (whole, braced, format, plain) => {
    const name = braced ?? plain;
    if (format?.startsWith('date:')) {
      return dateTime(Number(more[name])).format(format.slice('date:'.length));
    }
    if (name in more) {
      return more[name];
    }
    return name in values ? written(values[name]) : whole;
  });
}
