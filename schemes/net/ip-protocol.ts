/** Numbers of the protocols above IP (the IANA registry "Protocol Numbers"). */

export const IP_PROTOCOL = { ICMP: 1, TCP: 6, UDP: 17 } as const;
/** The field has eight bits. */
export const IP_PROTOCOL_WIDTH = 0xff;
