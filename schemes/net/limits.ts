/** All limits of the network stack in one place. Counts, bytes, and times in milliseconds. */

/** Ephemeral ports (RFC 6335 §6). */
export const EPHEMERAL_PORT_FIRST = 49152;
export const EPHEMERAL_PORT_LAST = 65535;

/** TCP connections, TIME-WAIT included; the oldest in TIME-WAIT gives way to a new one. */
export const CONNECTIONS_MAX = 1024;
/** TCP listeners. */
export const LISTENERS_MAX = 128;
/** Handshakes that a listener remembers; further ones are answered with cookies. */
export const SYN_BACKLOG_MAX = 128;
/** Finished connections that wait for `accept`. */
export const ACCEPT_BACKLOG_MAX = 64;
/** Answers to a SYN before its half-open connection is forgotten. */
export const SYN_ACK_TRIES_MAX = 5;
/** Bytes of one connection and direction: the most that a window scale of 2 can say. */
export const TCP_BUFFER_BYTES_MAX = 0xffff << 2;
/** Bytes of all connections together. */
export const TCP_MEMORY_BYTES_MAX = 64 * 1024 * 1024;
/** Separate pieces that a receiver keeps out of order, and that a sender notes as received. */
export const RANGES_MAX = 64;
/** Least time between two answers to segments that are not acceptable, per connection. */
export const CHALLENGE_MS_MIN = 500;

/** Datagrams and bytes that wait at one UDP or ICMP socket. */
export const DATAGRAMS_QUEUED_MAX = 128;
export const DATAGRAM_BYTES_QUEUED_MAX = 256 * 1024;
/** UDP and ICMP sockets, together. */
export const SOCKETS_MAX = 512;

/** Datagrams in reassembly, their bytes together, and pieces of one. */
export const REASSEMBLIES_MAX = 32;
export const REASSEMBLY_BYTES_MAX = 1024 * 1024;
export const FRAGMENTS_MAX = 64;
/** How long a datagram may take to arrive whole (RFC 1122 §3.3.2 asks for a fixed time). */
export const REASSEMBLY_MS_MAX = 30_000;

/** Neighbours remembered, and packets that wait for one: the longest datagram in fragments fits. */
export const NEIGHBOURS_MAX = 256;
export const NEIGHBOUR_QUEUE_MAX = 48;
/** Routes, and path MTUs remembered. */
export const ROUTES_MAX = 64;
export const PATHS_MAX = 256;
/** ICMP errors per second, and at once (RFC 1812 §4.3.2.8). */
export const ICMP_ERRORS_PER_S = 100;
export const ICMP_ERRORS_BURST = 20;
/** Packets to ourselves that are on their way at once. */
export const LOOPBACK_QUEUE_MAX = 256;

/** Names in the cache, questions under way, addresses kept of one answer, aliases followed. */
export const DNS_CACHE_MAX = 512;
export const DNS_QUESTIONS_MAX = 64;
export const DNS_ADDRESSES_MAX = 16;
export const DNS_ALIASES_MAX = 8;
