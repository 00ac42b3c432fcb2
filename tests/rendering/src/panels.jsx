// The panels of Grafana's application: thin wrappers of components of @grafana/ui.

import {
  FieldType,
  VizOrientation,
  applyNullInsertThreshold,
  getDisplayProcessor,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  renderTextPanelMarkdown,
} from '@grafana/data';
import { BarGauge, BigValue, Table, TimeSeries, VizRepeater } from '@grafana/ui';
import React from 'react';

import { withFieldNames } from './fields.js';

export function canDraw(panel) {
  return panel.type in KINDS;
}

export function Body({ panel, frames, width, height, range, theme }) {
  const Kind = KINDS[panel.type];
  return <Kind {...{ panel, frames, width, height, range, theme }} />;
}

function NoData({ panel }) {
  return (
    <div className="no-data">
      <span>{panel.fieldConfig.defaults.noValue ?? 'No data'}</span>
    </div>
  );
}

function displayed({ panel, frames, theme }, sparkline) {
  return getFieldDisplayValues({
    fieldConfig: { ...panel.fieldConfig, defaults: panel.fieldConfig.defaults },
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: withFieldNames,
    theme,
    data: frames,
    sparkline,
    timeZone: 'browser',
  });
}

function Stat(props) {
  const { panel, frames, width, height, theme } = props;
  const { options } = panel;
  const value = ({ value, alignmentFactors, width, height, count }) => (
    <BigValue
      value={value.display}
      count={count}
      sparkline={value.sparkline}
      colorMode={options.colorMode}
      graphMode={options.graphMode}
      justifyMode={options.justifyMode}
      textMode={options.textMode}
      alignmentFactors={alignmentFactors}
      text={options.text}
      width={width}
      height={height}
      theme={theme}
    />
  );
  return (
    <VizRepeater
      getValues={() => displayed(props, options.graphMode !== 'none')}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={value}
      width={width}
      height={height}
      source={frames}
      itemSpacing={3}
      renderCounter={1}
      autoGrid={true}
      orientation={options.orientation}
    />
  );
}

function Bars(props) {
  const { panel, frames, width, height, theme } = props;
  const { options } = panel;
  // Grafana omits the name of a single bar, unless the field has an explicit name.
  const title = (value, count) =>
    count === 1 && !value.field.displayName ? { ...value.display, title: undefined } : value.display;
  const bar = ({ value, alignmentFactors, orientation, width, height, count }) => (
    <BarGauge
      value={title(value, count)}
      width={width}
      height={height}
      orientation={orientation}
      field={value.field}
      text={options.text}
      display={getDisplayProcessor({ field: { config: value.field, type: FieldType.number }, theme })}
      theme={theme}
      itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
      lcdCellWidth={12}
      displayMode={options.displayMode}
      alignmentFactors={alignmentFactors}
      showUnfilled={options.showUnfilled}
      valueDisplayMode={options.valueMode}
    />
  );
  return (
    <VizRepeater
      getValues={() => displayed(props, false)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={bar}
      width={width}
      height={height}
      source={frames}
      renderCounter={1}
      minVizWidth={options.minVizWidth ?? 0}
      minVizHeight={options.minVizHeight ?? 10}
      itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
      orientation={options.orientation ?? VizOrientation.Horizontal}
    />
  );
}

function Lines(props) {
  const { panel, frames, width, height, range } = props;
  const span = { refFieldPseudoMin: range.from, refFieldPseudoMax: range.to };
  // Grafana does not draw fields without numbers, frames without such fields, or lines over missing points.
  const drawn = frames
    .map((frame) => applyNullInsertThreshold({ frame, ...span }))
    .map((frame) => ({
      ...frame,
      fields: frame.fields.map((field) =>
        field.type === FieldType.number
          ? { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) }
          : field
      ),
    }))
    .filter((frame) => frame.fields.some((field) => field.type === FieldType.number));
  if (drawn.length === 0) {
    return <NoData panel={panel} />;
  }
  const timeRange = { from: at(range.from), to: at(range.to), raw: {} };
  return (
    <TimeSeries
      frames={drawn}
      structureRev={1}
      timeRange={timeRange}
      timeZone="browser"
      width={width}
      height={height}
      legend={panel.options.legend}
      options={panel.options}
    />
  );
}

const at = (milliseconds) => ({ valueOf: () => milliseconds });

function Rows({ panel, frames, width, height }) {
  const frame = frames[0];
  if (!frame || frame.fields.length === 0 || frame.length === 0) {
    return <NoData panel={panel} />;
  }
  return (
    <Table
      data={frame}
      width={width}
      height={height}
      noHeader={panel.options.showHeader === false}
      showTypeIcons={panel.options.showTypeIcons}
      resizable={true}
      initialSortBy={panel.options.sortBy}
      cellHeight={panel.options.cellHeight ?? 'sm'}
    />
  );
}

function Words({ panel, width, height }) {
  const html = renderTextPanelMarkdown(panel.options.content);
  return <div className="markdown-html" style={{ width, height }} dangerouslySetInnerHTML={{ __html: html }} />;
}

const KINDS = { stat: Stat, bargauge: Bars, timeseries: Lines, table: Rows, text: Words };
