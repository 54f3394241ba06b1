package serve

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/cmd/internal/programtest"
	"event-processing-service/internal/settings"
)

// The container's health check must speak what the container does, or ECS would kill every task.
func TestTheHealthCheckSpeaksWhatTheAPIDoes(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	for _, encrypted := range []bool{false, true} {
		env := settings.API{Port: programtest.FreePort(t), SelfSigned: encrypted, PublishTimeout: time.Second,
			LogLevel: slog.LevelError + 1, Store: settings.Store{Kind: "memory"},
			Kafka: settings.Kafka{Brokers: cluster.ListenAddrs(), Topic: "events", Auth: settings.AuthNone}}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- Run(ctx, env, io.Discard) }()
		var ill error
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if ill = CheckHealth(t.Context(), env); ill == nil {
				break
			}
		}
		if ill != nil {
			t.Errorf("encrypted %v: %v", encrypted, ill)
		}
		env.SelfSigned = !encrypted
		if CheckHealth(t.Context(), env) == nil {
			t.Errorf("encrypted %v: the other check finds it well, too", encrypted)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("it ends with %v", err)
		}
	}
}

func TestEachProcessHasACertificateOfItsOwnForLongerThanItLives(t *testing.T) {
	now := time.Now()
	first, err := selfSigned(now)
	if err != nil {
		t.Fatal(err)
	}
	second, err := selfSigned(now)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(first.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if string(first.Certificates[0].Certificate[0]) == string(second.Certificates[0].Certificate[0]) {
		t.Error("two processes have one key")
	}
	if certificate.PublicKeyAlgorithm != x509.ECDSA || certificate.NotAfter.Sub(now) < 9*365*24*time.Hour ||
		!strings.Contains(certificate.Subject.String(), "event-processing-service") {
		t.Errorf("it is %s, %s, until %s", certificate.Subject, certificate.PublicKeyAlgorithm, certificate.NotAfter)
	}
}
