package api

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/limit"
)

// Limiter counts what each client does. Take takes all n units or none.
type Limiter interface {
	Take(ctx context.Context, client string, r limit.Rate, n int) (limit.Decision, error)
}

var ratePolicyName, rateLeftName = []byte("Ratelimit-Policy"), []byte("Ratelimit") // as the framework writes them

// limitRate takes one unit for each request that is not a health check. A batch's further units are taken when its
// events are counted.
func (s *Server) limitRate(c *fiber.Ctx) error {
	rate, policy := s.rateOf(c)
	if rate.Units == 0 || isHealth(c) {
		return c.Next()
	}
	c.Response().Header.SetCanonical(ratePolicyName, policy)
	if err := s.take(c, rate, 1); err != nil {
		return err
	}
	return c.Next()
}

// rateOf is the limit of a request, and its RateLimit-Policy header.
func (s *Server) rateOf(c *fiber.Ctx) (r limit.Rate, policy []byte) {
	if who := knownClient(c); who != nil {
		return who.Rate, who.policy
	}
	return s.cfg.Rate, s.ratePolicy
}

// take takes units, and says in the headers how many are left (draft-ietf-httpapi-ratelimit-headers-10).
func (s *Server) take(c *fiber.Ctx, rate limit.Rate, n int) error {
	d, err := s.cfg.Limiter.Take(c.UserContext(), s.limitKey(c), rate, n)
	if err != nil {
		return fmt.Errorf("take from the rate limit: %w", err)
	}
	_ = withScratch(func(to []byte) ([]byte, error) { return appendRateLimit(to, d), nil },
		func(value []byte) { c.Response().Header.SetCanonical(rateLeftName, value) })
	if d.Allowed {
		return nil
	}
	p := newProblem(rateLimited, fmt.Sprintf("the limit of %d events each %s is used up", rate.Units, rate.Per))
	p.wait = d.Wait
	return p
}

func appendRateLimit(to []byte, d limit.Decision) []byte {
	to = strconv.AppendInt(append(to, `"default";r=`...), int64(d.Remaining), 10)
	return strconv.AppendInt(append(to, ";t="...), int64((d.Reset+time.Second-1)/time.Second), 10)
}

// takeBatch takes the units of a batch of n events, without the one that its request has taken.
func (s *Server) takeBatch(c *fiber.Ctx, n int) error {
	rate, _ := s.rateOf(c)
	if rate.Units == 0 || n <= 1 {
		return nil
	}
	if n > rate.Units { // waiting would never help
		return newProblem(batchTooLarge, fmt.Sprintf(
			"the rate limit admits %d events at once, and the batch holds %d; send several", rate.Units, n))
	}
	return s.take(c, rate, n-1)
}

// limitKey is the name under which a request is counted: its key's client, or the address that it came from.
func (s *Server) limitKey(c *fiber.Ctx) string {
	if who := knownClient(c); who != nil {
		return who.limitKey
	}
	addr := peerOf(c)
	if len(s.cfg.TrustedProxies) > 0 {
		addr = s.cfg.TrustedProxies.clientAddr(addr, forwardedFor(c))
	}
	return addressKey(addr)
}

// addressKey counts a /64 of IPv6 as one client: every subscriber has at least that many addresses.
func addressKey(addr netip.Addr) string {
	if addr.Is6() {
		if network, err := addr.WithZone("").Prefix(64); err == nil {
			return "net:" + network.String()
		}
	}
	return "ip:" + addr.String()
}

// policyOf describes a rate in the RateLimit-Policy header; its window is whole seconds, rounded up. Without a limit
// there is none.
func policyOf(r limit.Rate) []byte {
	if r.Units == 0 {
		return nil
	}
	return fmt.Appendf(nil, `"default";q=%d;w=%d`, r.Units, (r.Per+time.Second-1)/time.Second)
}
