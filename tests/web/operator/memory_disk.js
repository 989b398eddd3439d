// A file system in memory, which can be filled under a running server. It is mounted in a namespace of the server's own, so it
// goes with that process; where none may be made, what needs one is skipped by name.

import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MIB = 1024 * 1024;

/** Enough for segments of the log, the index, and what the index keeps free; filling it takes as much memory. */
const SMALL_BYTES = 256 * MIB;

/** More than by any rule is little; it takes the memory of what is written. */
const LARGE_BYTES = 4096 * MIB;

// Whoever is not root is root of a namespace of users, which may mount, too.
const NAMESPACE = ['unshare', process.getuid() === 0 ? '-m' : '-rm'];

export class MemoryDisk {
  #mount;
  #filler = null;

  constructor(bytes) {
    this.#mount = `mount -t tmpfs -o size=${bytes},mode=700 memory-disk "$0" && exec "$@"`;
  }

  static small() {
    return new MemoryDisk(SMALL_BYTES);
  }

  static large() {
    return new MemoryDisk(LARGE_BYTES);
  }

  // Why there can be none here; nothing if there can.
  static why_not() {
    const [program, ...words] = MemoryDisk.small().command(tmpdir(), ['true']);
    const { error, status, stderr } = spawnSync(program, words, { encoding: 'utf8' });
    return status === 0 ? null : `nothing can be mounted: ${error?.message ?? stderr.trim()}`;
  }

  // The command that runs another one with the disk mounted at a directory; both have one process id.
  command(directory, plain) {
    return [...NAMESPACE, 'sh', '-c', this.#mount, directory, ...plain];
  }

  // Where this process sees what that one has there.
  seen(pid, path) {
    return `/proc/${pid}/root${path}`;
  }

  // Takes all the space that is left.
  fill(directory) {
    this.#filler = join(directory, 'filler');
    const file = openSync(this.#filler, 'a');
    for (const size of [1 << 20, 4096]) while (written(file, Buffer.alloc(size, 0xff)));
    closeSync(file);
  }

  make_space() {
    rmSync(this.#filler);
  }
}

function written(file, bytes) {
  try {
    return writeSync(file, bytes) > 0;
  } catch (error) {
    if (error.code === 'ENOSPC') return false;
    throw error;
  }
}
