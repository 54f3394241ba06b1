package api

import (
	"net"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Proxies are the networks whose X-Forwarded-* headers are believed. The zero value believes nobody.
type Proxies []netip.Prefix

func (p Proxies) holds(addr netip.Addr) bool {
	for _, network := range p {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// clientAddr finds the client behind the proxies. Each proxy appends the address that it was called from. So from the
// right, the first address that does not belong to a trusted proxy is the client's. Nothing proves the addresses left
// of it.
func (p Proxies) clientAddr(peer netip.Addr, forwarded string) netip.Addr {
	if len(p) == 0 {
		return peer
	}
	addr := peer
	for p.holds(addr) && forwarded != "" {
		hop := forwarded
		if comma := strings.LastIndexByte(forwarded, ','); comma >= 0 {
			forwarded, hop = forwarded[:comma], forwarded[comma+1:]
		} else {
			forwarded = ""
		}
		next, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			break // the last proxy is the nearest known address
		}
		addr = next
	}
	return addr
}

// parseHop reads an address with or without a port, which some proxies add.
func parseHop(hop string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(hop); err == nil {
		return addr.Unmap(), true
	}
	withPort, err := netip.ParseAddrPort(hop)
	return withPort.Addr().Unmap(), err == nil
}

func peerOf(c *fiber.Ctx) netip.Addr {
	tcp, ok := c.Context().RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}

// forwardedFor joins the header's lines, which count as one list.
func forwardedFor(c *fiber.Ctx) string {
	lines := c.Request().Header.PeekAll(fiber.HeaderXForwardedFor)
	if len(lines) == 1 {
		return string(lines[0])
	}
	parts := make([]string, len(lines))
	for i, line := range lines {
		parts[i] = string(line)
	}
	return strings.Join(parts, ",")
}
