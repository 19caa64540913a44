import type { ReportedPicture, ReportedSample } from '../report.js';
import { html, type Markup } from './markup.js';

/** Pictures by index of the sample. */
export type Pictures = ReadonlyMap<string, readonly ReportedPicture[]>;

/** The samples of a benchmark with search and filters. */
export function sampleList(samples: readonly ReportedSample[], total: number, pictures: Pictures, id: string): Markup {
  const categories = [...new Set(samples.map(({ category }) => category))].sort();
  return html`<h3 id="${id}-samples">Worst samples</h3>
    <p class="soft">The ${samples.length} lowest of ${total} samples, the worst first.</p>
    <form class="tools" role="search" aria-label="Filter samples" hidden>
      <label class="wide">Search <input name="search" type="search" autocomplete="off" spellcheck="false" /></label>
      <label
        >Category
        <select name="category">
          <option value="">all</option>
          ${categories.map((category) => html`<option value="${category}">${category}</option>`)}
        </select>
      </label>
      <label
        >Result
        <select name="result">
          <option value="">all</option>
          ${RESULTS.map(([value, name]) => html`<option value="${value}">${name}</option>`)}
        </select>
      </label>
      <p class="count" role="status"></p>
    </form>
    <ol class="samples" aria-labelledby="${id}-samples">
      ${samples.map((sample, at) => card(sample, pictures.get(sample.index) ?? [], `${id}-${at}`))}
    </ol>
    <p class="none soft" hidden>No sample matches.</p>`;
}

const RESULTS = [
  ['wrong', 'wrong'],
  ['part', 'partly right'],
  ['right', 'right'],
  ['unmatched', 'no answer found'],
  ['failed', 'failed or missing'],
  ['unscored', 'no score of its own'],
] as const;

function resultOf({ status, score }: ReportedSample): (typeof RESULTS)[number][0] {
  if (status !== 'scored') return 'failed';
  if (score === null) return 'unscored';
  return score === 0 ? 'wrong' : score === 1 ? 'right' : 'part';
}

const PILLS = { wrong: 'bad', part: 'mid', right: 'good', unmatched: 'bad', failed: 'bad', unscored: 'mid' } as const;

function pill(sample: ReportedSample): string {
  if (sample.status !== 'scored') return sample.status;
  return sample.score === null ? 'counts with its group' : `score ${(sample.score * 100).toFixed(0)} %`;
}

function card(sample: ReportedSample, pictures: readonly ReportedPicture[], id: string): Markup {
  const result = resultOf(sample);
  const results = sample.isUnmatched ? `${result} unmatched` : result;
  return html`<li class="sample card" data-category="${sample.category}" data-result="${results}">
    <header>
      <h4 id="${id}">${sample.index}</h4>
      <span class="pill ${PILLS[result]}">${pill(sample)}</span>
      <span class="soft">${sample.category}</span>
    </header>
    <div class="pictures" tabindex="0" role="group" aria-label="Pictures of ${sample.index}">
      ${
        pictures.length === 0
          ? html`<p class="soft">No picture</p>`
          : pictures.map((picture, at) => image(picture, sample, at))
      }
    </div>
    <dl>
      <dt>Prompt</dt>
      <dd><span class="text">${sample.prompt}</span></dd>
      <dt>Answer</dt>
      <dd>
        ${
          sample.answer === ''
            ? html`<span class="soft">${sample.status === 'scored' ? '(empty)' : '(none)'}</span>`
            : html`<span class="text answer">${sample.answer}</span>`
        }
      </dd>
      <dt>Reference</dt>
      <dd><span class="text">${sample.reference}</span></dd>
      <dt>Why</dt>
      <dd>
        <span class="text">${sample.why}</span>
        <details>
          <summary>What the scorer reports</summary>
          <pre>${JSON.stringify(sample.details, undefined, 1)}</pre>
        </details>
      </dd>
    </dl>
  </li>`;
}

function image({ bytes, mediaType }: ReportedPicture, { index }: ReportedSample, at: number): Markup {
  const source = `data:${mediaType};base64,${Buffer.from(bytes).toString('base64')}`;
  return html`<img src="${source}" alt="Picture ${at + 1} of sample ${index}" loading="lazy" decoding="async" />`;
}
