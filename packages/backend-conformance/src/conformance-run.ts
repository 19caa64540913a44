import type { BackendModelV1, BackendV1, ModelSource } from '@pocketlens/backend';
import { SkippedCheck } from './check.js';
import type { Area, Check, CheckContext } from './check.js';
import { allChecks } from './checks/all-checks.js';
import { Golden } from './kit/golden.js';
import { KitModels } from './kit/kit-models.js';
import type { KitDtype, KitModel } from './kit/kit-models.js';
import { memoryInUse } from './kit/memory-in-use.js';
import { dtypesOf, toleranceOf } from './options.js';
import type { ConformanceOptions } from './options.js';

/** A check and the storage type that it runs with. */
export interface PlannedCheck {
  readonly check: Check;
  readonly dtype: KitDtype;
  /** Unique: storage type, area and name. */
  readonly title: string;
}

/** What became of a check. */
export interface Outcome {
  readonly area: Area;
  readonly name: string;
  readonly dtype: KitDtype;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  readonly error?: unknown;
}

/** Largest distance from the reference that was seen with a storage type. */
export interface Measured {
  readonly features?: number;
  readonly logits?: number;
}

/** Whether arithmetic on the stored weights gives the reference's numbers. */
function isExact(dtype: KitDtype): boolean {
  return dtype === 'fp32' || dtype === 'fp16';
}

/** Runs checks one by one over a backend; models are loaded when a check first needs them. */
export class ConformanceRun {
  readonly planned: readonly PlannedCheck[];
  readonly outcomes: Outcome[] = [];
  readonly measured: Map<KitDtype, Measured> = new Map();
  readonly backend: BackendV1;
  readonly options: ConformanceOptions;
  readonly dtypes: readonly KitDtype[];
  readonly #kit: KitModels;
  readonly #ownsKit: boolean;
  readonly #models = new Map<KitDtype, Promise<BackendModelV1>>();
  #golden: Promise<Golden> | undefined;

  constructor(backend: BackendV1, options: ConformanceOptions, kit?: KitModels) {
    this.backend = backend;
    this.options = options;
    this.dtypes = dtypesOf(options);
    this.#kit = kit ?? new KitModels(this.dtypes);
    this.#ownsKit = kit === undefined;
    this.planned = this.dtypes.flatMap((dtype, index) =>
      allChecks
        .filter(({ runs, needsDirectory }) => {
          const isItsTurn = runs === 'each' || (runs === 'exact' ? isExact(dtype) : index === 0);
          return isItsTurn && !(needsDirectory === true && options.source !== undefined);
        })
        .map((check) => ({ check, dtype, title: `${dtype}: ${check.area}: ${check.name}` })),
    );
  }

  /** Runs one check and keeps its outcome, whatever it is. */
  async perform({ check, dtype }: PlannedCheck): Promise<Outcome> {
    const opened: BackendModelV1[] = [];
    const outcome = { area: check.area, name: check.name, dtype };
    let result: Outcome;
    try {
      const context = await this.#context(dtype, opened);
      if (check.needsImages === true && !(await context.model()).capabilities.imageInput) {
        context.skip('the model takes no images');
      }
      await check.run(context);
      result = { ...outcome, status: 'passed' };
    } catch (error) {
      result = { ...outcome, status: error instanceof SkippedCheck ? 'skipped' : 'failed', error };
    }
    // What dispose does wrong is told by the checks of the area disposal.
    await Promise.allSettled(opened.map((model) => model.dispose()));
    this.outcomes.push(result);
    return result;
  }

  /** Disposes the models and deletes what was converted. */
  async close(): Promise<void> {
    const loaded = await Promise.allSettled(this.#models.values());
    this.#models.clear();
    await Promise.allSettled(
      loaded.map((model) => (model.status === 'fulfilled' ? model.value.dispose() : Promise.resolve())),
    );
    if (this.#ownsKit) await this.#kit.remove();
  }

  async #context(dtype: KitDtype, opened: BackendModelV1[]): Promise<CheckContext> {
    const { backend, options, dtypes } = this;
    const { loadOptions } = options;
    this.#golden ??= Golden.load();
    const golden = await this.#golden;
    const source = (name: KitModel['name']): Promise<string | ModelSource> => this.#source(name);
    return {
      backend,
      golden,
      dtype,
      dtypes,
      tolerance: toleranceOf(dtype, options),
      source,
      model: () => this.#model(dtype),
      open: async (name, own) => {
        const model = await backend.loadModel(await source(name), { ...loadOptions, dtype, ...own });
        opened.push(model);
        return model;
      },
      damaged: (damage) => this.#kit.damagedCopy(damage),
      encode: async (images) => (await this.#model(dtype)).encodeImages(await golden.slices(images)),
      memoryUsage: async () =>
        options.memoryUsage === undefined ? memoryInUse() : { engine: await options.memoryUsage() },
      measured: (kind, difference) => {
        const known = this.measured.get(dtype);
        this.measured.set(dtype, { ...known, [kind]: Math.max(difference, known?.[kind] ?? 0) });
      },
      skip: (reason) => {
        throw new SkippedCheck(reason);
      },
    };
  }

  #model(dtype: KitDtype): Promise<BackendModelV1> {
    let model = this.#models.get(dtype);
    if (model === undefined) {
      model = this.#source('golden').then((from) =>
        this.backend.loadModel(from, { ...this.options.loadOptions, dtype }),
      );
      this.#models.set(dtype, model);
    }
    return model;
  }

  async #source(name: KitModel['name']): Promise<string | ModelSource> {
    const model = await this.#kit.get(name);
    return (await this.options.source?.(model)) ?? model.directory;
  }
}
