// Draws the icons: `node pictures/icons.mjs`.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';

const FOLDER = path.join(import.meta.dirname, '..', 'public', 'icons');

/** A lens whose field is cut into slices, one of them lit. `inset` leaves room for the mask of a launcher. */
const icon = ({ inset, corner }) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
  <rect width="64" height="64" rx="${corner}" fill="#10231e"/>
  <g transform="translate(32 32) scale(${inset}) translate(-32 -32)">
    <clipPath id="lens"><circle cx="29" cy="29" r="19"/></clipPath>
    <path d="M43.5 43.5 54 54" stroke="#8fdcc6" stroke-width="6" stroke-linecap="round"/>
    <circle cx="29" cy="29" r="19" fill="#17352d"/>
    <g clip-path="url(#lens)">
      <rect x="29" y="10" width="19" height="19" fill="#ffc24b"/>
      <path d="M29 8v42M8 29h42" stroke="#8fdcc6" stroke-width="2"/>
    </g>
    <circle cx="29" cy="29" r="19" fill="none" stroke="#8fdcc6" stroke-width="4"/>
  </g>
</svg>
`;

await mkdir(FOLDER, { recursive: true });
await writeFile(path.join(FOLDER, 'icon.svg'), icon({ inset: 1, corner: 14 }));
for (const size of [192, 512]) {
  const picture = sharp(Buffer.from(icon({ inset: 1, corner: 14 })), { density: 72 * (size / 64) });
  await picture
    .resize(size, size)
    .png()
    .toFile(path.join(FOLDER, `icon-${size}.png`));
}
const maskable = sharp(Buffer.from(icon({ inset: 0.78, corner: 0 })), { density: 576 });
await maskable.resize(512, 512).png().toFile(path.join(FOLDER, 'maskable-512.png'));
