package main

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// wafConfig is what the web ACL before the API refuses. AWS's own groups are always in it; botControl costs extra.
type wafConfig struct {
	Trust             []string `json:"trust,omitempty"` // networks of which nothing below refuses a request
	Deny              []string `json:"deny,omitempty"`  // networks
	OnlyCountries     []string `json:"onlyCountries,omitempty"`
	DenyCountries     []string `json:"denyCountries,omitempty"`
	RequestsByAddress int      `json:"requestsByAddress"` // in five minutes
	// RequestsByForwardedAddress counts by the first address of X-Forwarded-For, for clients behind proxies of their own.
	RequestsByForwardedAddress int  `json:"requestsByForwardedAddress,omitempty"`
	BotControl                 bool `json:"botControl,omitempty"`
}

// wafWindow is the time that rates are counted over.
const wafWindow = 5 * time.Minute

// shieldAccepted is what accepts Shield Advanced by its price: nobody switches it on by the way.
const shieldAccepted = "3000 USD a month for a year"

var countryPattern = regexp.MustCompile(`^[A-Z]{2}$`)

func (c wafConfig) validate(f *findings, api apiConfig) {
	for key, networks := range map[string][]string{"edge.waf.trust": c.Trust, "edge.waf.deny": c.Deny} {
		requireNetworks(f, key, networks)
		for _, network := range networks {
			prefix, err := netip.ParsePrefix(network)
			f.require(err != nil || prefix.Bits() > 0, key, "%s is everybody, which AWS takes for no set of addresses", network)
		}
	}
	for key, codes := range map[string][]string{"edge.waf.onlyCountries": c.OnlyCountries,
		"edge.waf.denyCountries": c.DenyCountries} {
		for _, code := range codes {
			f.require(countryPattern.MatchString(code), key, "must be codes of two letters like DE, is %q", code)
		}
	}
	f.require(len(c.OnlyCountries) == 0 || len(c.DenyCountries) == 0, "edge.waf.denyCountries",
		"is set beside edge.waf.onlyCountries, which denies all others already")
	least := max(10, api.requestsOfOneClient(wafWindow)) // AWS takes no less than 10
	f.require(c.RequestsByAddress >= least && c.RequestsByAddress <= 2_000_000_000, "edge.waf.requestsByAddress",
		"must be %d to 2000000000: one client may send api.rateLimit to each of api.maxTasks, is %d", least,
		c.RequestsByAddress)
	forwarded := c.RequestsByForwardedAddress
	f.require(forwarded == 0 || (forwarded >= least && forwarded <= 2_000_000_000),
		"edge.waf.requestsByForwardedAddress", "must be %d to 2000000000, is %d", least, forwarded)
}

// requestsOfOneClient is how many requests the API takes of one client within a time, if all of its tasks run; 0 is any
// number.
func (c apiConfig) requestsOfOneClient(within time.Duration) int {
	units, per, _ := strings.Cut(c.RateLimit, "/")
	n, err := strconv.Atoi(units)
	each, errPer := time.ParseDuration(per)
	if err != nil || errPer != nil || each <= 0 {
		return 0
	}
	return int(int64(n) * int64(c.MaxTasks) * int64(within) / int64(each))
}
