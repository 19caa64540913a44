import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GOLDEN, type GoldenPlan, readJson } from '../test/golden.js';
import { planSlices, type SlicePlan } from './slice-plan.js';

const sizes = (plan: SlicePlan): GoldenPlan => {
  const [cell] = plan.slices;
  return {
    grid: plan.grid,
    source: [plan.source.width, plan.source.height],
    refine: plan.refined && [plan.refined.width, plan.refined.height],
    slice: cell === undefined ? null : [cell.width, cell.height],
  };
};

const patches = (plan: SlicePlan): number =>
  [plan.source, ...plan.slices].reduce((sum, { patchGrid: [rows, columns] }) => sum + rows * columns, 0);

interface PlanRow extends GoldenPlan {
  readonly size: readonly [number, number];
  readonly max_slice_nums: number;
}

type CaseRow = readonly [
  width: number,
  height: number,
  grid: GoldenPlan['grid'],
  source: GoldenPlan['source'],
  refine: GoldenPlan['refine'],
  slice: GoldenPlan['slice'],
  patches: number,
  placeholderTokens: number,
  maxSliceNums?: number,
];

describe('planSlices equals the reference', () => {
  it('on every golden size', () => {
    const rows = readFileSync(`${GOLDEN}plans.jsonl`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as PlanRow);
    expect(rows).toHaveLength(3444);
    const planned = rows.map(({ size, max_slice_nums }) => ({
      size,
      max_slice_nums,
      ...sizes(planSlices(...size, { maxSliceNums: max_slice_nums })),
    }));
    expect(planned).toEqual(rows);
  });

  it('on every worked case, with patches and prompt length', () => {
    const { rows } = readJson<{ rows: CaseRow[] }>(`${GOLDEN}slice_cases.json`);
    expect(rows).toHaveLength(1568);
    const planned = rows.map(([width, height, , , , , , , ...limit]) => {
      const plan = planSlices(width, height, { maxSliceNums: limit[0] ?? 9 });
      const { grid, source, refine, slice } = sizes(plan);
      // Each slice stands between two markers; a grid adds its own two and a line break between rows.
      const markers = 2 * (1 + plan.slices.length) + (grid === null ? 0 : 2 + grid[1] - 1);
      return [width, height, grid, source, refine, slice, patches(plan), plan.visionTokens + markers, ...limit];
    });
    expect(planned).toEqual(rows);
  });
});

const side = fc.integer({ min: 1, max: 40_000 });
const geometry = fc.record({
  maxSliceNums: fc.integer({ min: 1, max: 20 }),
  scaleResolution: fc.constantFrom(224, 336, 448, 980),
  patchSize: fc.constantFrom(14, 16),
});

describe('planSlices', () => {
  it('cuts every refined picture into cells that cover each pixel once', () => {
    fc.assert(
      fc.property(side, side, geometry, (width, height, options) => {
        const { grid, refined, slices } = planSlices(width, height, options);
        const [columns, rows] = grid ?? [0, 0];
        expect(slices.map(({ row, col }) => row * columns + col)).toEqual(slices.map((_, i) => i));
        expect(slices.length).toBe(columns * rows);
        expect(slices.length).toBeLessThanOrEqual(options.maxSliceNums);
        const [cell] = slices;
        expect(refined).toEqual(
          cell === undefined ? null : { width: cell.width * columns, height: cell.height * rows },
        );
        expect(slices.map((each) => [each.width, each.height])).toEqual(slices.map(() => [cell!.width, cell!.height]));
      }),
    );
  });

  it('gives sides of whole patches and the tokens of every slice', () => {
    fc.assert(
      fc.property(side, side, geometry, fc.integer({ min: 1, max: 400 }), (width, height, options, queries) => {
        const plan = planSlices(width, height, { ...options, queries });
        for (const size of [plan.source, ...plan.slices]) {
          expect([size.height, size.width]).toEqual(size.patchGrid.map((count) => count * options.patchSize));
          expect(Math.min(...size.patchGrid)).toBeGreaterThanOrEqual(1);
        }
        expect(plan.visionTokens).toBe(queries * (1 + plan.slices.length));
      }),
    );
  });

  it('keeps the overview alone when told never to split', () => {
    const plan = planSlices(4000, 3000, { neverSplit: true });
    expect(plan).toMatchObject({ grid: null, refined: null, slices: [], visionTokens: 96 });
    expect(plan.source).toEqual({ width: 518, height: 392, patchGrid: [28, 37] });
  });

  it('rounds ties to the even multiple, as Python does', () => {
    // The fitted widths are 35 and 49 pixels: 2.5 and 3.5 patches, which become 2 and 4.
    expect(planSlices(1, 155).source).toEqual({ width: 28, height: 5572, patchGrid: [398, 2] });
    expect(planSlices(1, 81).source).toEqual({ width: 56, height: 4032, patchGrid: [288, 4] });
  });

  it.each([
    [0, 10],
    [10, -1],
    [1.5, 10],
    [Number.NaN, 10],
    [Infinity, 10],
  ])('refuses the size %d x %d', (width, height) => {
    expect(() => planSlices(width, height)).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
  });

  it('refuses options out of range', () => {
    for (const options of [
      { maxSliceNums: 0 },
      { patchSize: -14 },
      { scaleResolution: 0.5 },
      { queries: Number.NaN },
    ]) {
      expect(() => planSlices(10, 10, options)).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
    }
  });
});
