package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"os"
	"testing"
	"time"
)

// Certified is what a service of a test encrypts with.
func Certified(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{signed}, PrivateKey: key}}}
}

// TLSMemory is what an encrypted connection is counted for beyond a plain one.
const TLSMemory = tlsMemory

// To read an encrypted connection is to write the handshake, which a client need not read.
func TestAHandshakeThatIsNotReadIsCut(t *testing.T) {
	client, server := net.Pipe() // which buffers nothing
	defer client.Close()
	c := &clientConn{from: &boundedListener{most: 1}, Conn: tls.Server(server, Certified(t))}
	go func() { _ = tls.Client(deaf{client}, &tls.Config{InsecureSkipVerify: true}).Handshake() }()
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { _, err := c.Read(make([]byte, 1)); ended <- err }()
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(lingerTime + 3*time.Second):
		t.Error("it waits for a client that does not read")
	}
}

// deaf is a connection that is not read.
type deaf struct{ net.Conn }

func (deaf) Read([]byte) (int, error) { select {} }
