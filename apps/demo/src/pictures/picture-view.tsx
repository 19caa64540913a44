import { useWords } from '../language/words.js';
import { sliceCount } from './picture.js';
import type { Picture } from './picture.js';

interface PictureViewProps {
  readonly picture: Picture;
  /** Slices that are encoded so far; undefined when none are being encoded. */
  readonly encoded: number | undefined;
  readonly hasSlices: boolean;
}

/**
 * A picture with its slices drawn over it. While they are encoded the picture lies in the dark, and every slice that
 * the model has seen lights up. The overview is the first slice and is drawn as the frame.
 */
export function PictureView({ picture, encoded, hasSlices }: PictureViewProps): React.JSX.Element {
  const words = useWords();
  const { plan, name, url } = picture;
  const { width, height } = plan;
  const isEncoding = encoded !== undefined;
  return (
    <figure className="picture" style={{ '--ratio': width / height, '--pixels': width } as React.CSSProperties}>
      <img src={url} alt={name} width={width} height={height} />
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {cellsOf(picture).map(({ index, ...cell }) => (
          <rect key={index} {...cell} className={`slice ${cellState(index, encoded)}`} />
        ))}
        {hasSlices || isEncoding ? <Lines picture={picture} /> : null}
      </svg>
      {isEncoding ? <span className="visually-hidden">{words.slicesAlt(encoded, sliceCount(picture))}</span> : null}
    </figure>
  );
}

interface Cell {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The cells with their place in the order of encoding, in pixels of the picture. */
function cellsOf({ plan }: Picture): readonly Cell[] {
  const { grid, width, height } = plan;
  if (grid === null) return [{ index: 0, x: 0, y: 0, width, height }];
  const [columns, rows] = grid;
  return plan.slices.map(({ row, col }, index) => ({
    index: index + 1,
    x: (col * width) / columns,
    y: (row * height) / rows,
    width: width / columns,
    height: height / rows,
  }));
}

function cellState(index: number, encoded: number | undefined): string {
  if (encoded === undefined) return 'rest';
  if (index < encoded) return 'lit';
  return index === encoded ? 'active' : 'dark';
}

/** Patches as a fine raster, cells as lines. One patch is what the vision encoder sees as one piece. */
function Lines({ picture }: { readonly picture: Picture }): React.JSX.Element {
  const { width, height, grid, source, slices } = picture.plan;
  const [columns, rows] = grid ?? [1, 1];
  const [patchRows, patchColumns] = (slices[0] ?? source).patchGrid;
  const across = Array.from({ length: patchColumns * columns - 1 }, (_, index) => index + 1);
  const down = Array.from({ length: patchRows * rows - 1 }, (_, index) => index + 1);
  const vertical = (share: number): string => `M${share * width} 0V${height}`;
  const horizontal = (share: number): string => `M0 ${share * height}H${width}`;
  const patches = [
    ...across.map((index) => vertical(index / (patchColumns * columns))),
    ...down.map((index) => horizontal(index / (patchRows * rows))),
  ];
  const cuts = [
    ...across.filter((index) => index % patchColumns === 0).map((index) => vertical(index / (patchColumns * columns))),
    ...down.filter((index) => index % patchRows === 0).map((index) => horizontal(index / (patchRows * rows))),
  ];
  return (
    <>
      <path className="patches" d={patches.join('')} />
      <path className="cuts" d={cuts.join('')} />
    </>
  );
}
