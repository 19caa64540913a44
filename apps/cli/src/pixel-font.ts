// A 5 x 7 dot font, one byte a column, lowest bit on top: labels look the same on machines without any font.
const GLYPHS: Readonly<Record<string, string>> = {
  '0': '3e5149453e',
  '1': '00427f4000',
  '2': '4261514946',
  '3': '2141454b31',
  '4': '1814127f10',
  '5': '2745454539',
  '6': '3c4a494930',
  '7': '0171090503',
  '8': '3649494936',
  '9': '064949291e',
  a: '2054545478',
  b: '7f48444438',
  c: '3844444420',
  d: '384444487f',
  e: '3854545418',
  f: '087e090102',
  g: '0c5252523e',
  h: '7f08040478',
  i: '00447d4000',
  j: '2040443d00',
  k: '7f10284400',
  l: '00417f4000',
  m: '7c04180478',
  n: '7c08040478',
  o: '3844444438',
  p: '7c14141408',
  q: '081414187c',
  r: '7c08040408',
  s: '4854545420',
  t: '043f444020',
  u: '3c4040207c',
  v: '1c2040201c',
  w: '3c4030403c',
  x: '4428102844',
  y: '0c5050503c',
  z: '4464544c44',
  '×': '2214081422',
  '-': '0808080808',
  '.': '0060600000',
  ',': '0050300000',
  ':': '0036360000',
  '/': '2010080402',
  '+': '08083e0808',
  ' ': '0000000000',
};

const ADVANCE = 6;
export const GLYPH_HEIGHT = 7;

/** Width of a label in dots. */
export function labelWidth(text: string): number {
  return Math.max(0, [...text].length * ADVANCE - 1);
}

/**
 * SVG path data of a label.
 *
 * @param text - digits, lower-case letters, ×, and `-.,:/+`; anything else leaves a gap
 * @param x - left edge, in pixels
 * @param y - upper edge, in pixels
 * @param dot - side of a dot, in pixels
 */
export function labelPath(text: string, x: number, y: number, dot: number): string {
  const squares: string[] = [];
  for (const [index, character] of [...text].entries()) {
    const columns = Buffer.from(GLYPHS[character] ?? '', 'hex');
    for (const [column, bits] of columns.entries()) {
      for (let row = 0; row < GLYPH_HEIGHT; row += 1) {
        if ((bits >> row) % 2 === 0) continue;
        squares.push(`M${x + (index * ADVANCE + column) * dot} ${y + row * dot}h${dot}v${dot}h-${dot}z`);
      }
    }
  }
  return squares.join('');
}
