/**
 * The doorbell and the sleeping handshake: a wake is never lost. Two threads sleep before nearly
 * every request; and a canary without the second look must lose a wake, or the test would prove
 * nothing.
 */

import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { ClientChannel } from "../../ipc/client-channel.js";
import { allocateDoorbell, Doorbell } from "../../ipc/doorbell.js";
import { ProviderChannel } from "../../ipc/provider-channel.js";
import { allocateChannel } from "../../ipc/ring-block.js";
import { emptySqe } from "../../ipc/sqe.js";
import { flight, sleepUntilReady } from "./handshake.js";

const HANDSHAKES = 30_000;

describe("doorbell", () => {
  it("doorbell: one that rang since the count was read does not let anyone sleep", () => {
    const bell = new Doorbell(allocateDoorbell());
    const count = bell.count();
    bell.ring();
    const before = performance.now();
    bell.park(count, 10_000);
    expect(performance.now() - before).toBeLessThan(5000);
    expect(bell.parkAsync(count)).toBeUndefined();
  });

  it("doorbell: a sleeper wakes at a ring, and otherwise when its time is over", async () => {
    const bell = new Doorbell(allocateDoorbell());
    bell.park(bell.count(), 1);
    const sleep = bell.parkAsync(bell.count());
    bell.ring();
    await expect(sleep).resolves.toBe("ok");
  });

  it("doorbell: mail is counted apart, and rings", () => {
    const bell = new Doorbell(allocateDoorbell());
    const count = bell.count();
    bell.ring();
    expect(bell.mailCount()).toBe(0);
    bell.ringMail();
    expect([bell.mailCount(), bell.count()]).toEqual([1, count + 2]);
  });

  it("doorbell: waking rings once for each announced sleep, and never unasked", () => {
    const bell = new Doorbell(allocateDoorbell());
    const memory = allocateChannel(4096);
    const client = new ClientChannel(memory, new Doorbell(allocateDoorbell()));
    const provider = new ProviderChannel(memory, bell);
    expect([provider.wake(), bell.count()]).toEqual([false, 0]);
    client.setSleeping(true);
    expect([provider.wake(), provider.wake(), bell.count()]).toEqual([true, false, 1]);
  });
});

describe("doorbell: the handshake", () => {
  /** A sleeper whose peer answers between its look and its announcement. */
  function raceOnce(looksAgain: boolean): boolean {
    const bell = new Doorbell(allocateDoorbell());
    const memory = allocateChannel(4096);
    const client = new ClientChannel(memory, new Doorbell(allocateDoorbell()));
    const provider = new ProviderChannel(memory, bell);
    client.submit(flight());
    const sqe = emptySqe();
    const answer = (): void => {
      if (!provider.available()) return;
      provider.take(sqe);
      provider.complete(sqe.tag, 0, 0);
      provider.wake();
    };
    return sleepUntilReady(client, bell, { looksAgain, timeoutMs: 50, between: answer });
  }

  it("handshake: an answer between look and announcement is seen", () => {
    expect(raceOnce(true)).toBe(true);
  });

  it("handshake: canary, without the second look the same answer is slept through", () => {
    expect(raceOnce(false)).toBe(false);
  });

  it(`handshake: two threads sleep and wake each other ${HANDSHAKES} times`, async () => {
    const [ours, theirs] = [allocateDoorbell(), allocateDoorbell()];
    const memory = allocateChannel(4096);
    const worker = new Worker(new URL("./doorbell-peer.js", import.meta.url), {
      workerData: { memory, own: theirs, peer: ours, requests: HANDSHAKES },
    });
    const message = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      });
    await message();
    const report = message();
    const bell = new Doorbell(ours);
    const client = new ClientChannel(memory, new Doorbell(theirs));
    let sum = 0;
    for (let i = 0; i < HANDSHAKES; i++) {
      client.sqe.arg1 = i;
      client.submit(
        flight((result) => {
          sum += result - i;
        }),
      );
      if (!sleepUntilReady(client, bell, { looksAgain: true, timeoutMs: 10_000 })) {
        expect.fail(`the wake of request ${i} was lost`);
      }
      client.poll();
    }
    expect(sum).toBe(HANDSHAKES);
    expect(await report).toEqual({ lost: 0 });
    await worker.terminate();
  });
});
