/** What every platform's port has; Node's types know only the events of its own kind. */
interface WebMessagePort {
  addEventListener(type: 'message', listener: () => void): void;
  start(): void;
  close(): void;
}

/**
 * Lets everything else run that waits: events, timers, input and output. A message is used because a timer waits for
 * milliseconds, and in a hidden browser tab for a second.
 */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    const port = channel.port1 as unknown as WebMessagePort;
    port.addEventListener('message', () => {
      port.close();
      resolve();
    });
    port.start();
    channel.port2.postMessage(undefined);
  });
}
