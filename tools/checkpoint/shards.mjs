// Safetensors files as the published checkpoint has them: cut at a size, tensors sorted by name, header padded to 8 bytes.
import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';

const BYTES_PER_VALUE = 2;

const byteLength = ({ shape }) => shape.reduce((product, side) => product * side, BYTES_PER_VALUE);

/** Cuts the list where one more tensor would pass the limit. */
export function planShards(tensors, shardBytes) {
  const groups = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const added = byteLength(tensor);
    if (bytes > 0 && bytes + added > shardBytes) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1).push(tensor);
    bytes += added;
  }
  const digits = (number) => String(number).padStart(5, '0');
  return groups.map((group, index) => {
    const sorted = group.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const header = encodeHeader(sorted);
    const dataBytes = sorted.reduce((sum, tensor) => sum + byteLength(tensor), 0);
    return {
      file: `model-${digits(index + 1)}-of-${digits(groups.length)}.safetensors`,
      tensors: sorted,
      header,
      dataBytes,
      bytes: header.length + dataBytes,
    };
  });
}

function encodeHeader(tensors) {
  const json = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const tensor of tensors) {
    const end = offset + byteLength(tensor);
    json[tensor.name] = { dtype: 'F16', shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = JSON.stringify(json);
  const body = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(body.length));
  return Buffer.concat([length, body]);
}

/** Writes one shard; `onBytes` hears of every piece. */
export async function writeShard(folder, shard, values, onBytes) {
  const file = await open(path.join(folder, shard.file), 'wx');
  try {
    await writeAll(file, shard.header);
    onBytes(shard.header.length);
    for (const tensor of shard.tensors) {
      for (const piece of values.bytes(tensor)) {
        await writeAll(file, piece);
        onBytes(piece.length);
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeAll(file, bytes) {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done);
    done += bytesWritten;
  }
}

export async function writeIndex(folder, shards) {
  const names = shards.flatMap(({ file, tensors }) => tensors.map(({ name }) => [name, file]));
  const index = {
    metadata: { total_size: shards.reduce((sum, { dataBytes }) => sum + dataBytes, 0) },
    weight_map: Object.fromEntries(names.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
  await writeFile(path.join(folder, 'model.safetensors.index.json'), `${JSON.stringify(index, undefined, 2)}\n`);
}
