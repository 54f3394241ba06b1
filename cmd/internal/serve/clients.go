package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"time"

	"event-processing-service/api"
	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/canary"
	"event-processing-service/internal/limit"
	"event-processing-service/internal/secrets"
	"event-processing-service/internal/settings"
)

const (
	// clientsAge is the time between two readings of the clients. 43,200 readings a month cost 0.22 USD per task.
	clientsAge = time.Minute
	// clientsTimeout bounds one reading.
	clientsTimeout = 5 * time.Second
)

// clientsOf returns nil if there are no clients: then the API is open.
func clientsOf(read map[string]settings.Client) api.Clients {
	if read == nil {
		return nil
	}
	clients := api.Clients{}
	for name, c := range read {
		to := api.Client{Sources: c.Sources, Types: c.Types, Rate: limit.Rate(c.Limit)}
		for _, key := range c.Keys {
			to.Keys = append(to.Keys, api.Key(key))
		}
		clients[name] = to
	}
	return clients
}

// clientsReader reads the stored clients again and again, and passes them on when they have changed.
type clientsReader struct {
	from settings.Origin
	read func(context.Context) (string, error)
	set  func(clients api.Clients, version string)
	log  *slog.Logger
	last string // version that is in use
	said string // error that was logged last

	readCanary func(context.Context) (string, error) // nil: there is no canary
	canary     string                                // its key that was read last; "": none yet
	inUse      string                                // its key that is in use
	saidCanary string
}

// followClients calls set with the clients, now and whenever they have changed, until ctx ends. It fails if they can't
// be read now. If they can't be read later, the last good ones stay in use. canaryKey is the secret of the stack's
// canary, without which the API serves all other clients: "" is none.
func followClients(
	ctx context.Context, a *assembly.Assembly, from settings.Origin, canaryKey string, set func(api.Clients, string),
) error {
	r := &clientsReader{from: from, set: set, log: a.Log}
	r.read = func(context.Context) (string, error) {
		text, err := os.ReadFile(from.File)
		return string(text), err
	}
	if from.Secret != "" {
		read, err := a.ReadSecrets()
		if err != nil {
			return err
		}
		r.read = func(ctx context.Context) (string, error) {
			return read(ctx, secrets.Reference{Service: secrets.SecretsManager, ID: from.Secret})
		}
		if canaryKey != "" {
			r.readCanary = func(ctx context.Context) (string, error) {
				return read(ctx, secrets.Reference{Service: secrets.SecretsManager, ID: canaryKey})
			}
		}
	}
	if err := r.renew(ctx); err != nil {
		return err
	}
	go r.follow(ctx)
	return nil
}

func (r *clientsReader) follow(ctx context.Context) {
	tick := time.NewTicker(clientsAge)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.look(ctx)
		}
	}
}

// look renews the clients. It logs an error when it begins or changes, and when it ends.
func (r *clientsReader) look(ctx context.Context) {
	err := r.renew(ctx)
	switch {
	case ctx.Err() != nil:
	case err == nil && r.said != "":
		r.log.Info("the keys can be read again", "version", r.last)
		r.said = ""
	case err != nil && err.Error() != r.said:
		r.log.Warn("the keys can't be read; the last ones stay in use", "version", r.last, "error", err)
		r.said = err.Error()
	}
}

func (r *clientsReader) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, clientsTimeout)
	defer cancel()
	text, err := r.read(ctx)
	if err != nil {
		return fmt.Errorf("read the keys from the %s: %w", r.from, err)
	}
	r.lookForCanary(ctx)
	version := versionOf(text)
	if version == r.last && r.canary == r.inUse {
		return nil
	}
	clients, err := settings.ParseClients(text)
	if err != nil {
		return fmt.Errorf("the keys in the %s must be %w", r.from, err)
	}
	r.set(r.withCanary(clientsOf(clients)), version)
	if r.last != "" {
		r.log.Info("the keys have changed", "version", version, "clients", len(clients))
	}
	r.last, r.inUse = version, r.canary
	return nil
}

// lookForCanary reads the canary's key. Without it the API does all but let the canary in, whose alarm tells of that.
func (r *clientsReader) lookForCanary(ctx context.Context) {
	if r.readCanary == nil {
		return
	}
	key, err := r.readCanary(ctx)
	if err == nil && len(key) < secrets.KeyLength {
		err = fmt.Errorf("it has %d characters, and the canary makes %d", len(key), secrets.KeyLength)
	}
	if err != nil {
		if said := err.Error(); said != r.saidCanary && ctx.Err() == nil {
			r.log.Warn("the key of the canary can't be read", "error", err)
			r.saidCanary = said
		}
		return
	}
	r.canary, r.saidCanary = key, ""
}

// withCanary adds the canary, which may post what it posts and nothing else. A client of its name is left as it is.
func (r *clientsReader) withCanary(clients api.Clients) api.Clients {
	if _, taken := clients[canary.Client]; taken || r.canary == "" {
		return clients
	}
	clients[canary.Client] = api.Client{
		Keys:    []api.Key{{Hash: sha256.Sum256([]byte(r.canary))}},
		Sources: []string{canary.Source}, Types: []string{canary.Type},
	}
	return clients
}

// versionOf is a hash of what is stored: enough to distinguish versions, and no hint at a key.
func versionOf(text string) string {
	hash := sha256.Sum256([]byte(text))
	return hex.EncodeToString(hash[:6])
}
