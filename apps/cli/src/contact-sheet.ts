import path from 'node:path';
import type { RgbImage, SlicePlan } from '@pocketlens/preprocessing';
import sharp from 'sharp';
import { writeWhole } from './files.js';

/** A picture and its slices: the overview first, then the cells row by row. */
export interface SheetEntry {
  readonly file: string;
  readonly plan: SlicePlan;
  readonly pictures: readonly RgbImage[];
}

const STYLE = `
:root { color-scheme: light dark; --paper: light-dark(#f5f3ee, #17191c); --ink: light-dark(#22303c, #e8e6e1); --faint: light-dark(#6b7680, #9aa3ab) }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 76rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.15rem; margin: 3rem 0 0 }
p { margin: .1rem 0 1rem; color: var(--faint) }
section { display: grid; grid-template-columns: minmax(8rem, 1fr) 3fr; gap: 1.5rem; align-items: start }
.cells { display: grid; gap: .4rem; justify-self: start }
figure { margin: 0 }
img { display: block; width: 100%; height: auto; border-radius: 3px; box-shadow: 0 1px 4px #0004 }
figcaption { font-size: .75rem; color: var(--faint); font-variant-numeric: tabular-nums }
`;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? '');

async function figure({ data, width, height }: RgbImage, caption: string): Promise<string> {
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  const source = `data:image/png;base64,${png.toString('base64')}`;
  return `<figure><img src="${source}" width="${width}" height="${height}" alt="${caption}"><figcaption>${caption}</figcaption></figure>`;
}

function facts({ width, height, grid, slices, visionTokens }: SlicePlan): string {
  const cut = grid === null ? 'not cut' : `${grid[0]} × ${grid[1]} cells of ${slices[0]?.width} × ${slices[0]?.height}`;
  return `${width} × ${height} pixels, ${cut}, ${visionTokens} vision tokens`;
}

async function entryHtml({ file, plan, pictures }: SheetEntry): Promise<string> {
  const [overview, ...cells] = pictures;
  const parts = [`<h1>${escapeHtml(path.basename(file))}</h1><p>${facts(plan)}</p><section>`];
  if (overview !== undefined) parts.push(await figure(overview, `overview, ${overview.width} × ${overview.height}`));
  if (plan.grid !== null) {
    parts.push(`<div class="cells" style="grid-template-columns: repeat(${plan.grid[0]}, 1fr)">`);
    for (const [index, cell] of cells.entries()) parts.push(await figure(cell, `slice ${index + 1}`));
    parts.push('</div>');
  }
  return `${parts.join('')}</section>`;
}

/** Writes what the model sees of several pictures as one HTML page that needs no other file. */
export async function writeContactSheet(target: string, entries: readonly SheetEntry[]): Promise<void> {
  await writeWhole(target, async (file) => {
    await file.write(
      `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Slices</title><style>${STYLE}</style>`,
    );
    for (const entry of entries) await file.write(await entryHtml(entry));
    await file.write('</html>\n');
  });
}
