/** Addresses as text and numbers. */

import { describe, expect, it } from "vitest";
import {
  formatAddress,
  formatEndpoint,
  formatMac,
  isUnicast,
  maskOf,
  parseAddress,
  parsePort,
} from "../../schemes/net/address.js";

describe("addresses", () => {
  it("text becomes a number and back", () => {
    for (const text of ["0.0.0.0", "10.0.2.15", "127.0.0.1", "255.255.255.255"]) {
      const address = parseAddress(text);
      expect(address).toBeTypeOf("number");
      expect(formatAddress(address as number)).toBe(text);
    }
    expect(parseAddress("10.0.2.15")).toBe(0x0a00020f);
  });

  it("what is not four plain numbers is no address", () => {
    for (const text of ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.x", " 1.2.3.4"]) {
      expect(parseAddress(text), `${text}`).toBeUndefined();
    }
  });

  it("a port is 1 to 65535, without leading zeros", () => {
    expect(parsePort("80")).toBe(80);
    expect(parsePort("65535")).toBe(65535);
    for (const text of ["0", "65536", "080", "-1", "", "8o"]) {
      expect(parsePort(text), `${text}`).toBeUndefined();
    }
  });

  it("masks, endpoints and stations print as people write them", () => {
    expect([0, 8, 24, 32].map((bits) => formatAddress(maskOf(bits)))).toEqual([
      "0.0.0.0",
      "255.0.0.0",
      "255.255.255.0",
      "255.255.255.255",
    ]);
    expect(formatEndpoint({ address: 0x0a000001, port: 80 })).toBe("10.0.0.1:80");
    expect(formatMac(Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56))).toBe("52:54:00:12:34:56");
  });

  it("multicast, reserved and 0.0.0.0 are no host's", () => {
    const unicast = ["10.0.0.1", "223.255.255.255"];
    const others = ["0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255"];
    for (const text of unicast)
      expect(isUnicast(parseAddress(text) as number), `${text}`).toBe(true);
    for (const text of others)
      expect(isUnicast(parseAddress(text) as number), `${text}`).toBe(false);
  });
});
