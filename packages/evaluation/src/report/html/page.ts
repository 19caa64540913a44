import { createHash } from 'node:crypto';

import { formatFigure, formatLevel } from '../format.js';
import { leaderboardOf } from '../leaderboard.js';
import type { BenchmarkReport } from '../report.js';
import { categoryChart, gauge } from './charts.js';
import { html, Markup } from './markup.js';
import { type Pictures, sampleList } from './samples.js';
import { SCRIPT } from './script.js';
import { STYLE } from './style.js';
import { figureTable, leaderboardTable } from './tables.js';

export interface PageOptions {
  /** Name of the model or the run. */
  readonly title: string;
  /** Most samples of a benchmark that are shown; default 60. */
  readonly worst?: number;
  /** Pictures of shown samples, by name of the benchmark. */
  readonly pictures?: ReadonlyMap<string, Pictures>;
}

/** How many samples a page shows unless told otherwise. */
export const DEFAULT_WORST = 60;

/**
 * One HTML file that needs nothing else: no request leaves it, it works from `file://`, and its own security policy allows
 * exactly its style and its script. Every text of a sample is escaped.
 */
export function reportPage(reports: readonly BenchmarkReport[], options: PageOptions): string {
  const leaderboard = leaderboardOf(reports, options.title);
  const title = `${options.title}: ${reports.map(({ score }) => score.benchmark).join(', ')}`;
  const links = reports.map(({ score }, at) => html`<li><a href="#b${at}">${score.benchmark}</a></li>`);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy()}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>${title}</title>
        ${new Markup(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <a class="skip" href="#content">To the figures</a>
        <header class="top">
          <p class="soft">Evaluation report</p>
          <h1>${options.title}</h1>
          ${
            reports.length > 1 &&
            html`<nav aria-label="Benchmarks">
              <ul>
                ${links}
              </ul>
            </nav>`
          }
        </header>
        <main id="content">
          ${reports.map((report, at) => benchmarkSection(report, `b${at}`, options))}
          ${leaderboard && leaderboardTable(leaderboard)}
        </main>
        <footer>Made by Pocketlens. This file loads nothing and sends nothing.</footer>
        ${new Markup(`<script>${SCRIPT}</script>`)}
      </body>
    </html>`;
  return `${page.text}\n`;
}

function policy(): string {
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return `default-src 'none'; img-src data:; style-src ${hash(STYLE)}; script-src ${hash(SCRIPT)}; base-uri 'none'; form-action 'none'`;
}

function benchmarkSection(
  report: BenchmarkReport,
  id: string,
  { worst = DEFAULT_WORST, pictures }: PageOptions,
): Markup {
  const { score, confidence, categories, samples } = report;
  const { headline } = score;
  return html`<section id="${id}" data-benchmark aria-labelledby="${id}-title">
    <h2 id="${id}-title">${score.benchmark}</h2>
    <p class="soft">${report.title}</p>
    <div class="card">
      <div class="headline">
        <div>
          <div class="soft">${headline.name}</div>
          <div class="value">${formatFigure(headline.value)}</div>
        </div>
        <div>
          ${gauge(report)}
          <p class="soft">
            ${formatLevel(confidence.level)} interval ${formatFigure(confidence.headline.low)} to
            ${formatFigure(confidence.headline.high)}; best is ${headline.best}
          </p>
        </div>
      </div>
      <ul class="facts">
        ${factsOf(report)}
      </ul>
    </div>
    <h3>By category</h3>
    <div class="card">${categoryChart(categories, confidence.level)}</div>
    <details class="figures">
      <summary>All figures with their intervals</summary>
      ${figureTable(report)}
    </details>
    ${settings(report)}
    ${sampleList(samples.slice(0, worst), samples.length, pictures?.get(score.benchmark) ?? new Map(), id)}
  </section>`;
}

function factsOf({ score, manifest }: BenchmarkReport): Markup[] {
  const { matching, profile, scored, total, failed, missing, unmatched, dropped } = score;
  const facts: (readonly [string, boolean])[] = [
    [`${scored} of ${total} samples scored`, scored < total],
    ...(score.isComplete ? [] : ([['part of the benchmark', true]] as const)),
    ...(failed > 0 ? ([[`${failed} failed, in no figure`, true]] as const) : []),
    ...(missing > 0 ? ([[`${missing} not answered, in no figure`, true]] as const) : []),
    ...(unmatched > 0 ? ([[`${unmatched} answers unmatched, counted as wrong`, false]] as const) : []),
    ...(dropped > 0 ? ([[`${dropped} rows without picture dropped`, false]] as const) : []),
    [`rules: ${profile}`, false],
    [matching.by === 'judge' ? `judge: ${matching.judge ?? 'unnamed'}` : 'no judge', false],
    ...(manifest ? ([[`model: ${manifest.model.name}`, false]] as const) : []),
  ];
  return facts.map(([text, isWarning]) => html`<li class="${isWarning ? 'warn' : ''}">${text}</li>`);
}

function settings({ manifest }: BenchmarkReport): Markup | undefined {
  if (!manifest) return undefined;
  return html`<details>
    <summary>How it was run</summary>
    <pre>${JSON.stringify(manifest, undefined, 1)}</pre>
  </details>`;
}
