package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// Resolver finds addresses of names.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// Domain finds a name of the API without an address, and a certificate that is wrong or ends soon. It connects as a
// client does: the certificate in ACM is not always the one that is served.
type Domain struct {
	DNS Resolver
	// Handshake returns the certificate that a host serves, whether or not it is valid.
	Handshake func(ctx context.Context, host string) (*x509.Certificate, error)
	URL       string
}

// ending is the threshold of the certificate's alarm, too: ACM renews 60 days before the end.
const ending = 30 * 24 * time.Hour

// Name is the check's.
func (Domain) Name() string { return "domain" }

// Ask looks up the name in DNS, and gets the host's certificate if the API serves HTTPS.
func (d Domain) Ask(ctx context.Context) ([]Finding, error) {
	at, err := url.Parse(d.URL)
	if err != nil {
		return nil, fmt.Errorf("read the API's address: %w", err)
	}
	host := at.Hostname()
	addresses, err := d.DNS.LookupHost(ctx, host)
	var refused *net.DNSError
	switch {
	case errors.As(err, &refused) && refused.IsNotFound, err == nil && len(addresses) == 0:
		return []Finding{{host + " has no address in DNS", headingDomain}}, nil
	case err != nil:
		return nil, fmt.Errorf("look up %s: %w", host, err)
	case at.Scheme != "https":
		return nil, nil
	}
	certificate, err := d.Handshake(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its certificate: %w", host, err)
	}
	if err := certificate.VerifyHostname(host); err != nil {
		return []Finding{{fmt.Sprintf("%s serves a certificate that is not its own: %v", host, err), headingDomain}}, nil
	}
	if left := time.Until(certificate.NotAfter); left < ending {
		return []Finding{{fmt.Sprintf("the certificate of %s ends at %s and was not renewed", host,
			certificate.NotAfter.UTC().Format(time.RFC3339)), headingCertificate}}, nil
	}
	return nil, nil
}

// handshake gets the certificate also if it is invalid, and sends nothing over the connection.
func handshake(ctx context.Context, host string) (*x509.Certificate, error) {
	dialer := tls.Dialer{Config: &tls.Config{ServerName: host,
		InsecureSkipVerify: true}} //nolint:gosec // Ask itself checks the certificate
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, "443"))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	served := connection.(*tls.Conn).ConnectionState().PeerCertificates
	if len(served) == 0 {
		return nil, errors.New("it serves none")
	}
	return served[0], nil
}
