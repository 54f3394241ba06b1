// Package rotation gives clients of the API new keys: it is what Secrets Manager calls to rotate a secret that holds a
// client's key.
//
// Source: AWS Secrets Manager User Guide, "Rotation by Lambda function": four steps, each of which may be called again.
package rotation

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"event-processing-service/internal/secrets"
	"event-processing-service/internal/settings"
)

// Event is one step of a rotation, as Secrets Manager sends it.
type Event struct {
	Step     string
	SecretID string `json:"SecretId"`
	Token    string `json:"ClientRequestToken"` // the id of the version that the rotation makes
}

// Rotation has the four steps.
type Rotation struct {
	Clients map[string]string // by the ARN of the secret that holds the client's key
	Keys    *secrets.Document // of the API: the hashes of all keys
	Secret  func(id string) (*secrets.Document, error)
	Overlap time.Duration // how long the keys before go on to work
	Settled time.Duration // for so long the API must have known the new key, before clients get it
	Pause   time.Duration // between two questions
	Known   func(ctx context.Context, key string) (bool, error)
	Log     *slog.Logger
}

// Handle does one step. Whatever a step did before it was interrupted, it leaves as it is.
func (r *Rotation) Handle(ctx context.Context, e Event) error {
	client, ours := r.Clients[e.SecretID]
	if !ours {
		return fmt.Errorf("secret %s is of no client whose key is rotated", e.SecretID)
	}
	secret, err := r.Secret(e.SecretID)
	if err != nil {
		return err
	}
	versions, err := secret.Stages(ctx)
	if err != nil {
		return err
	}
	stages := versions[e.Token]
	isCurrent := slices.Contains(stages, secrets.Current)
	if !isCurrent && !slices.Contains(stages, secrets.Pending) {
		return fmt.Errorf("secret %s has no pending version %s", e.SecretID, e.Token)
	}
	key, found, err := secret.Version(ctx, e.Token)
	if err != nil {
		return err
	}
	switch {
	case e.Step == "createSecret" && found:
		return nil
	case e.Step == "createSecret":
		return secret.StorePending(ctx, e.Token, secrets.NewKey())
	case !found:
		return fmt.Errorf("%s of secret %s comes before createSecret", e.Step, e.SecretID)
	case e.Step == "setSecret":
		return r.change(ctx, client, func(c settings.Client) settings.Client { return with(c, key) })
	case e.Step == "testSecret" && isCurrent:
		return nil
	case e.Step == "testSecret":
		return r.test(ctx, key)
	case e.Step != "finishSecret":
		return fmt.Errorf("%q is no step of a rotation", e.Step)
	}
	if !isCurrent {
		if err := secret.Promote(ctx, e.Token, currentOf(versions)); err != nil {
			return err
		}
		r.Log.InfoContext(ctx, "a client has a new key", "client", client)
	}
	// Not before: a rotation that does not come to its end must not end the key that is in use.
	return r.change(ctx, client, func(c settings.Client) settings.Client { return alone(c, key, r.Overlap) })
}

func currentOf(versions map[string][]string) string {
	for version, stages := range versions {
		if slices.Contains(stages, secrets.Current) {
			return version
		}
	}
	return ""
}

// with is the client with a key more, unless it has that.
func with(c settings.Client, key string) settings.Client {
	hash := sha256.Sum256([]byte(key))
	if !slices.ContainsFunc(c.Keys, func(k settings.Key) bool { return k.Hash == hash }) {
		c.Keys = append(slices.Clone(c.Keys), settings.Key{Hash: hash})
	}
	return c
}

// alone is the client with all its other keys until the end of the overlap.
func alone(c settings.Client, key string, overlap time.Duration) settings.Client {
	hash := sha256.Sum256([]byte(key))
	isKey := func(k settings.Key) bool { return k.Hash == hash }
	others := c
	others.Keys = slices.DeleteFunc(slices.Clone(c.Keys), isKey)
	return with(others.Ending(time.Now(), overlap), key)
}

// change changes a client among the keys of the API. Others change that document, too: then it is read again.
func (r *Rotation) change(ctx context.Context, client string, to func(settings.Client) settings.Client) (err error) {
	for range 5 {
		var text, version string
		if text, version, err = r.Keys.Read(ctx); err != nil {
			return err
		}
		clients, bad := settings.ParseClients(text)
		if bad != nil {
			return fmt.Errorf("the keys of the API must be %w", bad)
		}
		c, known := clients[client]
		if !known {
			return fmt.Errorf("the API knows no client %q; see eventctl keys add", client)
		}
		before := settings.FormatClients(clients)
		clients[client] = to(c)
		after := settings.FormatClients(clients)
		if after == before {
			return nil
		}
		if err = r.Keys.Replace(ctx, after, version); !errors.Is(err, secrets.ErrChanged) {
			return err
		}
	}
	return err
}

// test waits until the API has known the new key for a while: its tasks read their keys at different times, and whoever
// gets the new key must not meet one that does not know it.
func (r *Rotation) test(ctx context.Context, key string) error {
	var since time.Time
	for {
		known, err := r.Known(ctx, key)
		switch {
		case !known:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= r.Settled:
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(errors.New("the API does not know the new key in time"), err)
		case <-time.After(r.Pause):
		}
	}
}
