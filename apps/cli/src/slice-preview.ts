import type { RgbImage, SlicePlan } from '@pocketlens/preprocessing';
import sharp from 'sharp';
import { writeWhole } from './files.js';
import { GLYPH_HEIGHT, labelPath, labelWidth } from './pixel-font.js';

const PAPER = '#f5f3ee';
const INK = '#22303c';
const ACCENT = '#ff5a36';
const MARGIN = 32;
const PICTURE_LIMIT = 1200;
const THUMBNAIL_LIMIT = 260;
const DOT = 2;
const LINE_HEIGHT = (GLYPH_HEIGHT + 5) * DOT;

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly picture: Box;
  readonly thumbnail: Box;
  /** Upper left corner of the lines of text. */
  readonly text: { readonly x: number; readonly y: number };
}

function fitInto(width: number, height: number, limit: number): { width: number; height: number } {
  const factor = limit / Math.max(width, height);
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}

/** The picture with its facts beside it, or below it when it is wide. */
function layOut(plan: SlicePlan, lines: readonly string[]): Layout {
  const picture = { x: MARGIN, y: MARGIN, ...fitInto(plan.width, plan.height, PICTURE_LIMIT) };
  const size = fitInto(plan.source.width, plan.source.height, THUMBNAIL_LIMIT);
  const textWidth = Math.max(...lines.map(labelWidth)) * DOT;
  const textHeight = lines.length * LINE_HEIGHT;
  if (picture.width > picture.height * 1.3) {
    const y = picture.y + picture.height + MARGIN;
    const thumbnail = { x: MARGIN, y, ...size };
    const text = { x: MARGIN * 2 + size.width, y };
    const width = Math.max(picture.width, size.width + MARGIN + textWidth) + MARGIN * 2;
    return { width, height: y + Math.max(size.height, textHeight) + MARGIN, picture, thumbnail, text };
  }
  const x = picture.x + picture.width + MARGIN;
  const text = { x, y: MARGIN * 2 + size.height };
  const height = Math.max(picture.height, size.height + MARGIN + textHeight) + MARGIN * 2;
  return {
    width: x + Math.max(size.width, textWidth) + MARGIN,
    height,
    picture,
    thumbnail: { x, y: MARGIN, ...size },
    text,
  };
}

function describe({ width, height, source, grid, slices, visionTokens }: SlicePlan): string[] {
  const lines = [`picture   ${width} × ${height}`, `overview  ${source.width} × ${source.height}`];
  const [first] = slices;
  if (grid === null || first === undefined) lines.push('slices    none');
  else lines.push(`slices    ${grid[0]} × ${grid[1]}`, `each      ${first.width} × ${first.height}`);
  return [...lines, `tokens    ${visionTokens}`];
}

function label(text: string, x: number, y: number, dot: number): string {
  const padding = dot * 3;
  const width = labelWidth(text) * dot + padding * 2;
  const height = GLYPH_HEIGHT * dot + padding * 2;
  const glyphs = labelPath(text, x + padding, y + padding, dot);
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${padding}" fill="${ACCENT}"/><path d="${glyphs}" fill="#fff"/>`;
}

const frame = ({ x, y, width, height }: Box): string =>
  `<rect x="${x - 1}" y="${y - 1}" width="${width + 2}" height="${height + 2}" fill="none" stroke="${INK}" stroke-width="2"/>`;

/** Lines between the cells: a light halo keeps them visible on any picture. */
function gridLines({ x, y, width, height }: Box, [columns, rows]: readonly [number, number]): string {
  let path = '';
  for (let column = 1; column < columns; column += 1) path += `M${x + (width * column) / columns} ${y}v${height}`;
  for (let row = 1; row < rows; row += 1) path += `M${x} ${y + (height * row) / rows}h${width}`;
  const stroke = (color: string, size: number): string =>
    `<path d="${path}" fill="none" stroke="${color}" stroke-width="${size}"/>`;
  return stroke('rgba(255,255,255,0.75)', 7) + stroke(ACCENT, 3);
}

function overlay(
  plan: SlicePlan,
  lines: readonly string[],
  { width, height, picture, thumbnail, text }: Layout,
): string {
  const parts = [frame(thumbnail)];
  if (plan.grid !== null) {
    const [columns, rows] = plan.grid;
    parts.push(gridLines(picture, plan.grid));
    const cell = { width: picture.width / columns, height: picture.height / rows };
    const dot = Math.max(1, Math.min(3, Math.floor(Math.min(cell.width, cell.height) / 40)));
    for (const [index, { row, col }] of plan.slices.entries()) {
      const left = Math.round(picture.x + col * cell.width) + dot * 4;
      parts.push(label(String(index + 1), left, Math.round(picture.y + row * cell.height) + dot * 4, dot));
    }
  }
  parts.push(frame(picture));
  const words = lines.map((line, index) => labelPath(line, text.x, text.y + index * LINE_HEIGHT, DOT));
  parts.push(`<path d="${words.join('')}" fill="${INK}" shape-rendering="crispEdges"/>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${parts.join('')}</svg>`;
}

function scaled({ data, width, height }: RgbImage, box: Box): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .resize(box.width, box.height, { fit: 'fill' })
    .png()
    .toBuffer();
}

/** What a preview shows. */
export interface PreviewInput {
  readonly image: RgbImage;
  readonly plan: SlicePlan;
  /** The overview first, then the cells. */
  readonly pictures: readonly RgbImage[];
}

/** Draws the picture with the grid over it, the overview and the figures of the plan, as PNG. */
export async function drawPreview(target: string, { image, plan, pictures }: PreviewInput): Promise<void> {
  const lines = describe(plan);
  const layout = layOut(plan, lines);
  const { width, height, picture, thumbnail } = layout;
  const bytes = await sharp({ create: { width, height, channels: 3, background: PAPER } })
    .composite([
      { input: await scaled(image, picture), left: picture.x, top: picture.y },
      { input: await scaled(pictures[0] ?? image, thumbnail), left: thumbnail.x, top: thumbnail.y },
      { input: Buffer.from(overlay(plan, lines, layout)), left: 0, top: 0 },
    ])
    .png()
    .toBuffer();
  await writeWhole(target, async (file) => void (await file.write(bytes)));
}
