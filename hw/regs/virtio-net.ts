/*
 * The virtio network device (virtio 1.2 §5.1): feature bits, configuration space, packet header,
 * control commands. Pure constants, shared by the model and the driver.
 */

/** Feature bits, as bit numbers (§5.1.3). Those for segmentation offload are not listed. */
export const VIRTIO_NET_F = {
  CSUM: 0, //                the device completes checksums of packets that it is given
  GUEST_CSUM: 1, //          the driver takes packets whose checksum is not complete
  CTRL_GUEST_OFFLOADS: 2, // offloads can be switched at run time
  MTU: 3, //                 the configuration says the largest packet
  MAC: 5, //                 the configuration says the address
  MRG_RXBUF: 15, //          a packet may be spread over several receive buffers
  STATUS: 16, //             the configuration says whether the link is up
  CTRL_VQ: 17,
  CTRL_RX: 18,
  CTRL_VLAN: 19,
  CTRL_RX_EXTRA: 20,
  GUEST_ANNOUNCE: 21,
  MQ: 22,
  CTRL_MAC_ADDR: 23,
} as const;

/** Queues (§5.1.2), for one pair. */
export const NET_QUEUE = { RECEIVE: 0, TRANSMIT: 1, CONTROL: 2, COUNT: 3 } as const;

/** Offsets in the configuration space (§5.1.4). */
export const NET_CONFIG = {
  mac: 0, //    u8 × 6
  status: 6, // u16  NET_STATUS
} as const;

/** Bytes of the configuration space without the fields of features that are not offered. */
export const NET_CONFIG_SIZE = 8;

/** Bits of `status`. */
export const NET_STATUS = { LINK_UP: 1, ANNOUNCE: 2 } as const;

/** Bytes of an Ethernet address. */
export const MAC_SIZE = 6;

/** Header in front of each packet (§5.1.6), little-endian. */
export const NET_HEADER = {
  flags: 0, //       u8   NET_HEADER_F
  gso_type: 1, //    u8   0: no segmentation
  hdr_len: 2, //     u16
  gso_size: 4, //    u16
  csum_start: 6, //  u16
  csum_offset: 8, // u16
  num_buffers: 10, // u16  receive buffers that the packet fills; absent in the legacy header
  SIZE: 12,
  LEGACY_SIZE: 10,
} as const;

/** Flags of a header. */
export const NET_HEADER_F = { NEEDS_CSUM: 1, DATA_VALID: 2 } as const;

/** An Ethernet header: destination, source, type; big-endian. */
export const ETHERNET = { destination: 0, source: 6, type: 12, vlanTag: 14, SIZE: 14 } as const;
/** Type of a frame that carries a VLAN tag, and the bits of the tag that name the VLAN. */
export const ETHERTYPE_VLAN = 0x8100;
export const VLAN_ID_MASK = 0xfff;
/** Shortest frame on the wire, and the longest that any back end carries, both without FCS. */
export const FRAME_BYTES_MIN = 60;
export const FRAME_BYTES_MAX = 65_550;

/** A control command: class u8, command u8, data; then a byte that the device writes (§5.1.6.5). */
export const NET_CTRL = { class: 0, command: 1, data: 2 } as const;

/** Answers to a control command. */
export const NET_CTRL_ACK = { OK: 0, ERR: 1 } as const;

/** Classes of control commands. */
export const NET_CTRL_CLASS = { RX: 0, MAC: 1, VLAN: 2, ANNOUNCE: 3, OFFLOADS: 5 } as const;

/** Commands of class RX: a switch each, data is one byte. The last four need CTRL_RX_EXTRA. */
export const NET_CTRL_RX = {
  PROMISC: 0,
  ALLMULTI: 1,
  ALLUNI: 2,
  NOMULTI: 3,
  NOUNI: 4,
  NOBCAST: 5,
} as const;

/** Commands of class MAC: two tables of addresses, each with a u32 count; or one address. */
export const NET_CTRL_MAC = { TABLE_SET: 0, ADDR_SET: 1 } as const;
/** Commands of class VLAN: data is the u16 VLAN. */
export const NET_CTRL_VLAN = { ADD: 0, DEL: 1 } as const;
/** Command of class ANNOUNCE: the driver has announced itself. */
export const NET_CTRL_ANNOUNCE_ACK = 0;
/** Command of class OFFLOADS: data is a u64 of feature bits. */
export const NET_CTRL_OFFLOADS_SET = 0;
