/** What the network class needs from a network driver. */

/** Longest frame that the class carries: header, VLAN tag, 1500 bytes of payload; no FCS. */
export const FRAME_BYTES_MAX = 1518;
/** Shortest: an Ethernet header. Devices pad what is too short for the wire. */
export const FRAME_BYTES_MIN = 14;

/** Frames and bytes since the driver was started. */
export interface NetworkCounts {
  received: number;
  receivedBytes: number;
  /** Came from the device and were no frames. */
  receivedBad: number;
  sent: number;
  sentBytes: number;
}

/** A network interface. */
export interface NetworkDevice {
  /** Six bytes. */
  readonly mac: Uint8Array;
  readonly linkUp: boolean;
  readonly counts: Readonly<NetworkCounts>;
  /**
   * Sends a frame of `FRAME_BYTES_MIN` to `FRAME_BYTES_MAX` bytes. Resolves when the device has
   * taken it, which says nothing about its arrival. @throws EIO
   */
  send(frame: Uint8Array): Promise<void>;
  /** Says who gets the frames that come. The bytes are the receiver's. Once. */
  onFrame(receive: (frame: Uint8Array) => void): void;
}
