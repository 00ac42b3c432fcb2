// Passes units, thresholds, mappings and overrides to @grafana/data, which applies them.

import {
  FieldConfigOptionsRegistry,
  applyFieldOverrides,
  displayNameOverrideProcessor,
  dataLinksOverrideProcessor,
  numberOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  transformDataFrame,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';

import { replaced } from './variables.js';

// Two names of the same transformation.
const transformations = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
standardTransformersRegistry.setInit(() =>
  [...transformations.values()].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation,
    editor: () => null,
  }))
);

const asItIs = (value) => value;
const STANDARD = {
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  links: dataLinksOverrideProcessor,
  color: asItIs,
};
// The defaults of the panel plugins of Grafana 10.
const CUSTOM = {
  timeseries: {
    drawStyle: 'line',
    lineInterpolation: 'linear',
    lineWidth: 1,
    fillOpacity: 0,
    gradientMode: 'none',
    barAlignment: 0,
    pointSize: 5,
    showPoints: 'auto',
    spanNulls: false,
    insertNulls: false,
    axisPlacement: 'auto',
    axisLabel: '',
    axisColorMode: 'text',
    scaleDistribution: { type: 'linear' },
    stacking: { mode: 'none', group: 'A' },
    thresholdsStyle: { mode: 'off' },
    hideFrom: { legend: false, tooltip: false, viz: false },
  },
  table: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false, minWidth: 150 },
};

function item(id, path, isCustom, process) {
  return { id, path, isCustom, process, name: id, shouldApply: () => true, override: () => null, editor: () => null };
}

/** JSON has no infinity, so it has null for the first threshold; Grafana replaces it when it loads a dashboard. */
function withInfinity(fieldConfig) {
  const isThreshold = (value) => value !== null && typeof value === 'object' && 'color' in value && value.value === null;
  const restored = (_, value) => (isThreshold(value) ? { ...value, value: 'infinity' } : value);
  const parsed = (_, value) => (value === 'infinity' ? -Infinity : value);
  return JSON.parse(JSON.stringify(fieldConfig, restored), parsed);
}

function registry(panel) {
  const properties = panel.fieldConfig.overrides.flatMap((rule) => rule.properties.map((property) => property.id));
  const custom = new Set([
    ...Object.keys(CUSTOM[panel.type] ?? {}),
    ...Object.keys(panel.fieldConfig.defaults.custom ?? {}),
    ...properties.filter((id) => id.startsWith('custom.')).map((id) => id.slice('custom.'.length)),
  ]);
  const unknown = properties.filter((id) => !id.startsWith('custom.') && !(id in STANDARD));
  if (unknown.length > 0) {
    throw new Error(`${panel.title}: the page does not know the properties ${unknown.join(', ')}`);
  }
  return new FieldConfigOptionsRegistry(() => [
    ...Object.entries(STANDARD).map(([id, process]) => item(id, id, false, process)),
    ...[...custom].map((name) => item(`custom.${name}`, name, true, asItIs)),
  ]);
}

/** The frames of a panel, transformed and with their display settings. */
export async function prepared(panel, frames, { theme, values, made }) {
  const interpolate = (text) => replaced(text, values, made);
  const transformed = await firstValueFrom(transformDataFrame(panel.transformations ?? [], frames, { interpolate }));
  const { defaults, overrides } = withInfinity(panel.fieldConfig);
  const fieldConfig = { defaults: { ...defaults, custom: { ...CUSTOM[panel.type], ...defaults.custom } }, overrides };
  return applyFieldOverrides({
    data: transformed,
    fieldConfig,
    fieldConfigRegistry: registry(panel),
    replaceVariables: (text, scoped) => interpolate(withFieldNames(text, scoped)),
    theme,
    timeZone: 'browser',
  });
}

/** `${__field.labels.team}` and the like. */
export function withFieldNames(text, scoped) {
  const field = scoped?.__dataContext?.value?.field;
  return field ? text.replace(/\$\{__field\.labels\.(\w+)\}/g, (_, label) => field.labels?.[label] ?? '') : text;
}
