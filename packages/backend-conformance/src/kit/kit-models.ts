import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convert } from '@pocketlens/converter';
import { modelDirectory } from '@pocketlens/model-tiny';
import { goldenFolder } from './golden.js';

/** Storage types that the kit's model comes in. */
export type KitDtype = 'fp32' | 'fp16' | 'int8' | 'q4';

/** A model that the suite opens, for engines that read another form than a Pocketlens model directory. */
export interface KitModel {
  /**
   * `golden`: random weights, version 2.5, slices encoded as a joint batch. `golden-apart`: the same with every
   * slice alone. `tiny`: the embedded model, a later version with patches in rows and columns.
   */
  readonly name: 'golden' | 'golden-apart' | 'tiny';
  /** The model directory. */
  readonly directory: string;
  /** The published checkpoint it was converted from; the embedded model has none. */
  readonly checkpoint?: string;
}

const NEEDED_FILES = /^(config|generation_config|model\.safetensors\.index)\.json$|\.safetensors$/;

/** Converts the golden checkpoint into model directories of its own, in a temporary folder. */
export class KitModels {
  readonly #dtypes: readonly KitDtype[];
  readonly #converted = new Map<string, Promise<string>>();
  #root: Promise<string> | undefined;

  constructor(dtypes: readonly KitDtype[]) {
    this.#dtypes = dtypes;
  }

  async get(name: KitModel['name']): Promise<KitModel> {
    if (name === 'tiny') return { name, directory: modelDirectory };
    const directory = this.#converted.get(name) ?? this.#convert(name);
    this.#converted.set(name, directory);
    return { name, directory: await directory, checkpoint: join(await this.#folder(), `${name}-checkpoint`) };
  }

  /** A copy of the golden directory that a check may damage. */
  async damagedCopy(damage: (directory: string) => Promise<void>): Promise<string> {
    const { directory } = await this.get('golden');
    const copy = await mkdtemp(join(await this.#folder(), 'damaged-'));
    await cp(directory, copy, { recursive: true });
    await damage(copy);
    return copy;
  }

  /** Deletes everything that was converted. */
  async remove(): Promise<void> {
    await Promise.allSettled(this.#converted.values());
    this.#converted.clear();
    if (this.#root !== undefined) await rm(await this.#root, { recursive: true, force: true });
    this.#root = undefined;
  }

  async #convert(name: 'golden' | 'golden-apart'): Promise<string> {
    const root = await this.#folder();
    const source = join(root, `${name}-checkpoint`);
    const isNeeded = (path: string): boolean =>
      path === goldenFolder || NEEDED_FILES.test(path.slice(goldenFolder.length));
    await cp(goldenFolder, source, { recursive: true, filter: isNeeded });
    if (name === 'golden-apart') {
      const config = join(source, 'config.json');
      const values = JSON.parse(await readFile(config, 'utf8')) as object;
      await writeFile(config, JSON.stringify({ ...values, batch_vision_input: false }));
    }
    const target = join(root, name);
    await convert({ source, target, dtypes: name === 'golden' ? this.#dtypes : this.#dtypes.slice(0, 1) });
    return target;
  }

  #folder(): Promise<string> {
    this.#root ??= mkdtemp(join(tmpdir(), 'pocketlens-conformance-'));
    return this.#root;
  }
}
