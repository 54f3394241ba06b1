package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"time"
)

type names struct{ err error }

func (n names) LookupHost(context.Context, string) ([]string, error) {
	return []string{"192.0.2.1"}, n.err
}

// serving is the check of a host that serves a certificate for a name until a time.
func serving(name string, until time.Time) Domain {
	return Domain{DNS: names{}, URL: "https://events.example.com", Handshake: func(context.Context, string) (
		*x509.Certificate, error) {
		return &x509.Certificate{DNSNames: []string{name}, NotAfter: until}, nil
	}}
}

func TestACertificateThatEndsOrIsAnothersIsFound(t *testing.T) {
	later := time.Now().Add(40 * 24 * time.Hour)
	expect(t, serving("events.example.com", later), "")
	expect(t, serving("events.example.com", time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)), "",
		Finding{"the certificate of events.example.com ends at 2026-01-31T10:00:00Z and was not renewed", "certificate"})
	expect(t, serving("example.org", later), "", Finding{"events.example.com serves a certificate that is not its own: " +
		"x509: certificate is valid for example.org, not events.example.com", "the-domain"})
}

func TestANameWithoutAnAddressIsFoundAndASilentResolverIsNoAnswer(t *testing.T) {
	d := serving("events.example.com", time.Now().Add(1000*time.Hour))
	d.DNS = names{err: &net.DNSError{IsNotFound: true}}
	expect(t, d, "", Finding{"events.example.com has no address in DNS", "the-domain"})
	d.DNS = names{err: errors.New("timeout")}
	expect(t, d, "look up events.example.com: timeout")
}

func TestAHostThatCannotBeReachedIsUnknownAndPlainHTTPHasNoCertificate(t *testing.T) {
	d := serving("", time.Time{})
	d.Handshake = func(context.Context, string) (*x509.Certificate, error) { return nil, errors.New("refused") }
	expect(t, d, "ask events.example.com for its certificate: refused")
	d.URL = "http://events.example.com"
	expect(t, d, "")
}
