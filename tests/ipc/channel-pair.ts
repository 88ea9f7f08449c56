/**
 * Both ends of a channel in one thread, with access to the shared words, for the channel's tests.
 */

import { ClientChannel } from "../../ipc/client-channel.js";
import { allocateDoorbell, Doorbell } from "../../ipc/doorbell.js";
import { ProviderChannel } from "../../ipc/provider-channel.js";
import {
  allocateChannel,
  type ChannelMemory,
  CQ_HEAD,
  CQ_TAIL,
  SQ_HEAD,
  SQ_TAIL,
} from "../../ipc/ring-block.js";
import { emptySqe, SQE_ONEWAY, type Sqe } from "../../ipc/sqe.js";
import { flight } from "./handshake.js";

export const PAIR_ARENA_BYTES = 64 * 1024;

/** A channel with both of its ends. */
export interface Pair {
  memory: ChannelMemory;
  words: Int32Array;
  client: ClientChannel;
  provider: ProviderChannel;
}

/** Makes a channel whose indices stand at `start`, as after that many requests. */
export function newPair(start = 0): Pair {
  const memory = allocateChannel(PAIR_ARENA_BYTES);
  const words = new Int32Array(memory.ring);
  for (const word of [SQ_TAIL, SQ_HEAD, CQ_TAIL, CQ_HEAD]) words[word] = start;
  return {
    memory,
    words,
    client: new ClientChannel(memory, new Doorbell(allocateDoorbell()), start),
    provider: new ProviderChannel(memory, new Doorbell(allocateDoorbell()), start),
  };
}

/** Publishes a request with number `n`; its result goes to `landed`. */
export function submit({ client }: Pair, n: number, landed?: (result: number) => void) {
  const request = flight(landed);
  client.sqe.flags = 0;
  client.sqe.arg1 = n;
  return { request, submitted: client.submit(request) };
}

/** Publishes a one-way message with number `n`. */
export function submitOneWay({ client }: Pair, n: number): boolean {
  client.sqe.flags = SQE_ONEWAY;
  client.sqe.arg1 = n;
  return client.submitOneWay();
}

/** Takes everything that can be taken. */
export function takeAll({ provider }: Pair): Sqe[] {
  const taken: Sqe[] = [];
  while (provider.available()) {
    const sqe = emptySqe();
    provider.take(sqe);
    taken.push(sqe);
  }
  return taken;
}
