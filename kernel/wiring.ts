/**
 * Wiring: channels between clients and providers, and the capabilities that go with them. A
 * provider hears of a capability before the channel that can use it carries a request.
 */

import { ballast } from "../ipc/ballast.js";
import { EDEADLK, ENODEV } from "../ipc/errno.js";
import { ARENA_BYTES } from "../ipc/limits.js";
import { KERNEL_PID, type NamespaceEntry } from "../ipc/mail.js";
import { allocateChannel, CLOSED, CQ_TAIL, RESUMED, SQ_TAIL } from "../ipc/ring-block.js";
import type { Capability, CapabilityTable } from "./capability.js";
import type { Process, Wire } from "./process.js";

/** Makes and ends channels. */
export class Wiring {
  readonly #capabilities: CapabilityTable;
  #nextSession = 1;

  constructor(capabilities: CapabilityTable) {
    this.#capabilities = capabilities;
  }

  /**
   * Wires `client` to `provider`; if the provider is away, as soon as it is back.
   * @throws EDEADLK when the call would go up the manifest's order; ENODEV when it was given up
   */
  connect(client: Process, provider: Process): Wire {
    const known = client.providers.get(provider.pid);
    if (known !== undefined) return known;
    if (provider.facts.order >= client.facts.order) throw EDEADLK;
    const { tag } = provider.supervised.state;
    if (tag === "failed" || tag === "stopped") throw ENODEV;
    const session = this.#nextSession++;
    const wire: Wire = { client, provider, session, memory: undefined, weight: undefined };
    client.providers.set(provider.pid, wire);
    provider.clients.set(client.pid, wire);
    if (provider.endpoint !== undefined && tag !== "fenced") this.#join(wire, false);
    return wire;
  }

  /** Gives a process that has just started the channels that were wired before it ran. */
  joinAsClient(client: Process): void {
    for (const wire of client.providers.values()) {
      const { tag } = wire.provider.supervised.state;
      if (wire.provider.endpoint !== undefined && tag !== "fenced") this.#join(wire, false);
    }
  }

  /** Gives a new incarnation channels to all of its clients. */
  rejoin(provider: Process, recovering: boolean): void {
    for (const wire of provider.clients.values()) this.#join(wire, recovering);
  }

  #join(wire: Wire, recovering: boolean): void {
    const { client, provider } = wire;
    if (provider.endpoint === undefined || client.endpoint === undefined) return;
    const replays = recovering && mayReplay(wire);
    const memory = allocateChannel(ARENA_BYTES);
    wire.memory = memory;
    wire.weight = ballast(ARENA_BYTES);
    for (const capability of this.#capabilities.heldBy(client.pid)) {
      if (capability.provider === provider.pid) announce(provider, capability);
    }
    const bells = { client: client.endpoint.bell.memory, provider: provider.endpoint.bell.memory };
    const { session } = wire;
    provider.mail({
      kind: "client",
      client: client.pid,
      session,
      memory,
      bell: bells.client,
      replays,
    });
    client.mail({
      kind: "connect",
      provider: provider.pid,
      name: provider.name,
      incarnation: provider.incarnation,
      memory,
      bell: bells.provider,
      classes: provider.facts.operations,
    });
  }

  /** Derives a capability for `holder` and tells the provider if they are connected. */
  grant(
    parent: Capability,
    facts: { holder: Process; root: string; rights: number; granted?: boolean },
  ): Capability {
    const capability = this.#capabilities.add(parent, {
      holder: facts.holder.pid,
      provider: parent.provider,
      scheme: parent.scheme,
      root: facts.root,
      rights: facts.rights,
      granted: facts.granted ?? false,
    });
    const wire = facts.holder.providers.get(parent.provider);
    if (wire?.memory !== undefined) announce(wire.provider, capability);
    return capability;
  }

  /** Adds a granted capability to the holder's names. */
  static entry(capability: Capability): NamespaceEntry {
    return {
      scheme: capability.scheme,
      root: capability.root,
      rights: capability.rights,
      capability: capability.index,
      provider: capability.provider,
    };
  }

  /** Marks a channel closed for both sides. */
  static close(wire: Wire): void {
    if (wire.memory !== undefined) Atomics.store(new Int32Array(wire.memory.ring), CLOSED, 1);
  }
}

function announce(provider: Process, capability: Capability): void {
  if (provider.pid === KERNEL_PID) return;
  provider.mail({
    kind: "capability",
    index: capability.index,
    client: capability.holder,
    scheme: capability.scheme,
    root: capability.root,
  });
}

/**
 * A hint from the old ring: whether the client may have requests to replay. Each client sends one
 * RESUME, which is not answered, on every channel; one that has not done that yet may still have
 * replays from the death before.
 */
function mayReplay(wire: Wire): boolean {
  if (wire.memory === undefined) return true;
  const words = new Int32Array(wire.memory.ring);
  if (Atomics.load(words, RESUMED) === 0) return true;
  return Atomics.load(words, SQ_TAIL) - Atomics.load(words, CQ_TAIL) !== 1;
}
