package kafka_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"

	"event-processing-service/internal/kafka"
)

// rotating gives other credentials each time, as those of a task role do after some hours.
func rotating() aws.CredentialsProvider {
	var mu sync.Mutex
	keys := []string{"FIRST", "SECOND"}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		mu.Lock()
		defer mu.Unlock()
		key := keys[0]
		if len(keys) > 1 {
			keys = keys[1:]
		}
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: "SECRET", SessionToken: "TOKEN-" + key}, nil
	})
}

func mechanism(t *testing.T, credentials aws.CredentialsProvider) (*kgo.Client, sasl.Mechanism) {
	t.Helper()
	client := newClient(t, kafka.Config{
		Brokers: []string{"b-1.demo.abc123.c2.kafka.us-east-1.amazonaws.com:9098"}, Auth: kafka.AuthIAM,
		Credentials: credentials,
	})
	mechanisms, _ := client.OptValue(kgo.SASL).([]sasl.Mechanism)
	if len(mechanisms) != 1 || mechanisms[0].Name() != "AWS_MSK_IAM" {
		t.Fatalf("mechanisms are %v", mechanisms)
	}
	return client, mechanisms[0]
}

func TestIAMSignsWithTheCredentialsOfTheMoment(t *testing.T) {
	client, m := mechanism(t, rotating())
	if c, _ := client.OptValue(kgo.DialTLSConfig).(*tls.Config); c == nil || c.MinVersion < tls.VersionTLS12 ||
		c.InsecureSkipVerify {
		t.Errorf("TLS is %+v", c)
	}
	for _, key := range []string{"FIRST", "SECOND"} {
		_, first, err := m.Authenticate(context.Background(), "b-1.demo.abc123.c2.kafka.us-east-1.amazonaws.com:9098")
		if err != nil {
			t.Fatal(err)
		}
		var signed map[string]string
		if err := json.Unmarshal(first, &signed); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if !strings.HasPrefix(signed["x-amz-credential"], key+"/") ||
			!strings.Contains(signed["x-amz-credential"], "/us-east-1/kafka-cluster/") ||
			signed["x-amz-security-token"] != "TOKEN-"+key || strings.Contains(string(first), "SECRET") {
			t.Errorf("with %s it says %s", key, first)
		}
	}
}

func TestIAMWithoutCredentialsSaysSo(t *testing.T) {
	_, m := mechanism(t, aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no role")
	}))
	if _, _, err := m.Authenticate(context.Background(),
		"b-1.x.kafka.us-east-1.amazonaws.com:9098"); err == nil ||
		!strings.Contains(err.Error(), "retrieve AWS credentials: no role") {
		t.Errorf("got %v", err)
	}
}

// The fake broker knows nothing of AWS_MSK_IAM, so the test answers the two requests of it, and notes what came.
func TestIAMAuthenticatesEachConnectionOverTLS(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1") // a broker on this machine has no region in its name
	serverTLS, clientTLS := certificates(t)
	c := newBroker(t, kfake.TLS(serverTLS))
	var mu sync.Mutex
	var came []string
	c.ControlKey(int16(kmsg.SASLHandshake), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLHandshakeResponse)
		resp.SupportedMechanisms = []string{req.(*kmsg.SASLHandshakeRequest).Mechanism}
		return resp, nil, true
	})
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		came = append(came, string(req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes))
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.SASLAuthBytes = []byte(`{"version":"2020_10_22"}`)
		return resp, nil, true
	})
	p, err := kafka.NewPublisher(
		kafka.Config{Brokers: c.ListenAddrs(), Auth: kafka.AuthIAM, Credentials: rotating()}, kafka.ProducerConfig{}, topic,
		kgo.DialTLSConfig(clientTLS))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close(context.Background()) }()
	wantFailures(t, p.Publish(context.Background(), numbered(1)), "")
	mu.Lock()
	defer mu.Unlock()
	if len(came) < 2 || !strings.Contains(came[0], "FIRST/") || !strings.Contains(came[1], "SECOND/") {
		t.Errorf("authentications: %q", came)
	}
}

func certificates(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
			MinVersion: tls.VersionTLS12},
		&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}
