// Draws the pictures of the examples: `node pictures/examples.mjs` (Debian: fonts-cantarell, fonts-lato, fonts-open-sans).
// They are kept in public/examples, so that building the page needs no fonts.
import path from 'node:path';
import sharp from 'sharp';

const FOLDER = path.join(import.meta.dirname, '..', 'public', 'examples');

const svg = (width, height, content) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${content}</svg>`;

const text = (content, attributes) =>
  `<text ${Object.entries({ 'dominant-baseline': 'central', ...attributes })
    .map(([name, value]) => `${name}="${value}"`)
    .join(' ')}>${content}</text>`;

const sign = svg(
  520,
  236,
  `<rect width="520" height="236" fill="#d9d4c5"/>
  <rect x="44" y="50" width="432" height="136" rx="12" fill="#1d4d43" stroke="#f3efe2" stroke-width="4"/>
  ${text('Harbour Road', { x: 260, y: 118, 'font-family': 'Cantarell', 'font-weight': 700, 'font-size': 56, fill: '#f7f4ea', 'text-anchor': 'middle' })}`,
);

const lines = ['The museum is open today', 'from 9 in the morning.', 'Please leave your coat', 'at the front desk.'];
const note = svg(
  400,
  196,
  `<rect width="400" height="196" fill="#fbf8ef"/>
  ${lines.map((line, index) => text(line, { x: 28, y: 38 + index * 40, 'font-family': 'Lato', 'font-size': 27, fill: '#27221c' })).join('')}`,
);

const screen = svg(
  560,
  320,
  `<rect width="560" height="320" fill="#dfe4e2"/>
  <rect x="32" y="32" width="496" height="256" rx="12" fill="#f9fbfa"/>
  ${text('Update ready', { x: 62, y: 74, 'font-family': 'Open Sans', 'font-weight': 600, 'font-size': 30, fill: '#16201d' })}
  ${text('The new version will be installed', { x: 62, y: 130, 'font-family': 'Open Sans', 'font-size': 20, fill: '#16201d' })}
  ${text('after the next start.', { x: 62, y: 160, 'font-family': 'Open Sans', 'font-size': 20, fill: '#16201d' })}
  <rect x="392" y="220" width="110" height="44" rx="8" fill="#1f63c9"/>
  ${text('Restart', { x: 447, y: 242, 'font-family': 'Open Sans', 'font-size': 20, fill: '#ffffff', 'text-anchor': 'middle' })}
  <rect x="270" y="220" width="108" height="44" rx="8" fill="#f9fbfa" stroke="#1f63c9"/>
  ${text('Cancel', { x: 324, y: 242, 'font-family': 'Open Sans', 'font-size': 20, fill: '#16201d', 'text-anchor': 'middle' })}`,
);

for (const [name, picture] of Object.entries({ sign, note, screen })) {
  await sharp(Buffer.from(picture))
    .png({ compressionLevel: 9 })
    .toFile(path.join(FOLDER, `${name}.png`));
}
