package rotation_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"event-processing-service/cmd/internal/rotation"
	"event-processing-service/internal/secrets"
	"event-processing-service/internal/settings"
)

const (
	keysID, shopID = "n/api-keys", "arn:shop"
	oldKey         = "the-key-of-the-shop"
	asItWas        = `{"shop":{"keys":["` + oldKey + `"],"sources":["/shop/*"]},"web":"the-key-of-the-web"}`
)

var steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

func newRotation(cfg aws.Config, known func(key string) bool) *rotation.Rotation {
	return &rotation.Rotation{
		Clients: map[string]string{shopID: "shop"}, Keys: secrets.NewDocument(cfg, keysID),
		Secret:  func(id string) (*secrets.Document, error) { return secrets.NewDocument(cfg, id), nil },
		Overlap: time.Hour, Settled: 20 * time.Millisecond, Pause: 5 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Known: func(_ context.Context, key string) (bool, error) { return known(key), nil },
	}
}

func everyKey(string) bool { return true }

func handle(t *testing.T, r *rotation.Rotation, token string, steps ...string) {
	t.Helper()
	for _, step := range steps {
		if err := r.Handle(t.Context(), rotation.Event{Step: step, SecretID: shopID, Token: token}); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
}

// shop is what the API knows of the client: whether each key is one of its, and until when.
func shop(t *testing.T, v *vault) map[[sha256.Size]byte]time.Time {
	t.Helper()
	clients, err := settings.ParseClients(v.current(keysID))
	if err != nil {
		t.Fatalf("the API can't read its keys: %v", err)
	}
	if len(clients["web"].Keys) != 1 || len(clients["shop"].Sources) != 1 {
		t.Errorf("other clients, or what the client may do, have changed: %+v", clients)
	}
	ends := map[[sha256.Size]byte]time.Time{}
	for _, key := range clients["shop"].Keys {
		ends[key.Hash] = key.Expires
	}
	return ends
}

func TestARotationGivesTheClientANewKeyAndLetsTheOldOneEnd(t *testing.T) {
	for calls := 1; calls <= 3; calls++ { // of each step: Secrets Manager may call any of them again
		v, cfg := newVault(t, map[string]string{keysID: asItWas, shopID: oldKey})
		r := newRotation(cfg, everyKey)
		v.begin(shopID, "token-1")
		for _, step := range steps {
			if step == "finishSecret" {
				if ends, is := shop(t, v)[sha256.Sum256([]byte(oldKey))]; !is || !ends.IsZero() || v.current(shopID) != oldKey {
					t.Errorf("before its last step the key that is in use ends at %s (there: %v)", ends, is)
				}
			}
			for range calls {
				handle(t, r, "token-1", step)
			}
		}
		fresh, ends := v.current(shopID), shop(t, v)
		until := time.Until(ends[sha256.Sum256([]byte(oldKey))])
		if end, is := ends[sha256.Sum256([]byte(fresh))]; !is || !end.IsZero() || len(fresh) != secrets.KeyLength ||
			len(ends) != 2 || until > time.Hour || until < 59*time.Minute {
			t.Errorf("with %d calls of each step the client has %v, and its old key ends in %s", calls, ends, until)
		}
		if strings.Contains(v.current(keysID), fresh) {
			t.Error("the key itself is among the API's")
		}
	}
}

func TestAnInterruptedRotationIsResumed(t *testing.T) {
	for _, operation := range []string{"DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"} {
		for interrupted := range steps {
			v, cfg := newVault(t, map[string]string{keysID: asItWas, shopID: oldKey})
			r := newRotation(cfg, everyKey)
			v.begin(shopID, "token-1")
			handle(t, r, "token-1", steps[:interrupted]...)
			v.fail(operation)
			_ = r.Handle(t.Context(), rotation.Event{Step: steps[interrupted], SecretID: shopID, Token: "token-1"})
			v.fail("")
			for key := range shop(t, v) {
				if current := sha256.Sum256([]byte(v.current(shopID))); key == current && !shop(t, v)[key].IsZero() {
					t.Errorf("%s fails in %s, and the client's key ends", operation, steps[interrupted])
				}
			}
			handle(t, r, "token-1", steps...) // from the start, with the same token
			if ends := shop(t, v); v.current(shopID) == oldKey || len(ends) != 2 {
				t.Errorf("%s fails in %s: afterwards the key is %s, and the client has %v", operation, steps[interrupted],
					v.current(shopID), ends)
			}
		}
	}
}

// A rotation that is given up on leaves a key that nobody has. The next one ends it.
func TestARotationThatIsGivenUpOnChangesNothingForTheClient(t *testing.T) {
	v, cfg := newVault(t, map[string]string{keysID: asItWas, shopID: oldKey})
	r := newRotation(cfg, func(string) bool { return false })
	v.begin(shopID, "token-1")
	handle(t, r, "token-1", "createSecret", "setSecret")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := r.Handle(ctx, rotation.Event{Step: "testSecret", SecretID: shopID, Token: "token-1"}); err == nil ||
		!strings.Contains(err.Error(), "does not know the new key") {
		t.Errorf("an API that does not know the key: %v", err)
	}
	if ends := shop(t, v); v.current(shopID) != oldKey || !ends[sha256.Sum256([]byte(oldKey))].IsZero() || len(ends) != 2 {
		t.Errorf("the key is %s, and the client has %v", v.current(shopID), ends)
	}
	r.Known = func(context.Context, string) (bool, error) { return true, nil }
	v.begin(shopID, "token-2")
	handle(t, r, "token-2", steps...)
	forEver := 0
	for _, end := range shop(t, v) {
		if end.IsZero() {
			forEver++
		}
	}
	if forEver != 1 {
		t.Errorf("%d keys have no end: %v", forEver, shop(t, v))
	}
}

func TestTheTestWaitsUntilNoTaskIsLeftThatDoesNotKnowTheKey(t *testing.T) {
	v, cfg := newVault(t, map[string]string{keysID: asItWas, shopID: oldKey})
	asked := 0
	r := newRotation(cfg, func(string) bool {
		asked++
		return asked != 1 && asked != 3 // another task
	})
	v.begin(shopID, "token-1")
	handle(t, r, "token-1", steps...)
	if asked < 6 {
		t.Errorf("it asks %d times, though the third answer was no", asked)
	}
}

func TestWhatIsNoRotationOfOursIsRefused(t *testing.T) {
	v, cfg := newVault(t, map[string]string{keysID: asItWas, shopID: oldKey, "arn:other": "x", "arn:gone": "x"})
	r := newRotation(cfg, everyKey)
	r.Clients["arn:gone"] = "gone"
	v.begin(shopID, "token-1")
	v.begin("arn:gone", "token-1")
	for want, e := range map[string]rotation.Event{
		"is of no client":           {Step: "createSecret", SecretID: "arn:other", Token: "token-1"},
		"no pending version":        {Step: "createSecret", SecretID: shopID, Token: "token-2"},
		"comes before createSecret": {Step: "setSecret", SecretID: shopID, Token: "token-1"},
	} {
		if err := r.Handle(t.Context(), e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", e, err, want)
		}
	}
	gone := rotation.Event{Step: "createSecret", SecretID: "arn:gone", Token: "token-1"}
	if err := r.Handle(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	gone.Step = "setSecret"
	if err := r.Handle(t.Context(), gone); err == nil || !strings.Contains(err.Error(), `no client "gone"`) {
		t.Errorf("of a client that the API does not know: %v", err)
	}
	gone.Step = "dropSecret"
	if err := r.Handle(t.Context(), gone); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a step that there is not: %v", err)
	}
	if v.current(keysID) != asItWas {
		t.Errorf("the keys have become %s", v.current(keysID))
	}
}
