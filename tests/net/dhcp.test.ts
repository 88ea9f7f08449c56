/** The DHCP client as a state machine: a server that answers, refuses, falls silent. */

import { describe, expect, it } from "vitest";
import { seededRandom } from "../../ipc/clock.js";
import { DhcpClient, type Lease } from "../../schemes/net/dhcp.js";
import { DHCP_TYPE, parseDhcp } from "../../schemes/net/dhcp-message.js";

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const OFFERED = 0x0a000210;
const SERVER = 0x0a000202;

interface Sent {
  type: number;
  client: number;
  server: number | undefined;
  message: Buffer;
}

function newClient() {
  const sent: Sent[] = [];
  const leases: (Lease | "lost")[] = [];
  const client = new DhcpClient(
    {
      mac: MAC,
      random: seededRandom(1),
      send(message, server) {
        const bytes = Buffer.from(message);
        sent.push({
          type: bytes[242] ?? 0,
          client: bytes.readUInt32BE(12),
          server,
          message: bytes,
        });
      },
      bound: (lease) => leases.push(lease),
      lost: () => leases.push("lost"),
    },
    0,
  );
  const last = (): Sent => sent.at(-1) as Sent;
  return { client, sent, leases, last };
}

/** A server's answer to a message of the client. */
function reply(asked: Buffer, type: number, leaseS = 3600): Buffer {
  const bytes = Buffer.alloc(240);
  asked.copy(bytes, 0, 0, 240);
  bytes[0] = 2;
  bytes.writeUInt32BE(OFFERED, 16);
  const lease = Buffer.alloc(4);
  lease.writeUInt32BE(leaseS);
  const options = [53, 1, type, 54, 4, 10, 0, 2, 2, 1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 2, 2];
  return Buffer.concat([bytes, Buffer.from([...options, 51, 4, ...lease, 255])]);
}

function bind(parts: ReturnType<typeof newClient>): void {
  parts.client.tick(0);
  parts.client.arrive(reply(parts.last().message, DHCP_TYPE.OFFER), 10);
  parts.client.arrive(reply(parts.last().message, DHCP_TYPE.ACK), 20);
}

describe("dhcp client (RFC 2131 §4.4)", () => {
  it("discovers, requests what was offered, and is bound", () => {
    const parts = newClient();
    bind(parts);
    expect(parts.sent.map(({ type }) => type)).toEqual([DHCP_TYPE.DISCOVER, DHCP_TYPE.REQUEST]);
    expect(parts.leases).toEqual([
      { address: OFFERED, prefix: 24, router: SERVER, nameServers: [], server: SERVER },
    ]);
    expect(parts.client.deadlineMs).toBe(20 + 1_800_000);
  });

  it("asks again after 4, 8, 16 … 64 seconds", () => {
    const { client, sent } = newClient();
    const times: number[] = [];
    for (let i = 0; i < 6; i++) {
      times.push(client.deadlineMs);
      client.tick(client.deadlineMs);
    }
    expect(times).toEqual([0, 4000, 12_000, 28_000, 60_000, 124_000]);
    expect(sent).toHaveLength(6);
  });

  it("renews at half of the lease with the server, at seven eighths with everybody", () => {
    const parts = newClient();
    bind(parts);
    parts.client.tick(parts.client.deadlineMs);
    expect(parts.last()).toMatchObject({ client: OFFERED, server: SERVER });
    while (parts.client.tag === "renewing") parts.client.tick(parts.client.deadlineMs);
    expect(parts.last()).toMatchObject({ client: OFFERED, server: undefined });
    parts.client.arrive(reply(parts.last().message, DHCP_TYPE.ACK), 3_200_000);
    expect(parts.client.tag).toBe("bound");
    // The same address: nothing that uses it notices.
    expect(parts.leases).toHaveLength(1);
  });

  it("gives the address up when nobody renews it, and begins again", () => {
    const parts = newClient();
    bind(parts);
    while (parts.client.tag !== "selecting") parts.client.tick(parts.client.deadlineMs);
    expect(parts.leases.at(-1)).toBe("lost");
    expect(parts.last().type).toBe(DHCP_TYPE.DISCOVER);
  });

  it("begins again when it is refused", () => {
    const parts = newClient();
    parts.client.tick(0);
    parts.client.arrive(reply(parts.last().message, DHCP_TYPE.OFFER), 10);
    parts.client.arrive(reply(parts.last().message, DHCP_TYPE.NAK), 20);
    expect(parts.client.tag).toBe("selecting");
    expect(parts.leases).toEqual([]);
  });

  it("ignores others' transactions, others' stations, and noise", () => {
    const parts = newClient();
    parts.client.tick(0);
    const good = reply(parts.last().message, DHCP_TYPE.OFFER);
    const otherTransaction = Buffer.from(good);
    otherTransaction[4] = (otherTransaction[4] ?? 0) ^ 1;
    const otherStation = Buffer.from(good);
    otherStation[33] = (otherStation[33] ?? 0) ^ 1;
    const random = seededRandom(2);
    const noise = Array.from({ length: 500 }, () => {
      const bytes = Buffer.from(good.subarray(0, random.below(good.length)));
      if (bytes.length > 240) bytes[240 + random.below(bytes.length - 240)] = random.below(256);
      return bytes.subarray(0, Math.min(bytes.length, 242));
    });
    for (const bytes of [otherTransaction, otherStation, ...noise]) parts.client.arrive(bytes, 10);
    expect(parts.client.tag).toBe("selecting");
    expect(parseDhcp(good)?.type).toBe(DHCP_TYPE.OFFER);
  });
});
