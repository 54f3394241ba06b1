package serve

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"event-processing-service/api"
	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/canary"
	"event-processing-service/internal/secrets"
	"event-processing-service/internal/settings"
)

const oneClient, twoClients = `{"shop":"0123456789abcdef"}`, `{"shop":"0123456789abcdef","web":"fedcba9876543210"}`

func TestKeysAreFollowedAndTheLastGoodOnesStay(t *testing.T) {
	var log strings.Builder
	stored, failure := oneClient, error(nil)
	var inUse []int
	r := &clientsReader{
		from: settings.Origin{Secret: "shop/keys"}, log: slog.New(slog.NewTextHandler(&log, nil)),
		read: func(context.Context) (string, error) { return stored, failure },
		set:  func(clients api.Clients, _ string) { inUse = append(inUse, len(clients)) },
	}
	if err := r.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	step := func(text string, err error, sets int, line string) {
		t.Helper()
		log.Reset()
		stored, failure = text, err
		r.look(t.Context())
		if len(inUse) != sets || line == "" && log.Len() > 0 || !strings.Contains(log.String(), line) {
			t.Errorf("after %q and %v the clients were set %d times, want %d; the log has %q", text, err, len(inUse), sets,
				log.String())
		}
		if strings.Contains(log.String(), "0123456789") {
			t.Errorf("a key is in the log: %s", log.String())
		}
	}
	step(oneClient, nil, 1, "")
	step(twoClients, nil, 2, "the keys have changed")
	step(twoClients, errors.New("throttled"), 2, "throttled")
	step(twoClients, errors.New("throttled"), 2, "")
	step(`{"shop":"0123456789"}`, nil, 2, "a key of less than 16 characters")
	step(twoClients, nil, 2, "the keys can be read again")
	step(`{}`, nil, 3, "the keys have changed")
}

func TestTheAPIDoesNotStartWithoutItsKeys(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(broken, []byte(`["0123456789abcdef"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	a := assembly.New(t.Context(), slog.New(slog.DiscardHandler))
	for file, want := range map[string]string{broken: "must be a JSON object of client name",
		broken + ".not": "no such file"} {
		err := followClients(t.Context(), a, settings.Origin{File: file}, "", func(api.Clients, string) {
			t.Errorf("%s is used", file)
		})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) ||
			strings.Contains(err.Error(), "0123456789abcdef\"") {
			t.Errorf("of %s: %v", file, err)
		}
	}
}

func TestTheCanaryIsLetInByItsOwnKeyAndHoldsUpNoOtherClient(t *testing.T) {
	var log strings.Builder
	stored, canaryKey, failure := oneClient, "", error(nil)
	var inUse api.Clients
	r := &clientsReader{
		from: settings.Origin{Secret: "shop/keys"}, log: slog.New(slog.NewTextHandler(&log, nil)),
		read:       func(context.Context) (string, error) { return stored, nil },
		readCanary: func(context.Context) (string, error) { return canaryKey, failure },
		set:        func(clients api.Clients, _ string) { inUse = clients },
	}
	step := func(key string, err error, lets string) {
		t.Helper()
		canaryKey, failure = key, err
		r.look(t.Context())
		who := inUse[canary.Client]
		switch {
		case len(inUse["shop"].Keys) != 1:
			t.Errorf("with %q and %v other clients are %v", key, err, inUse)
		case lets == "" && len(who.Keys) > 0, lets != "" && (len(who.Keys) != 1 ||
			who.Keys[0].Hash != sha256.Sum256([]byte(lets)) || who.Sources[0] != canary.Source || who.Types[0] != canary.Type):
			t.Errorf("with %q and %v the canary is %+v, want it by %q", key, err, who, lets)
		}
		if key != "" && strings.Contains(log.String(), key) {
			t.Errorf("its key is in the log: %s", log.String())
		}
	}
	one, two := strings.Repeat("1", secrets.KeyLength), strings.Repeat("2", secrets.KeyLength)
	step("", errors.New("it has no value"), "")
	step("", errors.New("it has no value"), "")
	if n := strings.Count(log.String(), "it has no value"); n != 1 {
		t.Errorf("the same is said %d times", n)
	}
	step("short-key", nil, "")
	step(one, nil, one)
	step("", errors.New("throttled"), one)
	step(two, nil, two)
	stored = twoClients
	step(two, nil, two)
	stored = `{"shop":"0123456789abcdef","canary":"somebody-elses-key"}`
	r.look(t.Context())
	if who := inUse[canary.Client]; who.Sources != nil || who.Keys[0].Hash != sha256.Sum256([]byte("somebody-elses-key")) {
		t.Errorf("a client of the canary's name has become %+v", who)
	}
}
