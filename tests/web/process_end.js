// Ends what the test has started, by process id, on every path: end, failure, signal, timeout.

const running = new Set();

// Remembers a child process until it has exited. `group`: it leads a process group of its own, which ends with it.
export function own(child, { group = false } = {}) {
  const owned = { child, group };
  running.add(owned);
  child.once('exit', () => running.delete(owned));
  return child;
}

// Kills all that still run, without waiting.
export function kill_all() {
  for (const { child, group } of running) {
    try {
      process.kill(group ? -child.pid : child.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}

process.on('exit', kill_all);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
