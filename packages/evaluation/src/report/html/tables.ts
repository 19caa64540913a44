import { formatFigure, formatLevel } from '../format.js';
import type { Leaderboard } from '../leaderboard.js';
import type { BenchmarkReport } from '../report.js';
import { html, type Markup } from './markup.js';

/** Every figure of the benchmark's own table with its interval. */
export function figureTable({ confidence }: BenchmarkReport): Markup {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="All figures">
    <table>
      <caption>
        ${formatLevel(confidence.level)} intervals, from ${confidence.resamples} resamples of ${confidence.clusters}
        independent groups of samples (seed ${confidence.seed}).
      </caption>
      <thead>
        <tr>
          <th scope="col">Figure</th>
          <th scope="col">Value</th>
          <th scope="col">Low</th>
          <th scope="col">High</th>
        </tr>
      </thead>
      <tbody>
        ${confidence.figures.map(
          ({ name, value, low, high }) =>
            html`<tr>
              <th scope="row">${name}</th>
              <td>${formatFigure(value)}</td>
              <td>${formatFigure(low)}</td>
              <td>${formatFigure(high)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** This run beside the published figures. */
export function leaderboardTable({ columns, rows, notes }: Leaderboard): Markup {
  return html`<section aria-labelledby="leaderboard">
    <h2 id="leaderboard">Beside the published figures</h2>
    <div class="card scroll" tabindex="0" role="group" aria-label="Leaderboard">
      <table>
        <caption>
          Figures of the official table of MiniCPM-Llama3-V 2.5; this run is highlighted.
        </caption>
        <thead>
          <tr>
            <th scope="col">Model</th>
            ${columns.map((column) => html`<th scope="col">${column}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ model, isOurs, figures }) =>
              html`<tr class="${isOurs ? 'ours' : ''}">
                <th scope="row">${model}${isOurs && ' (this run)'}</th>
                ${figures.map((figure) => html`<td>${formatFigure(figure)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${notes.map((note) => html`<p class="soft">${note}</p>`)}
  </section>`;
}
