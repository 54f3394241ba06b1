package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// subnet is one zone's part of the VPC. A public subnet is reachable from the internet.
type subnet struct {
	Zone string // letter
	CIDR string
}

// planSubnets cuts a network into sixteenths: private ones from the first half, public ones from the second, in the
// order of the zones. A zone added at the end takes the next free sixteenth and renumbers nothing.
func planSubnets(cidr string, zones []string) (public, private []subnet, err error) {
	network, err := netip.ParsePrefix(cidr)
	if err != nil {
		return nil, nil, fmt.Errorf("parse network %q: %w", cidr, err)
	}
	bits := network.Bits() + 4
	if !network.Addr().Is4() || bits > 28 || len(zones) > 8 {
		return nil, nil, fmt.Errorf("cut %s into subnets for %d zones: needs IPv4, a /24 or larger, 8 zones at most", cidr,
			len(zones))
	}
	sixteenth := func(n int) string {
		first := network.Masked().Addr().As4()
		start := binary.BigEndian.Uint32(first[:]) + uint32(n)<<(32-bits)
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, start))), bits).String()
	}
	for i, zone := range zones {
		private = append(private, subnet{Zone: zone, CIDR: sixteenth(i)})
		public = append(public, subnet{Zone: zone, CIDR: sixteenth(8 + i)})
	}
	return public, private, nil
}
