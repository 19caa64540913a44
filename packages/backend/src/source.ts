/** A file of a model that is read piece by piece. */
export interface ModelFile {
  readonly size: number;
  /** Reads exactly `length` bytes at `offset`. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Where the files of a model come from: a folder, a browser's storage, a server. */
export interface ModelSource {
  /** For messages: a path or an address. */
  readonly name: string;
  /**
   * Opens a file by its path inside the model, with forward slashes.
   *
   * @throws {ModelFormatError} `MODEL_FILE_MISSING`, or `MODEL_EXTERNAL_PATH` for a path that leaves the model
   */
  open(path: string): Promise<ModelFile>;
  /** The path by which an engine can map the file itself, where there is a file system. */
  locate?(path: string): string;
}
