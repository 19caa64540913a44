import { formatFigure, formatLevel } from '../format.js';
import type { BenchmarkReport, CategoryFigure } from '../report.js';
import { html, type Markup } from './markup.js';

const clamp = (value: number): number => Math.min(100, Math.max(0, value));
const place = (value: number): string => clamp(value).toFixed(2);

/** Bars of mean scores with error bars: a table, so that it is read aloud as one. */
export function categoryChart(categories: readonly CategoryFigure[], level: number): Markup {
  return html`<table class="chart">
    <caption>
      Mean score of the samples of each category, with ${formatLevel(level)} confidence intervals.
    </caption>
    <thead>
      <tr>
        <th scope="col">Category</th>
        <th scope="col" class="bar">0 to 100 %</th>
        <th scope="col">Mean [interval]</th>
        <th scope="col">Samples</th>
      </tr>
    </thead>
    <tbody>
      ${categories.map(bar)}
    </tbody>
  </table>`;
}

function bar({ category, samples, score, low, high }: CategoryFigure): Markup {
  const [left, right] = [place(low * 100), place(high * 100)];
  return html`<tr>
    <th scope="row">${category}</th>
    <td class="bar">
      <svg viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true" focusable="false">
        <rect class="track" x="0" y="2" width="100" height="16" rx="1" />
        <rect class="fill" x="0" y="2" width="${place(score * 100)}" height="16" rx="1" />
        <path class="error" d="M${left} 10H${right}M${left} 5V15M${right} 5V15" />
      </svg>
    </td>
    <td>${(score * 100).toFixed(1)} [${(low * 100).toFixed(1)}, ${(high * 100).toFixed(1)}]</td>
    <td class="n">${samples}</td>
  </tr>`;
}

/** Where the headline stands between worst and best, and how sure that is. */
export function gauge({ score, confidence }: BenchmarkReport): Markup {
  const { best } = score.headline;
  // An error rate is best at 0 and as bad as can be at 1.
  const scale = 100 / (best === 0 ? 1 : best);
  const value = Number(score.headline.value) * scale;
  const [low, high] = [Number(confidence.headline.low) * scale, Number(confidence.headline.high) * scale];
  if ([value, low, high].some(Number.isNaN)) return html``;
  const words = `${formatFigure(score.headline.value)} on a scale from 0 to ${best === 0 ? 1 : best}; ${best} is best.`;
  return html`<svg class="gauge" viewBox="0 0 100 20" preserveAspectRatio="none" role="img" aria-label="${words}">
    <rect class="track" x="0" y="6" width="100" height="8" rx="1" />
    <rect
      class="range"
      x="${place(low)}"
      y="6"
      width="${Math.max(0.4, clamp(high) - clamp(low)).toFixed(2)}"
      height="8"
    />
    <path class="point" d="M${place(value)} 2V18" />
  </svg>`;
}
