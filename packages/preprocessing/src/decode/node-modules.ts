import { InvalidArgumentError } from '../errors.js';

// Its type claims that it is always there; in a browser it is not.
const nodeProcess: NodeJS.Process | undefined = globalThis.process;

/** True where Node's own modules can be had. */
export const isNode = (): boolean => nodeProcess?.versions?.node !== undefined;

/**
 * Node's process, whose `getBuiltinModule` gives Node's modules without an import that a bundler for browsers would have to resolve.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_TYPE` outside Node
 */
export const requireNode = (): NodeJS.Process => {
  if (isNode() && nodeProcess !== undefined) return nodeProcess;
  throw new InvalidArgumentError(
    'ARGUMENT_TYPE',
    'Expected bytes, a Blob or an ImageBitmap for image: there are no files here',
  );
};
